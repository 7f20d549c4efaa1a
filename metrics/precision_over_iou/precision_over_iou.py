"""Precision of masks, averaged over thresholds of intersection over union."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np

from .direct_metric import DirectMetric
from .run_lengths import (
    Beyond,
    OddCounts,
    mask_cells,
    pixel_counts,
    read_mask_pairs,
    shared_areas,
)
from .validation import MetricInputError, require_same_shape


def precision_over_iou(
    references: Any,
    predictions: Any,
    *,
    lowest: float = 0.5,
    highest: float = 1.0,
    step: float = 0.05,
    empty_predictions: str = "wrong",
    heights: Any = None,
    widths: Any = None,
    odd_counts: OddCounts = "refuse",
    beyond: Beyond = "refuse",
) -> float:
    """Mean precision of masks over thresholds of intersection over union, one image in each row.

    A row counts the share of thresholds that the intersection over union of its masks exceeds.
    Where the true mask is empty it counts 1 if the predicted one is empty too, else 0. Higher is
    better.

    Parameters
    ----------
    references : array-like of str, shape (n,)
        True masks as run lengths: ``start length start length ...``, pixels numbered from 1. Blank
        text is an empty mask.
    predictions : array-like of str, shape (n,)
        Predicted masks, pixels numbered likewise.
    lowest, highest, step : float
        The thresholds are ``numpy.arange(lowest, highest, step)``, so that `highest` is not one.
    empty_predictions : {"wrong", "whole_image"}
        What an empty predicted mask counts where the true one is not empty. ``"whole_image"``: as
        if it held every pixel, for which `heights` and `widths` are needed.
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
    TGS Salt Identification Challenge (2018), evaluation of the competition.

    Examples
    --------
    >>> references = ["1 4", "2 3 10 1", ""]
    >>> predictions = ["1 3", "2 3 9 2", ""]
    >>> round(precision_over_iou(references, predictions), 12)
    0.7
    >>> precision_over_iou(["1 9"], [""], empty_predictions="whole_image", heights=2, widths=5)
    0.8
    """
    thresholds = np.arange(lowest, highest, step) if step > 0 else np.empty(0)
    if not len(thresholds):
        raise MetricInputError("step", "must lead from lowest to highest; there is no threshold")
    true_cells = mask_cells("references", references)
    predicted_cells = mask_cells("predictions", predictions)
    require_same_shape(true_cells, predicted_cells)
    truth, predicted = read_mask_pairs(
        true_cells, predicted_cells, heights, widths, odd_counts=odd_counts, beyond=beyond
    )
    shared = shared_areas(truth, predicted)
    true_areas, areas = truth.areas(), predicted.areas()
    if empty_predictions == "whole_image":
        pixels = pixel_counts(heights, widths, truth.count)
        if pixels is None:
            raise MetricInputError("heights", "are needed for empty_predictions='whole_image'")
        whole = areas == 0
        shared, areas = np.where(whole, true_areas, shared), np.where(whole, pixels, areas)
    elif empty_predictions != "wrong":
        raise MetricInputError(
            "empty_predictions", f"must be 'wrong' or 'whole_image'; got {empty_predictions!r}"
        )
    overlap = shared / np.maximum(true_areas + areas - shared, 1)
    # Thresholds below each overlap, without a matrix of all pairs.
    precision = np.searchsorted(thresholds, overlap) / len(thresholds)
    return float(np.mean(np.where(true_areas > 0, precision, predicted.areas() == 0)))


class PrecisionOverIou(DirectMetric):
    """Precision of masks over thresholds of intersection over union for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=precision_over_iou.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("string"),
                    "references": datasets.Value("string"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"precision_over_iou": precision_over_iou(references, predictions, **parameters)}
