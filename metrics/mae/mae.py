"""Mean absolute error: the mean size of the errors."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np

from .direct_metric import DirectMetric
from .validation import MetricInputError, finite_numbers, require_same_shape


def mae(references: Any, predictions: Any, *, decimals: int | None = None) -> float:
    """Mean absolute difference, in the unit of the target.

    Lower is better.

    Parameters
    ----------
    references : array-like of shape (n,)
        True values, finite.
    predictions : array-like of shape (n,)
        Predicted values, finite.
    decimals : int, optional
        Decimals that the score is rounded to, half to even; not rounded by default.

    Returns
    -------
    float
        In [0, inf].

    Raises
    ------
    MetricInputError
        If an argument is empty, not one-dimensional or not finite, or the lengths differ.

    References
    ----------
    scikit-learn, ``sklearn.metrics.mean_absolute_error``.

    Examples
    --------
    >>> references = [3.0, -0.5, 2.0, 7.0]
    >>> predictions = [2.5, 0.0, 2.0, 8.0]
    >>> mae(references, predictions)
    0.5
    >>> mae(references, predictions, decimals=0)
    0.0
    """
    if decimals is not None and (not isinstance(decimals, int) or isinstance(decimals, bool)):
        raise MetricInputError("decimals", f"must be a whole number; got {decimals!r}")
    truth = finite_numbers("references", references)
    predicted = finite_numbers("predictions", predictions)
    require_same_shape(truth, predicted)
    with np.errstate(over="ignore"):
        score = float(np.mean(np.abs(truth - predicted)))
    return score if decimals is None else round(score, decimals)


class Mae(DirectMetric):
    """Mean absolute error for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=mae.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("float64"),
                    "references": datasets.Value("float64"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"mae": mae(references, predictions, **parameters)}
