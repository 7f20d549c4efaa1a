"""F-beta score of masks: the mean over images."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np

from .direct_metric import DirectMetric
from .run_lengths import Beyond, OddCounts, mask_cells, read_mask_pairs, shared_areas
from .validation import MetricInputError, require_same_shape


def mask_f_beta(
    references: Any,
    predictions: Any,
    *,
    beta: float = 1.0,
    heights: Any = None,
    widths: Any = None,
    odd_counts: OddCounts = "refuse",
    beyond: Beyond = "refuse",
) -> float:
    """Mean F-beta score of the pixels of masks, one image in each row.

    A row without a pixel that both masks share scores 0. Higher is better.

    Parameters
    ----------
    references : array-like of str, shape (n,)
        True masks as run lengths: ``start length start length ...``, pixels numbered from 1. Blank
        text is an empty mask.
    predictions : array-like of str, shape (n,)
        Predicted masks, pixels numbered likewise.
    beta : float
        Weight of recall against precision: below 1 precision counts more. Positive.
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
    scikit-learn, `sklearn.metrics.fbeta_score`.

    Examples
    --------
    >>> references = ["1 4", "2 3 10 1", ""]
    >>> predictions = ["3 4", "2 3", "5 1"]
    >>> round(mask_f_beta(references, predictions, beta=0.5), 12)
    0.479166666667
    >>> mask_f_beta(["1 4"], ["1 4"])
    1.0
    """
    if not 0 < beta < np.inf:
        raise MetricInputError("beta", f"must be positive and finite; got {beta!r}")
    true_cells = mask_cells("references", references)
    predicted_cells = mask_cells("predictions", predictions)
    require_same_shape(true_cells, predicted_cells)
    truth, predicted = read_mask_pairs(
        true_cells, predicted_cells, heights, widths, odd_counts=odd_counts, beyond=beyond
    )
    found = shared_areas(truth, predicted)
    square = beta**2
    # (1 + b^2) TP + b^2 FN + FP
    total = square * truth.areas() + predicted.areas()
    return float(
        np.mean(np.where(found > 0, (1 + square) * found / np.where(total, total, 1), 0.0))
    )


class MaskFBeta(DirectMetric):
    """F-beta score of masks for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=mask_f_beta.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("string"),
                    "references": datasets.Value("string"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"mask_f_beta": mask_f_beta(references, predictions, **parameters)}
