"""Logarithm of the mean absolute error, averaged over groups of rows."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np

from .direct_metric import DirectMetric
from .groups import rows_by_group
from .validation import MetricInputError, finite_numbers, label_vector, require_same_shape


def log_mae(references: Any, predictions: Any, *, groups: Any = None, floor: float = 1e-9) -> float:
    """Mean over groups of the natural logarithm of the group's mean absolute error.

    Lower is better.

    Parameters
    ----------
    references : array-like of shape (n,)
        True values, finite.
    predictions : array-like of shape (n,)
        Predicted values, finite.
    groups : array-like of shape (n,), optional
        Group of each row, text or numbers; all rows are one group by default.
    floor : float
        Mean absolute errors below are raised to it. With 0, a group without any error makes the
        score minus infinity.

    Returns
    -------
    float
        At least ln(floor).

    Raises
    ------
    MetricInputError
        If an argument is empty, not one-dimensional or not finite, the lengths differ, or `floor`
        is negative.

    References
    ----------
    Kaggle, *Predicting Molecular Properties*, with a floor of 1e-9.

    Examples
    --------
    >>> references = [1.0, 2.0, 3.0, 4.0]
    >>> predictions = [1.5, 2.5, 3.0, 4.2]
    >>> round(log_mae(references, predictions), 12)
    -1.203972804326
    >>> round(log_mae(references, predictions, groups=["a", "a", "b", "b"]), 12)
    -1.497866136777
    """
    if not 0 <= floor < np.inf:
        raise MetricInputError("floor", f"must be a finite number, not negative; got {floor!r}")
    truth = finite_numbers("references", references)
    predicted = finite_numbers("predictions", predictions)
    require_same_shape(truth, predicted)
    with np.errstate(over="ignore"):
        errors = np.abs(truth - predicted)
    if groups is None:
        parts = [errors]
    else:
        labels = label_vector("groups", groups)
        if len(labels) != len(errors):
            raise MetricInputError(
                "groups", f"must have one label per row, {len(errors)}; got {len(labels)}"
            )
        parts = [errors[rows] for rows in rows_by_group(labels)]
    means = np.array([np.mean(part) for part in parts])
    with np.errstate(divide="ignore"):
        return float(np.mean(np.log(np.maximum(means, floor))))


class LogMae(DirectMetric):
    """Logarithm of the mean absolute error for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=log_mae.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("float64"),
                    "references": datasets.Value("float64"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"log_mae": log_mae(references, predictions, **parameters)}
