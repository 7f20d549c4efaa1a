"""Turn columns of sentences into sparse word and character counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer

WORDS = r"(?u)\w+|[^\w\s]"
# Characters per row that are looked at, and of all rows for pieces of words (about 10 s).
LONGEST_ROW = 6_000
MOST_CHARACTERS = 8_000_000
MOST_FEATURES = 200_000


@dataclass
class TextFeatures:
    """Sparse matrices with one row per row of the table.

    Attributes
    ----------
    counts : scipy.sparse.csr_matrix
        How often words and pairs of words occur.
    words : scipy.sparse.csr_matrix
        The same, weighted by rarity (tf-idf).
    all : scipy.sparse.csr_matrix
        ``words`` and, unless there is too much text, weighted pieces of words.
    """

    counts: Any
    words: Any
    all: Any


def text_features(texts: list[pd.Series]) -> TextFeatures | None:
    """Build features from the columns of sentences, joined; None if they hold no words."""
    joined = [
        "\n".join(str(cell) for cell in row)[:LONGEST_ROW]
        for row in zip(*(text.tolist() for text in texts), strict=True)
    ]
    rare = 2 if len(joined) > 300 else 1
    try:
        counts = CountVectorizer(
            ngram_range=(1, 2), min_df=rare, token_pattern=WORDS, max_features=MOST_FEATURES
        ).fit_transform(joined)
    except ValueError:
        # scikit-learn's way to say that no row holds a word.
        return None
    words = TfidfTransformer(sublinear_tf=True).fit_transform(counts)
    everything = words
    if sum(map(len, joined)) <= MOST_CHARACTERS:
        pieces = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, min_df=rare + 1,
            max_features=MOST_FEATURES, dtype=np.float32,
        )  # fmt: skip
        try:
            everything = sparse.hstack([words, pieces.fit_transform(joined)])
        except ValueError:
            # No piece occurs in enough rows: words only.
            everything = words
    return TextFeatures(counts.tocsr(), words.tocsr(), everything.tocsr())
