"""Mean average precision at k of ranked lists of labels."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np
import numpy.typing as npt
import pandas as pd

from .direct_metric import DirectMetric
from .ranking import counted_within
from .tokens import Tokens, split_tokens
from .validation import MetricInputError, label_vector


def map_at_k(references: Any, predictions: Any, *, k: int = 5, blanks: str = "any") -> float:
    """Mean over rows of the average precision of the first k predicted labels.

    A predicted label at place i that is true, and did not stand before it in the same row, earns the
    share of true labels among the first i. A row's sum of these is divided by the number of its true
    labels, or by k if that is less. With one true label it is 1 / (its place). Higher is better.

    Parameters
    ----------
    references : array-like of shape (n,)
        True labels of each row, at least one: text with blanks between the labels, or a list of
        text. A label counts once.
    predictions : array-like of shape (n,)
        Predicted labels, the most likely first, in either form; none at all (empty text) earns 0.
    k : int
        Number of places that count, at least 1.
    blanks : {"any", "single"}
        ``"any"``: labels in a text are separated by any run of whitespace. ``"single"``: each
        single space separates, so that a second one, or one at the start, makes an empty label that
        takes a place, and other whitespace belongs to the label.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    MetricInputError
        If an argument is empty or holds anything but text; if a row has no true label; if the
        lengths differ; if a parameter is out of range.

    References
    ----------
    C. D. Manning, P. Raghavan, H. Schütze (2008). Introduction to Information Retrieval, ch. 8.4.
    Cambridge University Press.

    Examples
    --------
    >>> references = ["w1", "w2", "w3 w4"]
    >>> predictions = ["w1 w5", "w5 w2", "w4 w5 w3"]
    >>> round(map_at_k(references, predictions), 12)
    0.777777777778
    >>> map_at_k(["w1"], ["w5 w2 w1"], k=2)
    0.0
    >>> map_at_k(["w1"], [" w1"], blanks="single")
    0.5
    """
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise MetricInputError("k", f"must be a whole number of at least 1; got {k!r}")
    if blanks not in ("any", "single"):
        raise MetricInputError("blanks", f"must be 'any' or 'single'; got {blanks!r}")
    truth = split_tokens("references", references)
    predicted = _split("predictions", predictions, blanks)
    if len(truth.counts) != len(predicted.counts):
        raise MetricInputError(
            "predictions",
            f"must have as many rows as the references, {len(truth.counts)}; "
            f"got {len(predicted.counts)}",
        )
    if not truth.counts.all():
        row = int(np.argmin(truth.counts))
        raise MetricInputError("references", f"must name a label in every row; row {row} has none", row)

    place = _places(predicted.counts)
    near = place < k
    codes, labels = pd.factorize(np.concatenate([truth.values, predicted.values[near]]))
    true_codes, predicted_codes = np.split(codes, [len(truth.values)])
    rows, place = predicted.rows[near], place[near]
    # A row and a label as one number.
    true_pairs = np.unique(truth.rows * len(labels) + true_codes)
    pairs = rows * len(labels) + predicted_codes
    hit = np.isin(pairs, true_pairs) & ~pd.Series(pairs).duplicated().to_numpy()
    earned = np.where(hit, counted_within(rows, hit) / (place + 1), 0.0)
    total = np.bincount(rows, weights=earned, minlength=len(truth.counts))
    number = np.bincount(true_pairs // len(labels), minlength=len(truth.counts))
    return float(np.mean(total / np.minimum(number, k)))


def _split(argument: str, values: Any, blanks: str) -> Tokens:
    if blanks == "single":
        try:
            cells = label_vector(argument, values)
        except MetricInputError:
            # Rows that are lists; or what is no label at all, which the next line refuses, too.
            return split_tokens(argument, values)
        if isinstance(cells[0], str):
            return split_tokens(argument, [cell.split(" ") for cell in cells])
    return split_tokens(argument, values)


def _places(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Number the tokens of each row from 0."""
    starts = np.cumsum(counts) - counts
    return np.arange(int(counts.sum())) - np.repeat(starts, counts)


class MapAtK(DirectMetric):
    """Mean average precision at k for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=map_at_k.__doc__,
            features=[
                datasets.Features({"predictions": value, "references": value})
                for value in (datasets.Value("string"), datasets.Sequence(datasets.Value("string")))
            ],
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"map_at_k": map_at_k(references, predictions, **parameters)}
