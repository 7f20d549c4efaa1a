"""Average precision of boxes in pictures as in the COCO challenge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import datasets
import evaluate
import numpy as np
import numpy.typing as npt
import pandas as pd

from .boxes import size_box_iou
from .direct_metric import DirectMetric
from .pairs import greedy_matching, pairs_within_groups
from .token_groups import TokenGroups, read_token_groups, text_cells
from .validation import MetricInputError, finite_numbers, label_vector, require_same_shape

# As pycocotools has them: some are not the doubles that the decimals are read as.
THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).tolist())
RECALLS = np.linspace(0.0, 1.0, 101)
LARGEST_AREA = 1e10
NAMES = "class confidence x_min y_min x_max y_max"

Floats = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def coco_average_precision(
    references: Any,
    predictions: Any,
    images: Any = None,
    order: Any = None,
    *,
    iou_thresholds: Sequence[float] = THRESHOLDS,
    max_detections: int = 100,
    class_tokens: Literal["text", "numbers"] = "text",
    boxes: Literal["corners", "corners_as_sizes"] = "corners",
    zero_ids: Literal["match", "never_match"] = "match",
) -> float:
    """Average precision of boxes, interpolated at 101 recalls, over classes and IoU thresholds.

    Higher is better.

    Parameters
    ----------
    references, predictions : array-like of str, shape (n,)
        The boxes of each picture: for each box six tokens with single spaces between them,
        ``class confidence x_min y_min x_max y_max``. The confidence of a true box means nothing. An
        empty text holds no box.
    images : array-like of shape (n,), optional
        Name of each row's picture. Detections of rows of one picture are put together; its true
        boxes are those of its first row. By default each row is a picture of its own.
    order : array-like of shape (n,), optional
        Place of each row in the file of detections, for `zero_ids`; by default that of the rows.
    iou_thresholds : sequence of float
        A detection must overlap a true box by this or more.
    max_detections : int
        How many detections of a class count in each picture, those of the highest confidence.
    class_tokens : {"text", "numbers"}
        ``"numbers"``: classes are numbers, of which the fraction is cut off.
    boxes : {"corners", "corners_as_sizes"}
        ``"corners_as_sizes"``: the second corner is taken for width and height in the overlap (a
        defect that some results have).
    zero_ids : {"match", "never_match"}
        ``"never_match"``: boxes are numbered from 0 and 0 stands for no match (another such
        defect): the first true box is never found, and the first detection leaves the true box that
        it finds to others.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    MetricInputError
        If a cell cannot be read; if there is no true box at all, or one whose area is negative or
        above 1e10; if the lengths differ.

    References
    ----------
    T.-Y. Lin et al. (2014). Microsoft COCO: Common Objects in Context. The value is that of
    ``pycocotools.cocoeval.COCOeval`` (``stats[0]``).

    Examples
    --------
    >>> references = ["cat 1 10 10 50 60 dog 1 0 0 9 9", "dog 1 5 5 20 20"]
    >>> predictions = ["cat 0.8 13 10 50 60", "dog 0.9 5 5 20 20 dog 0.3 5 5 9 9"]
    >>> round(coco_average_precision(references, predictions), 12)
    0.702475247525
    """
    true_cells = text_cells("references", references)
    predicted_cells = text_cells("predictions", predictions)
    require_same_shape(true_cells, predicted_cells)
    thresholds = finite_numbers("iou_thresholds", list(iou_thresholds), low=0, high=1)
    for name, value, known in (
        ("class_tokens", class_tokens, ("text", "numbers")),
        ("boxes", boxes, ("corners", "corners_as_sizes")),
        ("zero_ids", zero_ids, ("match", "never_match")),
    ):
        if value not in known:
            raise MetricInputError(name, f"must be one of {', '.join(known)}; got {value!r}")
    picture, is_first = _pictures(images, len(true_cells))
    true_cells = np.where(is_first, true_cells, "")
    truth = read_token_groups("references", true_cells, 6, NAMES)
    found = read_token_groups("predictions", predicted_cells, 6, NAMES)
    if not len(truth.rows):
        raise MetricInputError("references", "must hold a box; got none in any row")
    names = NAMES.removeprefix("class ")
    true_boxes = truth.numbers(slice(1, 6), names)[:, 1:]
    numbers = found.numbers(slice(1, 6), names)
    truth.require("the area must lie in [0, 1e10]", ~_is_outside(true_boxes))
    true_labels, labels = (_labels(groups, class_tokens) for groups in (truth, found))
    classes = pd.Index(pd.unique(true_labels), dtype=object)
    true_class = classes.get_indexer(pd.Index(true_labels, dtype=object))
    found_class = classes.get_indexer(pd.Index(labels, dtype=object))
    rows = _places(order, len(true_cells))[found.rows]
    is_zero = np.zeros(len(rows), dtype=bool)
    if zero_ids == "never_match" and len(rows):
        is_zero[np.lexsort((np.arange(len(rows)), rows))[0]] = True

    # Detections of classes that occur nowhere don't count.
    chosen = np.flatnonzero(found_class >= 0)
    group = picture[found.rows[chosen]] * len(classes) + found_class[chosen]
    ranked = np.lexsort((chosen, -numbers[chosen, 0], group))
    chosen, group = chosen[ranked], group[ranked]
    starts = np.searchsorted(group, group)
    kept = np.arange(len(group)) - starts < max_detections
    chosen, group = chosen[kept], group[kept]
    confidence, found_boxes = numbers[chosen, 0], numbers[chosen, 1:]
    true_group = picture[truth.rows] * len(classes) + true_class
    pairs = _overlaps(found_boxes, group, true_boxes, true_group, boxes)
    outside = _is_outside(found_boxes)
    # Equal confidences keep the order of the pictures.
    final = np.lexsort((np.arange(len(chosen)), -confidence))
    total = 0.0
    for threshold in thresholds:
        right = _right_ones(
            pairs, len(chosen), min(float(threshold), 1 - 1e-10), is_zero[chosen], zero_ids
        )
        counts = right | ~outside
        for number in range(len(classes)):
            mine = final[(found_class[chosen][final] == number) & counts[final]]
            total += _interpolated_precision(right[mine], int((true_class == number).sum()))
    return total / (len(thresholds) * len(classes))


def _pictures(images: Any, number: int) -> tuple[Positions, Flags]:
    """Return the picture of each row, and whether the row is the first of its picture."""
    if images is None:
        return np.arange(number), np.ones(number, dtype=bool)
    names = label_vector("images", images)
    if len(names) != number:
        raise MetricInputError("images", f"must have {number} rows; got {len(names)}")
    picture = pd.factorize(names)[0].astype(np.int64)
    return picture, ~pd.Series(picture).duplicated().to_numpy()


def _places(order: Any, number: int) -> Floats:
    places = np.arange(number) if order is None else order
    array = finite_numbers("order", places)
    if len(array) != number:
        raise MetricInputError("order", f"must have {number} rows; got {len(array)}")
    return array


def _labels(groups: TokenGroups, kind: str) -> npt.NDArray[Any]:
    if kind == "text":
        return groups.tokens[:, 0]
    numbers = groups.numbers(slice(0, 1), "class")[:, 0]
    groups.require("class must be finite", np.isfinite(numbers))
    return np.trunc(numbers)


def _is_outside(boxes: Floats) -> Flags:
    """Tell which boxes are left out of account where they match nothing."""
    with np.errstate(over="ignore", invalid="ignore"):
        area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return (area < 0) | (area > LARGEST_AREA)


def _overlaps(
    boxes: Floats, group: Positions, true_boxes: Floats, true_group: Positions, kind: str
) -> tuple[Positions, Positions, Floats]:
    """Return all pairs of a detection and a true box that overlap, in the order of choice."""
    if kind == "corners":
        boxes, true_boxes = (
            np.concatenate([some[:, :2], some[:, 2:] - some[:, :2]], axis=1)
            for some in (boxes, true_boxes)
        )
    parts = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for left, right in pairs_within_groups(group, true_group):
        iou = size_box_iou(boxes[left], true_boxes[right])
        parts.append((left, right, iou))
    left, right, iou = (np.concatenate(part) for part in zip(*parts, strict=True))
    # Of true boxes that overlap equally the last one is wanted most.
    wanted = np.lexsort((-right, -iou, left))
    return left[wanted], right[wanted], iou[wanted]


def _right_ones(
    pairs: tuple[Positions, Positions, Floats],
    number: int,
    threshold: float,
    is_zero: Flags,
    zero_ids: str,
) -> Flags:
    """Tell which detections find a true box."""
    near = pairs[2] >= threshold
    left, right = pairs[0][near], pairs[1][near]
    takes = ~is_zero[left]
    finders, finds = greedy_matching(left[takes], right[takes])
    result = np.zeros(number, dtype=bool)
    result[finders[finds > 0] if zero_ids == "never_match" else finders] = True
    if not takes.all():
        # It comes after the finders of higher confidence, and takes nothing away from the others.
        zero = int(left[~takes][0])
        free = right[~takes][~np.isin(right[~takes], finds[finders < zero])]
        result[zero] = len(free) > 0 and free[0] > 0
    return result


def _interpolated_precision(right: Flags, positives: int) -> float:
    """Return the mean of the precision envelope at 101 recalls."""
    found = np.cumsum(right)
    recall = found / positives
    precision = found / (np.arange(1, len(right) + 1) + np.spacing(1))
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, RECALLS, side="left")
    return float(envelope[places[places < len(right)]].sum()) / len(RECALLS)


class CocoAveragePrecision(DirectMetric):
    """Average precision of boxes as in the COCO challenge for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=coco_average_precision.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("string"),
                    "references": datasets.Value("string"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {
            "coco_average_precision": coco_average_precision(references, predictions, **parameters)
        }
