"""Laplace log likelihood of predictions that say how certain they are."""

from __future__ import annotations

import math
from typing import Any, Literal

import datasets
import evaluate
import numpy as np

from .direct_metric import DirectMetric
from .validation import MetricInputError, finite_numbers


def laplace_log_likelihood(
    references: Any,
    predictions: Any,
    *,
    lowest_deviation: float = 70.0,
    largest_error: float = 1000.0,
    gaps: Literal["refuse", "propagate"] = "refuse",
) -> float:
    """Mean log likelihood under Laplace distributions around the predictions.

    Errors and standard deviations are bounded, so that no row can dominate. Higher is better.

    Parameters
    ----------
    references : array-like of shape (n,)
        True values, finite.
    predictions : array-like of shape (n, 2)
        Predicted value and its standard deviation, in the unit of the references, finite.
    lowest_deviation : float
        Standard deviations below are raised to it.
    largest_error : float
        Absolute errors above are lowered to it.
    gaps : {"refuse", "propagate"}
        With ``"propagate"``, missing and infinite predictions go into the formula (a missing
        deviation as 0), and the score of no rows is NaN.

    Returns
    -------
    float
        At most -ln(sqrt(2) * lowest_deviation).

    Raises
    ------
    MetricInputError
        If an argument is empty, of wrong shape or not finite, the lengths differ, or a parameter is
        not positive.

    References
    ----------
    Kaggle, *OSIC Pulmonary Fibrosis Progression*.

    Examples
    --------
    >>> references = [2500.0, 2000.0, 3100.0]
    >>> predictions = [[2400.0, 100.0], [2000.0, 50.0], [3000.0, 200.0]]
    >>> round(laplace_log_likelihood(references, predictions), 12)
    -5.771007969662
    """
    for name, value in (("lowest_deviation", lowest_deviation), ("largest_error", largest_error)):
        if not 0 < value < np.inf:
            raise MetricInputError(name, f"must be a finite positive number; got {value!r}")
    if gaps not in ("refuse", "propagate"):
        raise MetricInputError("gaps", f"must be 'refuse' or 'propagate'; got {gaps!r}")
    if gaps == "propagate" and len(references) == 0 == len(predictions):
        return float("nan")
    truth = finite_numbers("references", references)
    predicted = finite_numbers("predictions", predictions, dimensions=(2,), finite=gaps == "refuse")
    if predicted.shape != (len(truth), 2):
        raise MetricInputError(
            "predictions",
            f"must have two columns and a row per reference, {(len(truth), 2)}; "
            f"got shape {predicted.shape}",
        )
    value, given = predicted.T
    deviation = np.maximum(np.where(np.isnan(given), 0.0, given), lowest_deviation)
    error = np.minimum(np.abs(truth - value), largest_error)
    scale = math.sqrt(2) * deviation
    return float(np.mean(-math.sqrt(2) * error / deviation - np.log(scale)))


class LaplaceLogLikelihood(DirectMetric):
    """Laplace log likelihood for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=laplace_log_likelihood.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Sequence(datasets.Value("float64")),
                    "references": datasets.Value("float64"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {
            "laplace_log_likelihood": laplace_log_likelihood(references, predictions, **parameters)
        }
