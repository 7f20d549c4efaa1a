"""Column-wise area under the ROC curve: the plain mean of the areas of several binary columns."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np
import sklearn.metrics

from .direct_metric import DirectMetric
from .validation import MetricInputError, finite_numbers, require_rows, require_same_shape


def columnwise_roc_auc(references: Any, predictions: Any) -> float:
    """Mean over columns of the area under the receiver operating characteristic curve.

    Every column is a binary problem of its own; all have the same weight. Higher is better.

    Parameters
    ----------
    references : array-like of shape (n,) or (n, k)
        True classes, 0 or 1 (or booleans), both present in every column; a vector is one column.
    predictions : array-like of the shape of `references`
        Finite scores of class 1, on any scale.

    Returns
    -------
    float
        In [0, 1]; 0.5 for constant scores.

    Raises
    ------
    MetricInputError
        If an argument is empty, of wrong shape or not finite; if the shapes differ; if the
        references hold anything but 0 and 1, or a column of them only one of both.

    References
    ----------
    scikit-learn, ``sklearn.metrics.roc_auc_score``, which computes each column.

    T. Fawcett (2006). An introduction to ROC analysis. Pattern Recognition Letters 27, 861-874.

    Examples
    --------
    >>> references = [[0, 1], [0, 0], [1, 1], [1, 0]]
    >>> predictions = [[0.1, 0.9], [0.4, 0.2], [0.35, 0.3], [0.8, 0.1]]
    >>> columnwise_roc_auc(references, predictions)
    0.875
    """
    truth = finite_numbers("references", references, dimensions=(1, 2))
    require_rows("references", "must be 0 or 1", truth, (truth == 0) | (truth == 1))
    scores = finite_numbers("predictions", predictions, dimensions=(1, 2))
    require_same_shape(truth, scores)
    truth, scores = truth.reshape(len(truth), -1), scores.reshape(len(truth), -1)
    constant = truth.min(axis=0) == truth.max(axis=0)
    if constant.any():
        column = int(constant.argmax())
        raise MetricInputError(
            "references",
            "must hold both classes in every column; "
            f"every row of column {column} holds {truth[0, column]:g}",
        )
    # Differences of scores near the largest float64 overflow; only whether they are zero counts.
    with np.errstate(over="ignore"):
        areas = [
            sklearn.metrics.roc_auc_score(classes, column)
            for classes, column in zip(
                np.ascontiguousarray(truth.T), np.ascontiguousarray(scores.T), strict=True
            )
        ]
    return float(np.mean(areas))


class ColumnwiseRocAuc(DirectMetric):
    """Column-wise area under the ROC curve for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=columnwise_roc_auc.__doc__,
            features=[
                datasets.Features({"predictions": score, "references": label})
                for score, label in (
                    (
                        datasets.Sequence(datasets.Value("float64")),
                        datasets.Sequence(datasets.Value("int64")),
                    ),
                    (datasets.Value("float64"), datasets.Value("int64")),
                )
            ],
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"columnwise_roc_auc": columnwise_roc_auc(references, predictions, **parameters)}
