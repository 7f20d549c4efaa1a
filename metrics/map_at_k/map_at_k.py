"""Mean average precision at k of ranked lists of labels."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np
import pandas as pd
import pyarrow as pa

from .direct_metric import DirectMetric
from .ranking import counted_within
from .tokens import encode_tokens, split_tokens
from .validation import MetricInputError


def map_at_k(references: Any, predictions: Any, *, k: int = 5, blanks: str = "any") -> float:
    """Mean over rows of the average precision of the first k predicted labels.

    A predicted label at place i that is true, and did not stand before it in the same row, earns
    the share of true labels among the first i. A row's sum of these is divided by the number of its
    true labels, or by k if that is less. With one true label it is 1 / (its place). Higher is
    better.

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
    predicted = split_tokens("predictions", predictions, blanks=blanks)
    if len(truth.counts) != len(predicted.counts):
        raise MetricInputError(
            "predictions",
            f"must have as many rows as the references, {len(truth.counts)}; "
            f"got {len(predicted.counts)}",
        )
    if not truth.counts.all():
        row = int(np.argmin(truth.counts))
        raise MetricInputError(
            "references", f"must name a label in every row; row {row} has none", row
        )

    rows, places = predicted.rows(), predicted.places()
    near = places < k
    rows, places = rows[near], places[near]
    (true_codes, codes), labels = encode_tokens(
        truth.values, predicted.values.filter(pa.array(near))
    )
    # A row and a label as one number.
    # (Sorted rows and a stable sort are much faster than numpy's `unique`.)
    true_pairs = np.sort(truth.rows() * labels + true_codes, kind="stable")
    true_pairs = true_pairs[np.diff(true_pairs, prepend=-1) > 0]
    pairs = rows * labels + codes
    nearest = np.minimum(np.searchsorted(true_pairs, pairs), len(true_pairs) - 1)
    hit = true_pairs[nearest] == pairs
    hit[hit] = ~pd.Series(pairs[hit]).duplicated().to_numpy()
    earned = np.where(hit, counted_within(rows, hit) / (places + 1), 0.0)
    total = np.bincount(rows, weights=earned, minlength=len(truth.counts))
    number = np.bincount(true_pairs // labels, minlength=len(truth.counts))
    return float(np.mean(total / np.minimum(number, k)))


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
