"""Multiclass log loss: the mean negative log-likelihood of the true classes."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np
import numpy.typing as npt
from scipy.special import xlogy

from .direct_metric import DirectMetric
from .validation import MetricInputError, finite_numbers, require_rows


def multiclass_log_loss(
    references: Any, predictions: Any, *, sum_tolerance: float | None = 1.1e-5
) -> float:
    """Mean cross-entropy over k classes in nats.

    The mean of -ln(p) over rows, where p is the probability given to the true class, clipped to
    [eps, 1 - eps], eps = 2.220446049250313e-16, the float64 machine epsilon. Rows are not
    rescaled to sum to one. Lower is better.

    Parameters
    ----------
    references : array-like of shape (n,) or (n, k)
        True classes: either column positions of `predictions`, integers from 0 to k - 1, or
        one-hot rows of 0 and 1.
    predictions : array-like of shape (n, k)
        Probabilities in [0, 1], one column per class, k >= 2.
    sum_tolerance : float or None
        Largest allowed distance of a row sum from one; None allows any sum.

    Returns
    -------
    float
        In [2.2e-16, 36.04], which is [-ln(1 - eps), -ln(eps)].

    Raises
    ------
    MetricInputError
        If an argument is empty, of wrong shape or not finite; if the numbers of rows differ; if a
        probability is out of range or a row sum too far from one; if a reference is not a class.

    References
    ----------
    scikit-learn 1.5, ``sklearn.metrics.log_loss``, with which the value agrees to the last bit.
    Newer versions take numpy's logarithm, which can change that bit.

    Examples
    --------
    >>> references = [0, 2, 1]
    >>> predictions = [[0.5, 0.25, 0.25], [0.125, 0.125, 0.75], [0.25, 0.5, 0.25]]
    >>> round(multiclass_log_loss(references, predictions), 12)
    0.557992144524
    """
    probabilities = finite_numbers("predictions", predictions, dimensions=(2,), low=0, high=1)
    rows, number_of_classes = probabilities.shape
    if number_of_classes < 2:
        raise MetricInputError("predictions", "must have two or more columns, one per class; got 1")
    classes = _class_positions(references, rows, number_of_classes)
    if sum_tolerance is not None:
        _require_row_sums(probabilities, sum_tolerance)
    eps = np.finfo(np.float64).eps
    true_class = np.clip(probabilities[np.arange(rows), classes], eps, 1 - eps)
    # xlogy takes the C library's logarithm, which unlike numpy's does not depend on the processor.
    return float(np.mean(-xlogy(1.0, true_class)))


def _class_positions(references: Any, rows: int, number_of_classes: int) -> npt.NDArray[np.intp]:
    truth = finite_numbers("references", references, dimensions=(1, 2))
    if len(truth) != rows:
        raise MetricInputError(
            "predictions", f"must have one row per reference, {len(truth)}; got {rows}"
        )
    if truth.ndim == 1:
        rule = f"must be class positions, integers from 0 to {number_of_classes - 1}"
        inside = (truth >= 0) & (truth < number_of_classes)
        require_rows("references", rule, truth, inside & (truth == np.floor(truth)))
        return truth.astype(np.intp)
    if truth.shape[1] != number_of_classes:
        raise MetricInputError(
            "predictions",
            f"must have one column per class, {truth.shape[1]}; got {number_of_classes}",
        )
    require_rows("references", "must be 0 or 1", truth, (truth == 0) | (truth == 1))
    ones = truth.sum(axis=1)
    require_rows("references", "must be one-hot", ones, ones == 1, verb="sums to")
    return np.asarray(truth.argmax(axis=1), dtype=np.intp)


def _require_row_sums(probabilities: npt.NDArray[np.float64], sum_tolerance: float) -> None:
    if not 0 <= sum_tolerance < np.inf:
        raise MetricInputError(
            "sum_tolerance", f"must be a finite number of at least 0, or None; got {sum_tolerance}"
        )
    sums = probabilities.sum(axis=1)
    rule = f"rows must sum to 1 within {sum_tolerance:g}"
    require_rows("predictions", rule, sums, np.abs(sums - 1) <= sum_tolerance, verb="sums to")


class MulticlassLogLoss(DirectMetric):
    """Multiclass log loss for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        probabilities = datasets.Sequence(datasets.Value("float64"))
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=multiclass_log_loss.__doc__,
            features=[
                datasets.Features({"predictions": probabilities, "references": truth})
                for truth in (datasets.Value("int64"), datasets.Sequence(datasets.Value("int64")))
            ],
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"multiclass_log_loss": multiclass_log_loss(references, predictions, **parameters)}
