"""F1 of single labels: the harmonic mean of precision and recall, over classes or over rows."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np
import pandas as pd

from .direct_metric import DirectMetric
from .validation import MetricInputError, label_vector, require_same_shape


def f1(references: Any, predictions: Any, *, average: str = "macro") -> float:
    """F1 of rows that have one label each.

    Labels are compared as they are: 1, 1.0 and True are equal, and text is compared character by
    character. Higher is better.

    Parameters
    ----------
    references : array-like of shape (n,)
        True labels, all text or all numbers.
    predictions : array-like of shape (n,)
        Predicted labels, text if the references are text, else numbers.
    average : {"macro", "micro"}
        ``"macro"``: the plain mean of the F1 of every class that occurs in either argument; a class
        that is never predicted right has 0. ``"micro"``: F1 of the counts of all classes together,
        which is the share of right rows.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    MetricInputError
        If an argument is empty, not one-dimensional, or holds missing or mixed labels; if the
        lengths differ; if one side is text and the other numbers; if `average` is something else.

    References
    ----------
    scikit-learn, ``sklearn.metrics.f1_score``, with which the value agrees.

    C. J. van Rijsbergen (1979). Information Retrieval, 2nd ed. Butterworths.

    Examples
    --------
    >>> references = ["oak", "elm", "oak", "ash"]
    >>> predictions = ["oak", "oak", "oak", "ash"]
    >>> round(f1(references, predictions), 12)
    0.6
    >>> f1(references, predictions, average="micro")
    0.75
    """
    if average not in ("macro", "micro"):
        raise MetricInputError("average", f"must be 'macro' or 'micro'; got {average!r}")
    truth = label_vector("references", references)
    predicted = label_vector("predictions", predictions)
    require_same_shape(truth, predicted)
    kinds = ["text" if isinstance(labels[0], str) else "numbers" for labels in (truth, predicted)]
    if kinds[0] != kinds[1]:
        raise MetricInputError(
            "predictions", f"must be {kinds[0]} like the references; got {kinds[1]}"
        )
    right = truth == predicted
    if average == "micro":
        return float(np.mean(right))
    codes, classes = pd.factorize(np.concatenate([truth, predicted]))
    counts = np.bincount(codes, minlength=len(classes))
    hits = np.bincount(codes[: len(truth)][right], minlength=len(classes))
    # 2 TP / (2 TP + FP + FN), where the denominator is the rows of the class on both sides.
    return float(np.mean(2 * hits / counts))


class F1(DirectMetric):
    """F1 of single labels for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=f1.__doc__,
            features=[
                datasets.Features(
                    {"predictions": datasets.Value(label), "references": datasets.Value(label)}
                )
                for label in ("int64", "float64", "bool", "string")
            ],
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"f1": f1(references, predictions, **parameters)}
