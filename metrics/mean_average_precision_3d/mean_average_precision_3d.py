"""Mean average precision of upright boxes in space, averaged over scenes and IoU thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import datasets
import evaluate
import numpy as np
import numpy.typing as npt
import pandas as pd

from .boxes import rectangle_overlap
from .direct_metric import DirectMetric
from .pairs import pairs_within_groups
from .ranking import counted_within, maximum_from_here
from .token_groups import TokenGroups, read_token_groups, text_cells
from .validation import MetricInputError, finite_numbers, require_same_shape

THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
NAMES = "confidence center_x center_y center_z width length height yaw class"


def mean_average_precision_3d(
    references: Any, predictions: Any, iou_thresholds: Sequence[float] = THRESHOLDS
) -> float:
    """Mean average precision of upright boxes, one scene in each row.

    The average precision of each class of a scene is averaged over its classes, then over scenes
    and thresholds. Higher is better.

    Parameters
    ----------
    references, predictions : array-like of str, shape (n,)
        The boxes of each scene: for each box nine tokens with single spaces between them,
        ``confidence center_x center_y center_z width length height yaw class``. The confidence of
        a true box means nothing. An empty text holds no box; every scene has a true box.
    iou_thresholds : sequence of float
        A detection must overlap a true box by more than this.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    MetricInputError
        If a cell cannot be read; if a box of a class that the scene has is not finite or has a size
        that is not positive; if a scene has no true box; if the lengths differ.

    References
    ----------
    Lyft Level 5 AV Dataset (2019), evaluation of its detection challenge.

    Examples
    --------
    >>> references = [
    ...     "1 0 0 0 2 4 2 0 car 1 9 9 0 1 1 2 0 pedestrian", "1 5 5 0 2 4 2 0.5 car",
    ... ]
    >>> predictions = [
    ...     "0.9 0 0 0 2 4 2 0 car 0.4 0.1 0 0 2 4 2 0 car", "0.8 5 5 0.3 2 4 2 0.5 car",
    ... ]
    >>> round(mean_average_precision_3d(references, predictions), 12)
    0.5
    """
    true_cells = text_cells("references", references)
    predicted_cells = text_cells("predictions", predictions)
    require_same_shape(true_cells, predicted_cells)
    thresholds = finite_numbers("iou_thresholds", list(iou_thresholds), low=0, high=1)
    truth = read_token_groups("references", true_cells, 9, NAMES, blank_is_empty=True)
    found = read_token_groups("predictions", predicted_cells, 9, NAMES, blank_is_empty=True)

    empty = np.bincount(truth.rows, minlength=len(true_cells)) == 0
    if empty.any():
        row = int(np.argmax(empty))
        raise MetricInputError(
            "references", f"every scene must have a box; row {row} has none", row
        )
    classes = pd.Index(pd.unique(truth.tokens[:, 8]), dtype=object)
    # A group is one class of one scene. Detections of classes that the scene lacks don't count.
    true_keys = truth.rows * len(classes) + classes.get_indexer(
        pd.Index(truth.tokens[:, 8], dtype=object)
    )
    keys, true_group = np.unique(true_keys, return_inverse=True)
    numbers = found.numbers(slice(0, 8), NAMES.removesuffix(" class"))
    found_class = classes.get_indexer(pd.Index(found.tokens[:, 8], dtype=object))
    found_group = _position_in(keys, found.rows * len(classes) + found_class)
    found_group[found_class < 0] = -1
    counts = found_group >= 0
    true_boxes = _checked_boxes(
        truth, truth.numbers(slice(0, 8), NAMES), np.ones(len(true_group), bool)
    )
    boxes = _checked_boxes(found, numbers, counts)

    order = np.flatnonzero(counts)
    order = order[np.lexsort((-numbers[order, 0], found_group[order]))]
    group = found_group[order]
    best, iou = _best_matches(boxes[order], group, true_boxes, true_group)
    positives = np.bincount(true_group, minlength=len(keys))
    scene = keys // len(classes)
    classes_of_scene = np.bincount(scene, minlength=len(true_cells))
    total = 0.0
    for threshold in thresholds:
        average = _average_precision(group, best, iou > threshold, positives)
        total += float((np.bincount(scene, weights=average) / classes_of_scene).sum())
    return total / (len(true_cells) * len(thresholds))


def _position_in(
    keys: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return where each wanted value stands in sorted keys, -1 where it does not."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, place, -1)


def _checked_boxes(
    groups: TokenGroups, numbers: npt.NDArray[np.float64], counts: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    boxes = numbers[:, 1:]
    groups.require("centre, size and yaw must be finite", np.isfinite(boxes).all(axis=1) | ~counts)
    groups.require("sizes must be positive", (boxes[:, 3:6] > 0).all(axis=1) | ~counts)
    return boxes


def _best_matches(
    boxes: npt.NDArray[np.float64],
    group: npt.NDArray[np.int64],
    true_boxes: npt.NDArray[np.float64],
    true_group: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the true box of the largest overlap for each detection, and that overlap.

    Of several with the same overlap it is the first.
    """
    best = np.zeros(len(boxes), dtype=np.int64)
    largest = np.zeros(len(boxes))
    for left, right in pairs_within_groups(group, true_group):
        overlap = _iou(boxes[left], true_boxes[right])
        starts = np.flatnonzero(np.r_[True, left[1:] != left[:-1]])
        largest[left[starts]] = np.maximum.reduceat(overlap, starts)
        hits = np.flatnonzero((overlap == largest[left]) & (overlap > 0))
        chosen, where = np.unique(left[hits], return_index=True)
        best[chosen] = right[hits[where]]
    return best, largest


def _iou(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the intersection over union of pairs of boxes (x y z width length height yaw)."""
    result = np.zeros(len(first))
    depth = np.minimum(first[:, 2] + first[:, 5] / 2, second[:, 2] + second[:, 5] / 2)
    depth -= np.maximum(first[:, 2] - first[:, 5] / 2, second[:, 2] - second[:, 5] / 2)
    with np.errstate(over="ignore", invalid="ignore"):
        reach = np.hypot(first[:, 3], first[:, 4]) + np.hypot(second[:, 3], second[:, 4])
        distance = np.hypot(first[:, 0] - second[:, 0], first[:, 1] - second[:, 1])
        near = np.flatnonzero((depth > 0) & (distance * 2 <= reach))
        pairs = np.stack([first[near], second[near]], axis=1)
        area = rectangle_overlap(pairs[:, :, :2], pairs[:, :, 4], pairs[:, :, 3], pairs[:, :, 6])
        shared = area * depth[near]
        union = pairs[:, :, 3:6].prod(axis=2).sum(axis=1) - shared
        # Volumes beyond the largest float64 give no number; such boxes match nothing.
        result[near] = np.nan_to_num(np.clip(shared / union, 0, 1))
    return result


def _average_precision(
    group: npt.NDArray[np.int64],
    best: npt.NDArray[np.int64],
    near: npt.NDArray[np.bool_],
    positives: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """Return the area below the precision envelope of each group of ranked detections."""
    hits = np.flatnonzero(near)
    # A true box is found by the first of its detections.
    _, firsts = np.unique(best[hits], return_index=True)
    right = np.zeros(len(group), dtype=bool)
    right[hits[firsts]] = True
    rank = counted_within(group, np.ones(len(group), dtype=bool))
    precision = maximum_from_here(group, counted_within(group, right) / rank)
    return np.bincount(group[right], weights=precision[right], minlength=len(positives)) / positives


class MeanAveragePrecision3D(DirectMetric):
    """Mean average precision of upright boxes for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=mean_average_precision_3d.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("string"),
                    "references": datasets.Value("string"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {
            "mean_average_precision_3d": mean_average_precision_3d(
                references, predictions, **parameters
            )
        }
