"""Binary log loss of several kinds of labels, weighted, by groups of rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import datasets
import evaluate
import numpy as np
import numpy.typing as npt
import pandas as pd

from .direct_metric import DirectMetric
from .validation import (
    MetricInputError,
    binary_labels,
    finite_numbers,
    label_vector,
    require_same_shape,
)

_EPSILON = 1e-15


def weighted_multilabel_log_loss(
    references: Any,
    predictions: Any,
    *,
    groups: Any = None,
    labels: Any = None,
    weights: Mapping[Any, float] | None = None,
    positive_factor: float = 1.0,
) -> float:
    """Mean over groups of the weighted mean of the binary log losses of their rows.

    A row's loss is -ln(p) if it is of class 1 and -ln(1 - p) if it is of class 0, with p clipped to
    [1e-15, 1 - 1e-15]. Its weight is that of its label, times a factor if it is of class 1. Weights
    are relative to their sum in the group. Lower is better.

    Parameters
    ----------
    references : array-like of shape (n,)
        True classes, 0 or 1 (or booleans). A single class is enough.
    predictions : array-like of shape (n,)
        Probabilities of class 1, in [0, 1].
    groups : array-like of shape (n,), optional
        Group of each row, text or numbers; all rows are one group by default.
    labels : array-like of shape (n,), optional
        Which of several labels each row is about, text or numbers; needs `weights`.
    weights : mapping of label to float, optional
        Positive weight of each label; by default all count the same.
    positive_factor : float
        Positive factor of the weight of rows of class 1.

    Returns
    -------
    float
        In [0, 34.54].

    Raises
    ------
    MetricInputError
        If an argument is empty, not one-dimensional or not finite; if the lengths differ; if the
        references hold anything but 0 and 1; if a probability is out of range; if a label has no
        weight, or a weight is not positive.

    References
    ----------
    Kaggle, *RSNA 2022 Cervical Spine Fracture Detection*.

    Examples
    --------
    >>> references = [1, 0, 1, 0]
    >>> predictions = [0.9, 0.2, 0.6, 0.1]
    >>> round(weighted_multilabel_log_loss(references, predictions), 12)
    0.236172551599
    >>> round(
    ...     weighted_multilabel_log_loss(
    ...         references,
    ...         predictions,
    ...         groups=["x", "x", "y", "y"],
    ...         labels=["all", "part", "all", "part"],
    ...         weights={"all": 7, "part": 1},
    ...         positive_factor=2,
    ...     ),
    ...     12,
    ... )
    0.298503667297
    """
    truth = binary_labels("references", references)
    probabilities = finite_numbers("predictions", predictions, low=0, high=1)
    require_same_shape(truth, probabilities)
    factor = finite_numbers("positive_factor", [positive_factor])[0]
    if factor <= 0:
        raise MetricInputError("positive_factor", f"must be positive; got {factor:g}")
    clipped = np.clip(probabilities, _EPSILON, 1 - _EPSILON)
    losses = -np.log(np.where(truth == 1, clipped, 1 - clipped))
    row_weights = _label_weights(labels, weights, len(truth)) * np.where(truth == 1, factor, 1.0)
    codes = np.zeros(len(truth), dtype=np.int64)
    if groups is not None:
        codes = pd.factorize(_one_per_row("groups", groups, len(truth)))[0]
    sums = np.bincount(codes, row_weights * losses) / np.bincount(codes, row_weights)
    return float(np.mean(sums))


def _one_per_row(argument: str, values: Any, count: int) -> npt.NDArray[Any]:
    found = label_vector(argument, values)
    if len(found) != count:
        raise MetricInputError(argument, f"must have one value per row, {count}; got {len(found)}")
    return found


def _label_weights(
    labels: Any, weights: Mapping[Any, float] | None, count: int
) -> npt.NDArray[np.float64]:
    """Return the weight of each row's label."""
    if (labels is None) != (weights is None):
        lacking = "labels" if labels is None else "weights"
        raise MetricInputError(lacking, "missing; labels and weights need each other")
    if labels is None or weights is None:
        return np.ones(count)
    codes, distinct = pd.factorize(_one_per_row("labels", labels, count))
    unknown = [label for label in distinct.tolist() if label not in weights]
    if unknown:
        raise MetricInputError(
            "labels", f"must each have a weight; {unknown[0]!r} has none ({len(unknown)} such)"
        )
    found = finite_numbers("weights", [weights[label] for label in distinct.tolist()])
    if not (found > 0).all():
        raise MetricInputError("weights", f"must be positive; got {found.min():g}")
    of_rows: npt.NDArray[np.float64] = found[codes]
    return of_rows


class WeightedMultilabelLogLoss(DirectMetric):
    """Weighted multi-label log loss for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=weighted_multilabel_log_loss.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("float64"),
                    "references": datasets.Value("int64"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {
            "weighted_multilabel_log_loss": weighted_multilabel_log_loss(
                references, predictions, **parameters
            )
        }
