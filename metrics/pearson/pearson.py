"""Pearson correlation coefficient: the strength of a linear relation."""

from __future__ import annotations

import math
from typing import Any, Literal

import datasets
import evaluate
import numpy as np
import numpy.typing as npt

from .direct_metric import DirectMetric
from .validation import MetricInputError, finite_numbers, require_same_shape


def pearson(
    references: Any, predictions: Any, *, undefined: Literal["refuse", "nan"] = "refuse"
) -> float:
    """Pearson correlation coefficient of predictions and true values.

    Higher is better.

    Parameters
    ----------
    references : array-like of shape (n,)
        True values, finite and not all equal.
    predictions : array-like of shape (n,)
        Predicted values, finite and not all equal.
    undefined : {"refuse", "nan"}
        What becomes of predictions without a correlation, because they are all equal or one of
        them is missing or infinite: an error, or the score NaN.

    Returns
    -------
    float
        In [-1, 1], or NaN.

    Raises
    ------
    MetricInputError
        If an argument is empty or not one-dimensional; if the lengths differ; if the references,
        or, unless `undefined` is "nan", the predictions have no correlation with anything.

    References
    ----------
    SciPy, ``scipy.stats.pearsonr``.

    Examples
    --------
    >>> references = [0.0, 0.5, 0.25, 1.0]
    >>> predictions = [0.1, 0.4, 0.5, 0.7]
    >>> round(pearson(references, predictions), 12)
    0.878310065654
    >>> pearson(references, [0.5, 0.5, 0.5, 0.5], undefined="nan")
    nan
    """
    if undefined not in ("refuse", "nan"):
        raise MetricInputError("undefined", f"must be 'refuse' or 'nan'; got {undefined!r}")
    truth = finite_numbers("references", references)
    if undefined == "nan":
        given = np.asarray(predictions)
        if given.dtype.kind == "f" and not np.isfinite(given).all():
            # Only the shape is left to check.
            require_same_shape(truth, finite_numbers("predictions", np.zeros(given.shape)))
            return math.nan
    predicted = finite_numbers("predictions", predictions)
    require_same_shape(truth, predicted)
    if (truth == truth[0]).all():
        raise MetricInputError("references", "must not all be equal; correlation is undefined")
    if (predicted == predicted[0]).all():
        if undefined == "nan":
            return math.nan
        raise MetricInputError("predictions", "must not all be equal; correlation is undefined")
    return float(np.clip(np.dot(_standardized(truth), _standardized(predicted)), -1.0, 1.0))


def _standardized(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the values minus their mean, as a vector of length 1."""
    # Scaled by a power of two, which changes no digit, so that nothing overflows.
    _, exponent = np.frexp(np.abs(values).max())
    scaled = np.ldexp(values, -int(exponent))
    centered = scaled - scaled.mean()
    # Once more: differences may be small beside the values.
    _, exponent = np.frexp(np.abs(centered).max())
    centered = np.ldexp(centered, -int(exponent))
    normed: npt.NDArray[np.float64] = centered / np.linalg.norm(centered)
    return normed


class Pearson(DirectMetric):
    """Pearson correlation coefficient for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=pearson.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("float64"),
                    "references": datasets.Value("float64"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"pearson": pearson(references, predictions, **parameters)}
