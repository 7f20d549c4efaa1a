"""Dice coefficient of masks, all images taken together."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate

from .direct_metric import DirectMetric
from .run_lengths import Beyond, OddCounts, mask_cells, read_mask_pairs, shared_areas
from .validation import require_same_shape


def global_dice(
    references: Any,
    predictions: Any,
    *,
    heights: Any = None,
    widths: Any = None,
    odd_counts: OddCounts = "refuse",
    beyond: Beyond = "refuse",
    empty_token: str | None = None,
) -> float:
    """Dice coefficient of all pixels of all images, one image in each row.

    Twice the pixels that true and predicted masks share, divided by the sum of their sizes, both
    counted over all rows. Higher is better.

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
    empty_token : str, optional
        Text that stands for an empty mask, besides blank text.

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
    >>> global_dice(references, predictions)
    0.625
    >>> global_dice(["1 4", "-"], ["3 2", "-"], empty_token="-")
    0.6666666666666666
    """
    true_cells = mask_cells("references", references)
    predicted_cells = mask_cells("predictions", predictions)
    require_same_shape(true_cells, predicted_cells)
    truth, predicted = read_mask_pairs(
        true_cells,
        predicted_cells,
        heights,
        widths,
        odd_counts=odd_counts,
        beyond=beyond,
        empty_token=empty_token,
    )
    shared = int(shared_areas(truth, predicted).sum())
    total = int(truth.areas().sum() + predicted.areas().sum())
    return 2 * shared / total if total else 1.0


class GlobalDice(DirectMetric):
    """Dice coefficient of all images together for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=global_dice.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("string"),
                    "references": datasets.Value("string"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"global_dice": global_dice(references, predictions, **parameters)}
