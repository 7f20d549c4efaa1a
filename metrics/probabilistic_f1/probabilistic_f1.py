"""Probabilistic F1 score: probabilities count as shares of a detection."""

from __future__ import annotations

from typing import Any, Literal

import datasets
import evaluate
import numpy as np

from .direct_metric import DirectMetric
from .validation import (
    MetricInputError,
    binary_labels,
    finite_numbers,
    require_rows,
    require_same_shape,
)


def probabilistic_f1(
    references: Any,
    predictions: Any,
    *,
    outside: Literal["forbid", "clip"] = "forbid",
    missing: Literal["forbid", "zero_score"] = "forbid",
) -> float:
    """F1 score in which each probability counts as that share of a positive answer.

    Higher is better.

    Parameters
    ----------
    references : array-like of shape (n,)
        True classes, 0 or 1 (or booleans), at least one of them 1.
    predictions : array-like of shape (n,)
        Probabilities of class 1, in [0, 1].
    outside : {"forbid", "clip"}
        ``"clip"``: values outside [0, 1] count as the nearer bound, also infinite ones in a numpy
        array; only if all are negative that is an error.
    missing : {"forbid", "zero_score"}
        ``"zero_score"``: if a prediction is missing (NaN in a numpy array), the score is 0.

    Returns
    -------
    float
        In [0, 1]; 0 if all probabilities are 0.

    Raises
    ------
    MetricInputError
        If an argument is empty, not one-dimensional or not finite; if a probability is outside
        [0, 1]; if the lengths differ; if the references hold no 1, or anything but 0 and 1.

    References
    ----------
    R. Yacouby, D. Axman (2020). Probabilistic Extension of Precision, Recall, and F1 Score for More
    Thorough Evaluation of Classification Models. Eval4NLP.

    Examples
    --------
    >>> references = [0, 1, 1, 0]
    >>> predictions = [0.25, 0.75, 0.5, 0.0]
    >>> round(probabilistic_f1(references, predictions), 12)
    0.714285714286
    """
    truth = binary_labels("references", references)
    if not truth.any():
        raise MetricInputError("references", "must hold a 1; every row holds 0")
    for name, value, known in (
        ("outside", outside, ("forbid", "clip")),
        ("missing", missing, ("forbid", "zero_score")),
    ):
        if value not in known:
            raise MetricInputError(name, f"must be one of {', '.join(known)}; got {value!r}")
    has_missing = False
    # Whatever is no array of floats holds neither infinite nor missing numbers that may stay.
    if isinstance(predictions, np.ndarray) and predictions.dtype.kind == "f":
        if missing == "zero_score":
            has_missing = bool(np.isnan(predictions).any())
            predictions = np.where(np.isnan(predictions), 0.0, predictions)
        if outside == "clip":
            largest = np.finfo(predictions.dtype).max
            predictions = np.clip(predictions, -largest, largest)
    numbers = finite_numbers("predictions", predictions)
    require_same_shape(truth, numbers)
    if outside == "clip":
        if (numbers < 0).all() and not has_missing:
            raise MetricInputError("predictions", "must not all be negative")
        numbers = np.clip(numbers, 0, 1)
    else:
        rule = "must lie in [0, 1]"
        require_rows("predictions", rule, numbers, (numbers >= 0) & (numbers <= 1))
    found = float(numbers[truth == 1].sum())
    if has_missing or not found:
        return 0.0
    precision = found / (found + float(numbers[truth == 0].sum()))
    recall = found / int(truth.sum())
    return 2 * precision * recall / (precision + recall)


class ProbabilisticF1(DirectMetric):
    """Probabilistic F1 score for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=probabilistic_f1.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("float64"),
                    "references": datasets.Value("int64"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"probabilistic_f1": probabilistic_f1(references, predictions, **parameters)}
