"""Kendall tau correlation of orderings, over the pairs of all rows together."""

from __future__ import annotations

import itertools
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
    >>> references = ["a b c", "c b a", "b a c"]
    >>> predictions = ["a b c", "c a b", "c b a"]
    >>> kendall_tau(references, predictions)
    0.33333333333333337
    >>> kendall_tau(["a b c d", "x y", "one"], ["b a c d", "x y", "one"])
    0.7142857142857143
    """
    truth = text_cells("references", references)
    predicted = text_cells("predictions", predictions)
    require_same_shape(truth, predicted)
    ranks = _ranks(truth, predicted)
    pairs = sum(len(row) * (len(row) - 1) // 2 for row in ranks)
    if pairs == 0:
        raise MetricInputError("references", "must hold a row of two names or more")
    return 1 - 2 * _count_swapped(ranks) / pairs


def _ranks(
    references: npt.NDArray[np.object_], predictions: npt.NDArray[np.object_]
) -> list[list[int]]:
    """Return the true rank of each predicted name, row by row."""
    ranks = []
    for row, (true_text, text) in enumerate(zip(references, predictions, strict=True)):
        true_names, names = true_text.split(), text.split()
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
            ranks.append([rank_of[name] for name in names])
        except KeyError as error:
            raise MetricInputError(
                "predictions",
                f"must hold the names of the reference, each once; row {row} holds "
                f"{reprlib.repr(error.args[0])}, which is none of them",
                row,
            ) from None
    return ranks


def _count_swapped(ranks: list[list[int]]) -> int:
    """Count the pairs of a row of which the first rank is the larger one, over all rows."""
    lengths = np.fromiter(map(len, ranks), np.int64, len(ranks))
    # Rows are laid end to end, the longest first, and ranks count on from row to row. Then a pair
    # that two rows share is never a swapped one, and the rows that are longer than a distance are
    # the first so many.
    order = np.argsort(-lengths, kind="stable")
    lengths = lengths[order]
    ends = np.cumsum(lengths)
    flat = np.fromiter(
        itertools.chain.from_iterable(ranks[row] for row in order), np.int64, int(ends[-1])
    )
    flat += np.repeat(ends - lengths, lengths)
    _require_each_once(flat, order, ends)
    swapped = 0
    for distance in range(1, int(lengths[0])):
        end = ends[np.searchsorted(-lengths, -distance) - 1]
        swapped += int(np.count_nonzero(flat[: end - distance] > flat[distance:end]))
    return swapped


def _require_each_once(
    flat: npt.NDArray[np.int64], order: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> None:
    """Refuse ranks of which one occurs twice (and so another one never)."""
    missing = np.bincount(flat, minlength=len(flat)) == 0
    if missing.any():
        row = int(order[np.searchsorted(ends, missing.argmax(), side="right")])
        raise MetricInputError(
            "predictions",
            f"must hold the names of the reference, each once; row {row} holds one of them more "
            "than once",
            row,
        )


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
