"""Dice coefficient of masks: the mean over images."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np

from .direct_metric import DirectMetric
from .run_lengths import Beyond, OddCounts, mask_cells, read_mask_pairs, shared_areas
from .validation import require_same_shape


def dice(
    references: Any,
    predictions: Any,
    *,
    heights: Any = None,
    widths: Any = None,
    odd_counts: OddCounts = "refuse",
    beyond: Beyond = "refuse",
) -> float:
    """Mean Dice coefficient of masks, one image in each row.

    Twice the pixels that both masks share, divided by the sum of their sizes; 1 where both are
    empty. Higher is better.

    Parameters
    ----------
    references : array-like of str, shape (n,)
        True masks as run lengths: ``start length start length ...``, pixels numbered from 1. Blank
        text is an empty mask.
    predictions : array-like of str, shape (n,)
        Predicted masks, pixels numbered likewise.
    heights, widths : int or array-like of shape (n,), optional
        Size of the images in pixels. Without them, runs may reach anywhere.
    odd_counts : {"refuse", "broadcast"}
        What becomes of a mask with an odd count of numbers. ``"broadcast"``: one number is an empty
        mask, and three numbers ``a n b`` are the runs ``a n`` and ``b n``.
    beyond : {"refuse", "cut"}
        What becomes of pixels behind the last one. ``"cut"``: they are dropped.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    MetricInputError
        If a mask is missing or cannot be read, its runs do not ascend or overlap, or the lengths
        differ.

    References
    ----------
    L. R. Dice, "Measures of the Amount of Ecologic Association Between Species", Ecology 26 (1945).

    Examples
    --------
    >>> references = ["1 4", "2 3 10 1", ""]
    >>> predictions = ["3 4", "2 3", "5 1"]
    >>> round(dice(references, predictions), 12)
    0.452380952381
    >>> dice(references, references)
    1.0
    """
    true_cells = mask_cells("references", references)
    predicted_cells = mask_cells("predictions", predictions)
    require_same_shape(true_cells, predicted_cells)
    truth, predicted = read_mask_pairs(
        true_cells, predicted_cells, heights, widths, odd_counts=odd_counts, beyond=beyond
    )
    shared = shared_areas(truth, predicted)
    total = truth.areas() + predicted.areas()
    return float(np.mean(np.where(total > 0, 2 * shared / np.maximum(total, 1), 1.0)))


class Dice(DirectMetric):
    """Dice coefficient of masks for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=dice.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("string"),
                    "references": datasets.Value("string"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"dice": dice(references, predictions, **parameters)}
