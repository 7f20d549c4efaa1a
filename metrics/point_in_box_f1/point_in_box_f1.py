"""F1 score of labelled points: each true box is found by one point of its label inside it."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np
import numpy.typing as npt
import pandas as pd

from .direct_metric import DirectMetric
from .pairs import greedy_matching, pairs_within_groups
from .token_groups import read_token_groups, text_cells
from .validation import require_same_shape


def point_in_box_f1(references: Any, predictions: Any) -> float:
    """F1 score of labelled points, one page in each row, pooled over all pages.

    A point is right if it lies strictly inside a true box of its label that no other point has
    found. Higher is better.

    Parameters
    ----------
    references : array-like of str, shape (n,)
        The true boxes of each page: for each box ``label x y width height`` with single spaces
        between tokens, x and y being its corner of smallest coordinates.
    predictions : array-like of str, shape (n,)
        The points of each page: for each point ``label x y``. An empty text holds none.

    Returns
    -------
    float
        In [0, 1]; 0 if no point is right.

    Raises
    ------
    MetricInputError
        If a cell cannot be read, or the lengths differ.

    References
    ----------
    Kuzushiji Recognition (2019), evaluation of the competition.

    Examples
    --------
    >>> references = ["U+306F 10 10 20 20 U+304B 50 10 20 20", "U+306F 5 5 10 10", ""]
    >>> predictions = ["U+306F 15 25 U+306F 60 20", "U+306F 8 8", "U+304B 1 1"]
    >>> round(point_in_box_f1(references, predictions), 12)
    0.571428571429
    """
    true_cells = text_cells("references", references)
    predicted_cells = text_cells("predictions", predictions)
    require_same_shape(true_cells, predicted_cells)
    truth = read_token_groups("references", true_cells, 5, "label x y width height")
    found = read_token_groups("predictions", predicted_cells, 3, "label x y")
    boxes = truth.numbers(slice(1, 5), "x, y, width and height")
    points = found.numbers(slice(1, 3), "x and y")

    labels = pd.Index(pd.unique(truth.tokens[:, 0]), dtype=object)
    true_group = truth.rows * len(labels) + labels.get_indexer(
        pd.Index(truth.tokens[:, 0], dtype=object)
    )
    label = labels.get_indexer(pd.Index(found.tokens[:, 0], dtype=object))
    group = np.where(label < 0, -1, found.rows * len(labels) + label)
    inside = [
        (left[good], right[good])
        for left, right in pairs_within_groups(true_group, group)
        if (good := _is_inside(points[right], boxes[left])).any()
    ]
    if not inside:
        return 0.0
    left, right = (np.concatenate(part) for part in zip(*inside, strict=True))
    right_points = len(greedy_matching(left, right)[0])
    precision = right_points / len(points)
    recall = right_points / len(boxes)
    return 2 * precision * recall / (precision + recall)


def _is_inside(
    points: npt.NDArray[np.float64], boxes: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    return np.asarray(((low < points) & (points < high)).all(axis=1), dtype=np.bool_)


class PointInBoxF1(DirectMetric):
    """F1 score of points in boxes for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=point_in_box_f1.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("string"),
                    "references": datasets.Value("string"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"point_in_box_f1": point_in_box_f1(references, predictions, **parameters)}
