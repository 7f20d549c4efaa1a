"""Kendall tau correlation of orderings, over the pairs of all rows together."""

from __future__ import annotations

import reprlib
from typing import Any

import datasets
import evaluate
import numpy as np
import numpy.typing as npt

from .direct_metric import DirectMetric
from .token_groups import text_cells
from .validation import MetricInputError, require_same_shape


def kendall_tau(references: Any, predictions: Any) -> float:
    """Agreement of predicted and true orders, one minus twice the share of swapped pairs.

    Each row holds names in an order. A pair of names of one row is swapped if its order in the
    prediction is not that in the reference; pairs of all rows count alike. Higher is better.

    Parameters
    ----------
    references : array-like of shape (n,)
        True orders: text of distinct names that blanks separate.
    predictions : array-like of shape (n,)
        Predicted orders: in each row the names of the reference, each once.

    Returns
    -------
    float
        In [-1, 1]: 1 if all orders are right, -1 if all are reversed.

    Raises
    ------
    MetricInputError
        If an argument is empty, not one-dimensional or holds anything but text; if the lengths
        differ; if a row of the references holds a name twice, or no row holds two names; if a row
        of the predictions holds other names than that of the references.

    References
    ----------
    M. G. Kendall: A new measure of rank correlation. Biometrika 30 (1938).

    Examples
    --------
    >>> references = ["a b c d", "x y", "one"]
    >>> predictions = ["b a c d", "x y", "one"]
    >>> kendall_tau(references, predictions)
    0.7142857142857143
    """
    truth = text_cells("references", references)
    predicted = text_cells("predictions", predictions)
    require_same_shape(truth, predicted)
    ranks, lengths = _ranks(truth, predicted)
    pairs = int((lengths * (lengths - 1) // 2).sum())
    if pairs == 0:
        raise MetricInputError("references", "must hold a row of two names or more")
    return 1 - 2 * _count_swapped(ranks, lengths) / pairs


def _ranks(
    references: npt.NDArray[np.object_], predictions: npt.NDArray[np.object_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the true ranks of the predicted names, row after row, and the rows' lengths."""
    ranks: list[int] = []
    lengths = np.empty(len(references), dtype=np.int64)
    for row, (true_text, text) in enumerate(zip(references, predictions, strict=True)):
        true_names, names = true_text.split(), text.split()
        lengths[row] = len(true_names)
        rank_of = dict(zip(true_names, range(len(true_names)), strict=True))
        if len(rank_of) != len(true_names):
            raise MetricInputError(
                "references",
                f"must hold distinct names; row {row} holds {reprlib.repr(true_text)}",
                row,
            )
        if len(names) != len(true_names):
            raise MetricInputError(
                "predictions",
                f"must hold the names of the reference, each once; row {row} holds {len(names)} "
                f"names instead of {len(true_names)}",
                row,
            )
        try:
            ranks.extend([rank_of[name] for name in names])
        except KeyError as error:
            raise MetricInputError(
                "predictions",
                f"must hold the names of the reference, each once; row {row} holds "
                f"{reprlib.repr(error.args[0])}, which is none of them",
                row,
            ) from None
        if len(set(names)) != len(names):
            repeated = next(name for name in names if names.count(name) > 1)
            raise MetricInputError(
                "predictions",
                f"must hold the names of the reference, each once; row {row} holds "
                f"{reprlib.repr(repeated)} more than once",
                row,
            )
    return np.array(ranks, dtype=np.int64), lengths


def _count_swapped(ranks: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> int:
    """Count the pairs of a row in which the first value is the larger one, over all rows.

    All rows at once, bit by bit from the highest: within a group of values that agree in the
    higher bits, each one that stands before a zero is a swapped pair; then zeros and ones become
    groups of their own, zeros first.
    """
    ends = np.repeat(np.cumsum(lengths), lengths)
    starts = ends - np.repeat(lengths, lengths)
    swapped = 0
    for bit in reversed(range(int(lengths.max()).bit_length())):
        ones = (ranks >> bit) & 1
        zeros_before = np.concatenate(([0], np.cumsum(1 - ones)))
        place = np.arange(len(ranks))
        zeros_in_group = zeros_before[ends] - zeros_before[starts]
        own_zeros_before = zeros_before[:-1] - zeros_before[starts]
        own_ones_before = place - starts - own_zeros_before
        is_zero = ones == 0
        swapped += int(own_ones_before[is_zero].sum())
        border = starts + zeros_in_group
        target = np.where(is_zero, starts + own_zeros_before, border + own_ones_before)
        new_starts, new_ends = np.where(is_zero, starts, border), np.where(is_zero, border, ends)
        moved = np.empty_like(target)
        moved[target] = place
        ranks, starts, ends = ranks[moved], new_starts[moved], new_ends[moved]
    return swapped


class KendallTau(DirectMetric):
    """Kendall tau correlation of orderings for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=kendall_tau.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("string"),
                    "references": datasets.Value("string"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"kendall_tau": kendall_tau(references, predictions, **parameters)}
