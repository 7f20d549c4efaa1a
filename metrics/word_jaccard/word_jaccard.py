"""Word-level Jaccard similarity: the share of common words among all words of two texts."""

from __future__ import annotations

from typing import Any, Literal

import datasets
import evaluate
import numpy as np

from .direct_metric import DirectMetric
from .token_groups import text_cells
from .validation import MetricInputError, require_rows, require_same_shape

_WITHOUT_WORDS = {"one": 1.0, "zero": 0.0, "refuse": np.nan}


def word_jaccard(
    references: Any, predictions: Any, *, both_empty: Literal["one", "zero", "refuse"] = "one"
) -> float:
    """Mean over rows of the Jaccard similarity of the sets of words.

    Words are what blanks separate, in lower case; their order and repetition do not matter.
    Higher is better.

    Parameters
    ----------
    references : array-like of shape (n,)
        True texts.
    predictions : array-like of shape (n,)
        Predicted texts.
    both_empty : {"one", "zero", "refuse"}
        What a row is worth in which neither text holds a word: 1, 0, or no score at all.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    MetricInputError
        If an argument is empty, not one-dimensional or holds anything but text; if the lengths
        differ; if a row holds no word and `both_empty` is "refuse".

    References
    ----------
    P. Jaccard: The distribution of the flora in the alpine zone. New Phytologist 11 (1912).

    Examples
    --------
    >>> references = ["so happy today", "Sad", "not bad"]
    >>> predictions = ["happy today", "sad", "bad idea"]
    >>> word_jaccard(references, predictions)
    0.6666666666666666
    """
    if both_empty not in _WITHOUT_WORDS:
        raise MetricInputError(
            "both_empty", f"must be 'one', 'zero' or 'refuse'; got {both_empty!r}"
        )
    truth = text_cells("references", references)
    predicted = text_cells("predictions", predictions)
    require_same_shape(truth, predicted)
    empty = _WITHOUT_WORDS[both_empty]
    similarity = np.fromiter(
        (_similarity(pair, empty) for pair in zip(truth, predicted, strict=True)),
        np.float64,
        len(truth),
    )
    rule = "must hold a word where the reference holds none"
    require_rows("predictions", rule, predicted, ~np.isnan(similarity))
    return float(np.mean(similarity))


def _similarity(pair: tuple[str, str], both_empty: float) -> float:
    first, second = (set(text.lower().split()) for text in pair)
    common = len(first & second)
    words = len(first) + len(second) - common
    return common / words if words else both_empty


class WordJaccard(DirectMetric):
    """Word-level Jaccard similarity for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=word_jaccard.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("string"),
                    "references": datasets.Value("string"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"word_jaccard": word_jaccard(references, predictions, **parameters)}
