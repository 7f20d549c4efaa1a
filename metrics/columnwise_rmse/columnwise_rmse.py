"""Column-wise root mean squared error: the plain mean of the columns' errors."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np

from .direct_metric import DirectMetric
from .validation import finite_numbers, require_same_shape


def columnwise_rmse(references: Any, predictions: Any) -> float:
    """Mean over columns of the root mean squared difference.

    Lower is better.

    Parameters
    ----------
    references : array-like of shape (n,) or (n, k)
        True values, finite; a vector is one column.
    predictions : array-like of the shape of `references`
        Predicted values, finite.

    Returns
    -------
    float
        In [0, inf]; inf where an error is too large to be squared in float64.

    Raises
    ------
    MetricInputError
        If an argument is empty, of wrong shape or not finite, or the shapes differ.

    References
    ----------
    scikit-learn, ``sklearn.metrics.root_mean_squared_error`` with uniform average.

    Examples
    --------
    >>> references = [[3.0, 0.5], [5.0, 1.0], [2.5, 7.0]]
    >>> predictions = [[2.5, 0.0], [5.0, 2.0], [4.0, 8.0]]
    >>> round(columnwise_rmse(references, predictions), 12)
    0.88944816648
    """
    truth = finite_numbers("references", references, dimensions=(1, 2))
    predicted = finite_numbers("predictions", predictions, dimensions=(1, 2))
    require_same_shape(truth, predicted)
    # Each column is laid out on its own, so that the order of summation, and with it the last
    # bit, does not depend on the memory layout of the table that came in.
    with np.errstate(over="ignore"):
        squares = np.ascontiguousarray(((truth - predicted) ** 2).reshape(len(truth), -1).T)
    return float(np.mean([np.sqrt(np.mean(column)) for column in squares]))


class ColumnwiseRmse(DirectMetric):
    """Column-wise root mean squared error for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=columnwise_rmse.__doc__,
            features=[
                datasets.Features({"predictions": value, "references": value})
                for value in (
                    datasets.Sequence(datasets.Value("float64")),
                    datasets.Value("float64"),
                )
            ],
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"columnwise_rmse": columnwise_rmse(references, predictions, **parameters)}
