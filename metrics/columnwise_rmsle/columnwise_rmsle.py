"""Column-wise root mean squared logarithmic error: the plain mean of the columns' errors."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np

from .direct_metric import DirectMetric
from .validation import finite_numbers, require_same_shape


def columnwise_rmsle(references: Any, predictions: Any) -> float:
    """Mean over columns of the root mean squared difference of ln(1 + value).

    Lower is better.

    Parameters
    ----------
    references : array-like of shape (n,) or (n, k)
        True values, finite and not negative; a vector is one column.
    predictions : array-like of the shape of `references`
        Predicted values, finite and not negative.

    Returns
    -------
    float
        In [0, 709.79], the latter being ln of the largest float64.

    Raises
    ------
    MetricInputError
        If an argument is empty, of wrong shape or not finite; if the shapes differ; if a value is
        negative, however small.

    References
    ----------
    scikit-learn 1.5, ``sklearn.metrics.root_mean_squared_log_error`` with uniform average, with
    which the value agrees to the last bit. Newer versions accept values above -1; this does not.

    Examples
    --------
    >>> references = [[3.0, 0.5], [5.0, 1.0], [2.5, 7.0]]
    >>> predictions = [[2.5, 0.0], [5.0, 2.0], [4.0, 8.0]]
    >>> round(columnwise_rmsle(references, predictions), 12)
    0.278928653904
    """
    truth = finite_numbers("references", references, dimensions=(1, 2), low=0)
    predicted = finite_numbers("predictions", predictions, dimensions=(1, 2), low=0)
    require_same_shape(truth, predicted)
    # Each column is laid out on its own, so that the order of summation, and with it the last
    # bit, does not depend on the memory layout of the table that came in.
    columns = zip(_columns(truth), _columns(predicted), strict=True)
    errors = [np.sqrt(np.mean((np.log1p(t) - np.log1p(p)) ** 2)) for t, p in columns]
    return float(np.mean(errors))


def _columns(table: np.ndarray[Any, np.dtype[np.float64]]) -> list[Any]:
    return list(np.ascontiguousarray(table.reshape(len(table), -1).T))


class ColumnwiseRmsle(DirectMetric):
    """Column-wise root mean squared logarithmic error for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=columnwise_rmsle.__doc__,
            features=[
                datasets.Features({"predictions": value, "references": value})
                for value in (
                    datasets.Sequence(datasets.Value("float64")),
                    datasets.Value("float64"),
                )
            ],
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"columnwise_rmsle": columnwise_rmsle(references, predictions, **parameters)}
