"""Mean average precision at k of ranked lists of labels."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .direct_metric import DirectMetric
from .ranking import counted_within
from .tokens import split_tokens
from .validation import MetricInputError, label_vector


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
    truth_counts, truth = _split("references", references, "any")
    counts, predicted = _split("predictions", predictions, blanks)
    if len(truth_counts) != len(counts):
        raise MetricInputError(
            "predictions",
            f"must have as many rows as the references, {len(truth_counts)}; got {len(counts)}",
        )
    if not truth_counts.all():
        row = int(np.argmin(truth_counts))
        raise MetricInputError(
            "references", f"must name a label in every row; row {row} has none", row
        )

    place = _places(counts)
    near = place < k
    encoded = pa.concat_arrays([truth, predicted.filter(pa.array(near))]).dictionary_encode()
    codes, labels = encoded.indices.to_numpy().astype(np.int64), len(encoded.dictionary)
    true_codes, predicted_codes = np.split(codes, [len(truth)])
    every = np.arange(len(counts))
    rows, place = np.repeat(every, counts)[near], place[near]
    # A row and a label as one number.
    true_pairs = np.unique(np.repeat(every, truth_counts) * labels + true_codes)
    pairs = rows * labels + predicted_codes
    nearest = np.searchsorted(true_pairs, pairs)
    is_true = true_pairs[np.minimum(nearest, len(true_pairs) - 1)] == pairs
    hit = is_true.copy()
    hit[is_true] = ~pd.Series(pairs[is_true]).duplicated().to_numpy()
    earned = np.where(hit, counted_within(rows, hit) / (place + 1), 0.0)
    total = np.bincount(rows, weights=earned, minlength=len(counts))
    number = np.bincount(true_pairs // labels, minlength=len(counts))
    return float(np.mean(total / np.minimum(number, k)))


def _split(
    argument: str, values: Any, blanks: str
) -> tuple[npt.NDArray[np.int64], pa.LargeStringArray]:
    """Return the number of labels of each row, and all labels one after the other."""
    try:
        cells = label_vector(argument, values)
        # Python's types are left behind here: these are millions of small texts.
        text = pa.array(cells if cells.dtype.kind == "O" else [None], pa.large_string())
    except (MetricInputError, pa.ArrowException, UnicodeError):
        text = None
    if text is None or text.null_count:
        # Rows that are lists, text that UTF-8 cannot hold, or what is no label at all.
        tokens = split_tokens(argument, values)
        try:
            return tokens.counts, pa.array(tokens.values, pa.large_string())
        except UnicodeError as error:
            raise MetricInputError(argument, f"must be Unicode text; {error}") from error
    if blanks == "single":
        lists = pc.split_pattern(text, " ")
        return pc.list_value_length(lists).to_numpy().astype(np.int64), lists.flatten()
    lists = pc.utf8_split_whitespace(text)
    flat = lists.flatten()
    # Blanks at the ends leave empty labels, which are none.
    filled = pc.not_equal(flat, "").to_numpy(zero_copy_only=False)
    ends = np.cumsum(np.r_[0, filled])[lists.offsets.to_numpy()]
    return np.diff(ends), flat.filter(pa.array(filled))


def _places(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the place of each label in its row, from 0."""
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
