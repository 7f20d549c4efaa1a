"""Sets and lists of tokens: text cells of several labels in, flat arrays out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .validation import MetricInputError, arrow_text, label_vector, require_rows


@dataclass(frozen=True)
class Tokens:
    """The tokens of all rows, one after the other.

    Parameters
    ----------
    values : pyarrow.LargeStringArray, length n_tokens
        The tokens in the order of the rows and of the cells. Arrow holds them, since they may be
        millions of small texts, which Python's objects make slow.
    counts : ndarray of int64, shape (n_rows,)
        Number of tokens of each row.
    """

    values: Any
    counts: npt.NDArray[np.int64]

    def rows(self) -> npt.NDArray[np.int64]:
        """Return the row of each token."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def places(self) -> npt.NDArray[np.int64]:
        """Return the place of each token in its row, from 0."""
        starts = np.cumsum(self.counts) - self.counts
        return np.arange(int(self.counts.sum())) - np.repeat(starts, self.counts)


def split_tokens(argument: str, values: Any, *, blanks: str = "any") -> Tokens:
    """Split cells of text; rows that are lists of text are taken as they are.

    Parameters
    ----------
    argument : str
        Name used in errors.
    values : array-like of shape (n,)
        Text, or a list, tuple, set or array of text for each row.
    blanks : {"any", "single"}
        ``"any"``: any run of whitespace separates, and empty text has no tokens. ``"single"``: each
        single space separates, so that there may be empty tokens; empty text is one of them.

    Returns
    -------
    Tokens
        The tokens.

    Raises
    ------
    MetricInputError
        If there are no rows, or a row is neither text nor a list of text.
    """
    lists = _as_lists(values)
    try:
        return _split_cells(argument, values, blanks) if lists is None else _join(argument, lists)
    except UnicodeError as error:
        raise MetricInputError(argument, f"must be Unicode text; {error}") from error


def encode_tokens(*tokens: Any) -> tuple[list[npt.NDArray[np.int64]], int]:
    """Give the distinct tokens of several arrays numbers, from 0 in order of appearance.

    Parameters
    ----------
    *tokens : pyarrow.LargeStringArray
        Tokens.

    Returns
    -------
    codes : list of ndarray of int64
        The number of each token, array by array.
    count : int
        How many distinct tokens there are.
    """
    encoded = pa.concat_arrays(list(tokens)).dictionary_encode()
    codes = encoded.indices.to_numpy().astype(np.int64)
    ends = np.cumsum([len(array) for array in tokens])
    return np.split(codes, ends[:-1]), len(encoded.dictionary)


def _split_cells(argument: str, values: Any, blanks: str) -> Tokens:
    text = arrow_text(values)
    if text is None:
        cells = label_vector(argument, values)
        if cells.dtype.kind != "O" or not isinstance(cells[0], str):
            raise MetricInputError(argument, f"must be text; row 0 holds {cells.tolist()[0]!r}", 0)
        text = pa.array(cells, pa.large_string())
    if blanks == "single":
        lists = pc.split_pattern(text, " ")
        return Tokens(lists.flatten(), pc.list_value_length(lists).to_numpy().astype(np.int64))
    # To look for one character is faster, and does the same where there are no other blanks.
    plain = _is_printable_ascii(text)
    lists = pc.split_pattern(text, " ") if plain else pc.utf8_split_whitespace(text)
    flat = lists.flatten()
    # Blanks at the ends leave empty tokens, which are none.
    filled = pc.not_equal(flat, "").to_numpy(zero_copy_only=False)
    ends = np.cumsum(np.r_[0, filled])[lists.offsets.to_numpy()]
    return Tokens(flat.filter(pa.array(filled)), np.diff(ends))


def _is_printable_ascii(text: Any) -> bool:
    """Tell whether all characters are among those from the space to the tilde."""
    _, offsets, characters = text.buffers()
    if characters is None:
        return True
    ends = np.frombuffer(offsets, np.int64)[text.offset : text.offset + len(text) + 1]
    used = np.frombuffer(characters, np.uint8)[ends[0] : ends[-1]]
    return not len(used) or bool(used.min() >= ord(" ") and used.max() <= ord("~"))


def _join(argument: str, lists: list[Any]) -> Tokens:
    counts = np.fromiter(map(len, lists), np.int64, len(lists))
    flat = list(chain.from_iterable(lists))
    is_text = np.fromiter((isinstance(token, str) for token in flat), np.bool_, len(flat))
    if not is_text.all():
        good = np.ones(len(lists), dtype=np.bool_)
        good[np.repeat(np.arange(len(lists)), counts)[~is_text]] = False
        cells = np.empty(len(lists), dtype=object)
        cells[:] = [tuple(tokens) for tokens in lists]
        require_rows(argument, "must be text or lists of text", cells, good)
    # numpy has a text type of its own, which Arrow does not take.
    return Tokens(pa.array(list(map(str, flat)), pa.large_string()), counts)


def _as_lists(values: Any) -> list[Any] | None:
    """Return the rows if each is a collection of its own, else None."""
    if isinstance(values, (str, bytes, dict)) or not hasattr(values, "__len__"):
        return None
    if arrow_text(values) is not None:
        return None
    if hasattr(values, "to_pylist"):
        values = values.to_pylist()
    if getattr(values, "ndim", 1) != 1:
        is_matrix = isinstance(values, np.ndarray) and values.ndim == 2
        return list(values.astype(object)) if is_matrix and values.dtype.kind in "OU" else None
    rows = list(values)
    # A mix of text and lists is left to the check of text.
    return rows if rows and all(map(_is_collection, rows)) else None


def _is_collection(row: Any) -> bool:
    if isinstance(row, np.ndarray):
        return row.ndim == 1
    return isinstance(row, (list, tuple, set, frozenset))
