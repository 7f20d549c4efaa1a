"""Area under the ROC curve whose bands of the true positive rate weigh differently."""

from __future__ import annotations

import itertools
from typing import Any

import datasets
import evaluate
import numpy as np
import numpy.typing as npt
import sklearn.metrics

from .direct_metric import DirectMetric
from .validation import MetricInputError, binary_labels, finite_numbers, require_same_shape


def weighted_roc_auc(
    references: Any,
    predictions: Any,
    *,
    thresholds: Any = (0.0, 0.4, 1.0),
    weights: Any = (2.0, 1.0),
) -> float:
    """Weighted area under the receiver operating characteristic curve of a binary problem.

    Thresholds of the true positive rate cut the area below the curve into horizontal bands. The
    result is the sum of their areas times their weights, divided by what a perfect ranking gets.
    Higher is better.

    Parameters
    ----------
    references : array-like of shape (n,)
        True classes, 0 or 1 (or booleans), both present.
    predictions : array-like of shape (n,)
        Finite scores of class 1, on any scale; booleans are accepted.
    thresholds : array-like of shape (k + 1,)
        Limits of the bands, rising from 0 to 1.
    weights : array-like of shape (k,)
        Weights of the bands, not negative and not all 0.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    MetricInputError
        If an argument is empty, not one-dimensional or not finite; if the lengths differ; if the
        references hold anything but 0 and 1, or only one of them; if thresholds and weights do
        not fit.

    References
    ----------
    R. Cogranne, Q. Giboulot, P. Bas (2020). ALASKA#2: Challenging Academic Research on
    Steganalysis with Realistic Images. IEEE WIFS 2020.

    scikit-learn, ``sklearn.metrics.roc_curve``, which computes the curve.

    Examples
    --------
    >>> references = [0, 0, 1, 1, 1]
    >>> predictions = [0.1, 0.6, 0.35, 0.8, 0.7]
    >>> round(weighted_roc_auc(references, predictions), 12)
    0.880952380952
    >>> round(weighted_roc_auc(references, predictions, thresholds=[0, 1], weights=[1]), 12)
    0.833333333333
    """
    truth = binary_labels("references", references)
    scores = finite_numbers("predictions", predictions)
    require_same_shape(truth, scores)
    limits, factors = _bands(thresholds, weights)
    # scikit-learn only warns here and returns a curve of nan.
    if truth.min() == truth.max():
        raise MetricInputError("references", f"must hold both classes; every row holds {truth[0]}")
    # Differences of scores near the largest float64 overflow; only whether they are zero counts.
    with np.errstate(over="ignore"):
        fpr, tpr, _ = sklearn.metrics.roc_curve(truth, scores)
    for limit in limits:
        if limit not in tpr:
            place = int(np.searchsorted(tpr, limit, side="right"))
            ends = slice(place - 1, place + 1)
            fpr = np.insert(fpr, place, np.interp(limit, tpr[ends], fpr[ends]))
            tpr = np.insert(tpr, place, limit)
    areas = []
    for low, high in itertools.pairwise(limits):
        inside = (tpr >= low) & (tpr <= high)
        # Right of where the curve leaves the band, the band is below the curve.
        x, y = np.append(fpr[inside], 1.0), np.append(tpr[inside], high) - low
        areas.append(sklearn.metrics.auc(x, y))
    return float(np.dot(areas, factors) / np.dot(np.diff(limits), factors))


def _bands(
    thresholds: Any, weights: Any
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Check the limits of the bands and their weights."""
    limits = finite_numbers("thresholds", thresholds)
    factors = finite_numbers("weights", weights, low=0)
    rising = len(limits) > 1 and limits[0] == 0 and limits[-1] == 1 and (np.diff(limits) > 0).all()
    if not rising:
        raise MetricInputError("thresholds", f"must rise from 0 to 1; got {limits.tolist()}")
    if len(factors) != len(limits) - 1:
        raise MetricInputError(
            "weights", f"must be one for each of {len(limits) - 1} bands; got {len(factors)}"
        )
    if not factors.any():
        raise MetricInputError("weights", "must not all be 0")
    return limits, factors


class WeightedRocAuc(DirectMetric):
    """Weighted area under the ROC curve for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=weighted_roc_auc.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("float64"),
                    "references": datasets.Value("int64"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"weighted_roc_auc": weighted_roc_auc(references, predictions, **parameters)}
