"""Accuracy: the share of rows whose predicted label is the true label."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np

from .direct_metric import DirectMetric
from .validation import MetricInputError, label_vector, require_same_shape


def accuracy(references: Any, predictions: Any) -> float:
    """Share of rows whose predicted label equals the true label.

    Labels are compared as they are: 1, 1.0 and True are equal, 1.5 equals no integer, and text is
    compared character by character, case and spaces included. Higher is better.

    Parameters
    ----------
    references : array-like of shape (n,)
        True labels, all text or all numbers (integers, booleans, finite floats).
    predictions : array-like of shape (n,)
        Predicted labels, text if the references are text, else numbers.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    MetricInputError
        If an argument is empty, not one-dimensional, or holds missing or mixed labels; if the
        lengths differ; if one side is text and the other numbers.

    References
    ----------
    scikit-learn, ``sklearn.metrics.accuracy_score``.

    Examples
    --------
    >>> references = [0, 1, 2, 1]
    >>> predictions = [0, 1, 1, 1]
    >>> accuracy(references, predictions)
    0.75
    >>> accuracy(["cat", "dog"], ["cat", "Dog"])
    0.5
    """
    truth = label_vector("references", references)
    predicted = label_vector("predictions", predictions)
    require_same_shape(truth, predicted)
    kinds = ["text" if isinstance(labels[0], str) else "numbers" for labels in (truth, predicted)]
    if kinds[0] != kinds[1]:
        raise MetricInputError(
            "predictions", f"must be {kinds[0]} like the references; got {kinds[1]}"
        )
    return float(np.mean(truth == predicted))


class Accuracy(DirectMetric):
    """Accuracy for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=accuracy.__doc__,
            features=[
                datasets.Features(
                    {"predictions": datasets.Value(label), "references": datasets.Value(label)}
                )
                for label in ("int64", "float64", "bool", "string")
            ],
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"accuracy": accuracy(references, predictions, **parameters)}
