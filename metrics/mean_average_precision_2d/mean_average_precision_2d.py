"""Mean average precision of boxes in pictures, detections of all pictures ranked together."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np
import numpy.typing as npt
import pandas as pd
import sklearn.metrics

from .boxes import corner_box_iou
from .direct_metric import DirectMetric
from .pairs import greedy_matching, pairs_within_groups
from .token_groups import read_token_groups, text_cells
from .validation import MetricInputError, finite_numbers, require_same_shape

NAMES = "class confidence x_min y_min x_max y_max"


def mean_average_precision_2d(
    references: Any, predictions: Any, iou_threshold: float = 0.5
) -> float:
    """Mean over classes of the average precision of boxes, one picture in each row.

    The area below the precision-recall curve is summed up in steps, without interpolation. A true
    box that nothing finds counts as found with confidence 0, and so does a picture without the
    class as a wrong detection. Higher is better.

    Parameters
    ----------
    references, predictions : array-like of str, shape (n,)
        The boxes of each picture: for each box six tokens with blanks between them,
        ``class confidence x_min y_min x_max y_max``. The confidence of a true box means nothing.
        Text without tokens holds no box.
    iou_threshold : float
        A detection must overlap a true box by more than this.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    MetricInputError
        If a cell cannot be read; if a confidence is not finite; if there is no true box at all; if
        the lengths differ.

    References
    ----------
    scikit-learn, ``sklearn.metrics.average_precision_score``, which computes each class.

    Examples
    --------
    >>> references = ["opacity 1 10 10 50 60", "none 1 0 0 1 1", "opacity 1 5 5 20 20"]
    >>> predictions = [
    ...     "opacity 0.8 12 10 50 60 none 0.1 0 0 1 1", "none 0.9 0 0 1 1 opacity 0.3 5 5 9 9", "",
    ... ]
    >>> round(mean_average_precision_2d(references, predictions), 12)
    0.916666666667
    """
    true_cells = text_cells("references", references)
    predicted_cells = text_cells("predictions", predictions)
    require_same_shape(true_cells, predicted_cells)
    threshold = finite_numbers("iou_threshold", [iou_threshold], low=0, high=1)[0]
    truth = read_token_groups("references", true_cells, 6, NAMES, any_blanks=True)
    found = read_token_groups("predictions", predicted_cells, 6, NAMES, any_blanks=True)
    if not len(truth.rows):
        raise MetricInputError("references", "must hold a box; got none in any row")
    names = NAMES.removeprefix("class ")
    true_boxes = truth.numbers(slice(1, 6), names)[:, 1:]
    numbers = found.numbers(slice(1, 6), names)

    classes = pd.Index(pd.unique(truth.tokens[:, 0]), dtype=object)
    true_class = classes.get_indexer(pd.Index(truth.tokens[:, 0], dtype=object))
    found_class = classes.get_indexer(pd.Index(found.tokens[:, 0], dtype=object))
    found.require("confidence must be finite", np.isfinite(numbers[:, 0]) | (found_class < 0))
    # Detections of classes that occur nowhere don't count.
    order = np.flatnonzero(found_class >= 0)
    order = order[np.lexsort((-numbers[order, 0], found.rows[order]))]
    rows, found_class, confidence = found.rows[order], found_class[order], numbers[order, 0]
    right, unfound = _matches(
        numbers[order, 1:],
        rows * len(classes) + found_class,
        true_boxes,
        truth.rows * len(classes) + true_class,
        float(threshold),
    )
    averages = []
    for number in range(len(classes)):
        mine, my_truth = found_class == number, true_class == number
        occupied = np.union1d(rows[mine], truth.rows[my_truth])
        missed, absent = int(unfound[my_truth].sum()), len(true_cells) - len(occupied)
        labels = np.r_[right[mine], np.ones(missed, bool), np.zeros(absent, bool)]
        scores = np.r_[confidence[mine], np.zeros(missed + absent)]
        averages.append(sklearn.metrics.average_precision_score(labels, scores))
    return float(np.mean(averages))


def _matches(
    boxes: npt.NDArray[np.float64],
    group: npt.NDArray[np.int64],
    true_boxes: npt.NDArray[np.float64],
    true_group: npt.NDArray[np.int64],
    threshold: float,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Tell which detections, in the order in which they choose, are right, and what is not found.

    Each takes the free true box of its group that it overlaps most, the first one of several.
    """
    right = np.zeros(len(boxes), dtype=bool)
    unfound = np.ones(len(true_boxes), dtype=bool)
    hits = []
    for left, other in pairs_within_groups(group, true_group):
        iou = corner_box_iou(boxes[left], true_boxes[other])
        near = iou > threshold
        hits.append((left[near], other[near], iou[near]))
    if hits:
        left, other, iou = (np.concatenate(part) for part in zip(*hits, strict=True))
        wanted = np.lexsort((other, -iou, left))
        finders, finds = greedy_matching(left[wanted], other[wanted])
        right[finders] = True
        unfound[finds] = False
    return right, unfound


class MeanAveragePrecision2D(DirectMetric):
    """Mean average precision of boxes in pictures for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=mean_average_precision_2d.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("string"),
                    "references": datasets.Value("string"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {
            "mean_average_precision_2d": mean_average_precision_2d(
                references, predictions, **parameters
            )
        }
