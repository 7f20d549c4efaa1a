"""Matthews correlation coefficient: how far two classifications agree beyond chance."""

from __future__ import annotations

import math
from typing import Any

import datasets
import evaluate
import numpy as np
import pandas as pd

from .direct_metric import DirectMetric
from .validation import MetricInputError, label_vector, require_same_shape


def matthews_corrcoef(references: Any, predictions: Any) -> float:
    """Correlation of predicted and true classes, for two or more classes.

    Higher is better.

    Parameters
    ----------
    references : array-like of shape (n,)
        True labels, text or numbers.
    predictions : array-like of shape (n,)
        Predicted labels of the same kind.

    Returns
    -------
    float
        In [-1, 1]; 0 if the references or the predictions are all of one class.

    Raises
    ------
    MetricInputError
        If a label is missing, text and numbers are mixed, an argument is empty or not
        one-dimensional, or the lengths differ.

    References
    ----------
    scikit-learn, ``sklearn.metrics.matthews_corrcoef``.

    Examples
    --------
    >>> references = [1, 1, 1, 0]
    >>> predictions = [1, 0, 1, 1]
    >>> round(matthews_corrcoef(references, predictions), 12)
    -0.333333333333
    """
    truth = label_vector("references", references)
    predicted = label_vector("predictions", predictions)
    kinds = ["text" if isinstance(labels[0], str) else "numbers" for labels in (truth, predicted)]
    if kinds[0] != kinds[1]:
        raise MetricInputError(
            "predictions", f"must be {kinds[0]} like the references; got {kinds[1]}"
        )
    require_same_shape(truth, predicted)
    codes, classes = pd.factorize(np.concatenate([truth, predicted]))
    true_codes, predicted_codes = codes[: len(truth)], codes[len(truth) :]
    # The sums below are whole numbers, as Python's integers exact for any number of rows.
    rows = len(truth)
    correct = int(np.count_nonzero(true_codes == predicted_codes))
    true_counts = np.bincount(true_codes, minlength=len(classes))
    predicted_counts = np.bincount(predicted_codes, minlength=len(classes))
    together = correct * rows - int(true_counts @ predicted_counts)
    true_spread = rows**2 - int(true_counts @ true_counts)
    predicted_spread = rows**2 - int(predicted_counts @ predicted_counts)
    if true_spread == 0 or predicted_spread == 0:
        return 0.0
    return max(-1.0, min(1.0, together / math.sqrt(true_spread * predicted_spread)))


class MatthewsCorrcoef(DirectMetric):
    """Matthews correlation coefficient for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=matthews_corrcoef.__doc__,
            features=[
                datasets.Features({"predictions": value, "references": value})
                for value in (datasets.Value("int64"), datasets.Value("string"))
            ],
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"matthews_corrcoef": matthews_corrcoef(references, predictions, **parameters)}
