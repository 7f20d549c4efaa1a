"""Area under the ROC curve that also asks how well subgroups are treated."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np
import numpy.typing as npt

from .direct_metric import DirectMetric
from .validation import MetricInputError, finite_numbers, require_same_shape

Flags = npt.NDArray[np.bool_]


def subgroup_roc_auc(
    references: Any,
    predictions: Any,
    subgroups: Any = None,
    *,
    threshold: float | None = None,
    power: float = -5.0,
    overall_weight: float = 0.25,
) -> float:
    """Area under the ROC curve, averaged with three kinds of area for subgroups of the rows.

    They are the area inside each subgroup, that of the negative rows inside with the positive ones
    outside (BPSN), and that of the positive rows inside with the negative ones outside (BNSP). Each
    kind is put together over the subgroups by a power mean. Higher is better.

    Parameters
    ----------
    references : array-like of shape (n,)
        True values; 0.5 and more is positive.
    predictions : array-like of shape (n,)
        Finite scores that grow with the probability of the positive class.
    subgroups : array-like of shape (n, k), optional
        How far each row belongs to each subgroup: 0.5 and more means that it does, also a missing
        value (in a numpy array) that it does not. Without it, the score is the plain area.
    threshold : float, optional
        Scores are replaced by whether they reach this. In a numpy array they need not be finite
        then; a missing one does not reach it.
    power : float
        Exponent of the power mean, not 0. The more negative, the more the worst subgroup counts.
    overall_weight : float
        Weight of the area of all rows; the three kinds share the rest equally.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    MetricInputError
        If an argument is empty, of wrong shape or not finite; if the lengths differ; if one of the
        sets of rows holds only one of both classes.

    References
    ----------
    D. Borkan et al. (2019). Nuanced Metrics for Measuring Unintended Bias with Real Data for Text
    Classification. WWW 2019 Companion.

    Examples
    --------
    >>> references = [0, 1, 0, 1, 1, 0, 1, 0]
    >>> predictions = [0.2, 0.9, 0.6, 0.7, 0.4, 0.1, 0.8, 0.3]
    >>> subgroup_roc_auc(references, predictions)
    0.9375
    >>> subgroups = [[1], [1], [1], [1], [0], [0], [0], [0]]
    >>> subgroup_roc_auc(references, predictions, subgroups)
    0.921875
    """
    positive = finite_numbers("references", references) >= 0.5
    scores = _scores(predictions, threshold)
    require_same_shape(positive, scores)
    weight = float(finite_numbers("overall_weight", [overall_weight], low=0, high=1)[0])
    exponent = float(finite_numbers("power", [power])[0])
    if exponent == 0:
        raise MetricInputError("power", "must not be 0")
    places = np.unique(scores, return_inverse=True)[1].reshape(-1)
    overall = _area(places, positive, np.ones(len(places), dtype=bool), "references", "all rows")
    if subgroups is None:
        return overall
    members = _members(subgroups, len(places))
    total = weight * overall
    for kind in ("inside", "BPSN", "BNSP"):
        areas = []
        for number, inside in enumerate(members.T):
            chosen = {
                "inside": inside,
                "BPSN": inside != positive,
                "BNSP": inside == positive,
            }[kind]
            areas.append(
                _area(places, positive, chosen, "subgroups", f"subgroup {number} ({kind})")
            )
        # An area of 0 makes the mean of negative powers infinite, and the score of its kind 0.
        with np.errstate(divide="ignore"):
            mean = np.mean(np.array(areas) ** exponent) ** (1 / exponent)
        total += (1 - weight) / 3 * float(mean)
    return total


def _scores(predictions: Any, threshold: float | None) -> npt.NDArray[np.float64]:
    if threshold is None:
        return finite_numbers("predictions", predictions)
    limit = float(finite_numbers("threshold", [threshold])[0])
    if isinstance(predictions, np.ndarray) and predictions.dtype.kind == "f":
        # NaN and infinity have a meaning here.
        return finite_numbers("predictions", predictions >= limit)
    return (finite_numbers("predictions", predictions) >= limit).astype(np.float64)


def _members(subgroups: Any, rows: int) -> Flags:
    if isinstance(subgroups, np.ndarray) and subgroups.dtype.kind == "f":
        subgroups = np.where(np.isnan(subgroups), 0.0, subgroups)
    numbers = finite_numbers("subgroups", subgroups, dimensions=(2,))
    if len(numbers) != rows:
        raise MetricInputError("subgroups", f"must have {rows} rows; got {len(numbers)}")
    return numbers >= 0.5


def _area(
    places: npt.NDArray[np.int64], positive: Flags, chosen: Flags, argument: str, name: str
) -> float:
    """Return the area for some rows, from the number of each class at each place of the ranking."""
    number = int(places.max()) + 1
    high = np.bincount(places[chosen & positive], minlength=number)
    low = np.bincount(places[chosen & ~positive], minlength=number)
    pairs = int(high.sum()) * int(low.sum())
    if not pairs:
        raise MetricInputError(argument, f"must hold both classes in every set of rows; {name}")
    below = np.cumsum(low) - low
    return float((high * (2 * below + low)).sum() / (2 * pairs))


class SubgroupRocAuc(DirectMetric):
    """Area under the ROC curve with subgroups for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=subgroup_roc_auc.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("float64"),
                    "references": datasets.Value("float64"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"subgroup_roc_auc": subgroup_roc_auc(references, predictions, **parameters)}
