"""Root mean squared error: the quadratic mean of the errors."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np

from .direct_metric import DirectMetric
from .validation import finite_numbers, require_same_shape


def rmse(references: Any, predictions: Any) -> float:
    """Square root of the mean squared difference, in the unit of the target.

    Lower is better.

    Parameters
    ----------
    references : array-like of shape (n,)
        True values, finite.
    predictions : array-like of shape (n,)
        Predicted values, finite.

    Returns
    -------
    float
        In [0, inf]; inf where an error is too large to be squared in float64.

    Raises
    ------
    MetricInputError
        If an argument is empty, not one-dimensional or not finite, or the lengths differ.

    References
    ----------
    scikit-learn, ``sklearn.metrics.root_mean_squared_error``, with which the value agrees to the
    last bit.

    Examples
    --------
    >>> references = [3.0, -0.5, 2.0, 7.0]
    >>> predictions = [2.5, 0.0, 2.0, 8.0]
    >>> rmse(references, predictions)
    0.6123724356957945
    """
    truth = finite_numbers("references", references)
    predicted = finite_numbers("predictions", predictions)
    require_same_shape(truth, predicted)
    with np.errstate(over="ignore"):
        return float(np.sqrt(np.mean((truth - predicted) ** 2)))


class Rmse(DirectMetric):
    """Root mean squared error for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=rmse.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("float64"),
                    "references": datasets.Value("float64"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"rmse": rmse(references, predictions, **parameters)}
