"""Area under the ROC curve: how well scores rank the positive rows above the negative ones."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np
import sklearn.metrics

from .direct_metric import DirectMetric
from .validation import MetricInputError, binary_labels, finite_numbers, require_same_shape


def roc_auc(references: Any, predictions: Any) -> float:
    """Area under the receiver operating characteristic curve of a binary problem.

    The share of pairs of one positive and one negative row in which the positive row has the
    higher score, ties counted half. Only the order of the scores matters. Higher is better.

    Parameters
    ----------
    references : array-like of shape (n,)
        True classes, 0 or 1 (or booleans), both present.
    predictions : array-like of shape (n,)
        Finite scores of class 1, on any scale; booleans are accepted.

    Returns
    -------
    float
        In [0, 1]; 0.5 for constant scores.

    Raises
    ------
    MetricInputError
        If an argument is empty, not one-dimensional or not finite; if the lengths differ; if the
        references hold anything but 0 and 1, or only one of them.

    References
    ----------
    scikit-learn, ``sklearn.metrics.roc_auc_score``, which computes the value.

    T. Fawcett (2006). An introduction to ROC analysis. Pattern Recognition Letters 27, 861-874.

    Examples
    --------
    >>> references = [0, 0, 1, 1]
    >>> predictions = [0.1, 0.4, 0.35, 0.8]
    >>> roc_auc(references, predictions)
    0.75
    """
    truth = binary_labels("references", references)
    scores = finite_numbers("predictions", predictions)
    require_same_shape(truth, scores)
    # scikit-learn raises here in old versions and returns nan in new ones.
    if truth.min() == truth.max():
        raise MetricInputError("references", f"must hold both classes; every row holds {truth[0]}")
    # Differences of scores near the largest float64 overflow; only whether they are zero counts.
    with np.errstate(over="ignore"):
        return float(sklearn.metrics.roc_auc_score(truth, scores))


class RocAuc(DirectMetric):
    """Area under the ROC curve for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=roc_auc.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("float64"),
                    "references": datasets.Value("int64"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"roc_auc": roc_auc(references, predictions, **parameters)}
