"""Sets and lists of tokens: text cells of several labels in, flat arrays out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from .validation import label_vector, require_rows


@dataclass(frozen=True)
class Tokens:
    """The tokens of all rows, one after the other.

    Parameters
    ----------
    values : ndarray of object, shape (n_tokens,)
        The tokens, ``str``, in the order of the rows and of the cells.
    rows : ndarray of int64, shape (n_tokens,)
        Row of each token.
    counts : ndarray of int64, shape (n_rows,)
        Number of tokens of each row.
    """

    values: npt.NDArray[Any]
    rows: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]


def split_tokens(argument: str, values: Any) -> Tokens:
    """Split cells of text at whitespace; rows that are lists of text are taken as they are.

    Parameters
    ----------
    argument : str
        Name used in errors.
    values : array-like of shape (n,)
        Text (empty text has no tokens), or a list, tuple, set or array of text for each row.

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
    if lists is None:
        cells = label_vector(argument, values)
        if cells.dtype.kind != "O" or not isinstance(cells[0], str):
            require_rows(argument, "must be text", cells, np.zeros(len(cells), dtype=np.bool_))
        return _split_cells(cells.tolist())
    counts = np.fromiter(map(len, lists), np.int64, len(lists))
    flat = _objects(list(chain.from_iterable(lists)))
    rows = np.repeat(np.arange(len(lists)), counts)
    is_text = np.fromiter((isinstance(token, str) for token in flat), np.bool_, len(flat))
    if not is_text.all():
        good = np.ones(len(lists), dtype=np.bool_)
        good[rows[~is_text]] = False
        shown = _objects([tuple(tokens) for tokens in lists])
        require_rows(argument, "must be text or lists of text", shown, good)
    return Tokens(flat, rows, counts)


def _split_cells(cells: list[str]) -> Tokens:
    """Split all cells in one go: a list for each of them would take several times as long."""
    end = "\N{SYMBOL FOR END OF TEXT}"
    while any(end in cell for cell in cells):
        end += end
    flat = _objects(f" {end} ".join(cells).split())
    is_end = flat == end
    rows = np.cumsum(is_end)[~is_end]
    return Tokens(flat[~is_end], rows, np.bincount(rows, minlength=len(cells)))


def _objects(values: list[Any]) -> npt.NDArray[Any]:
    """Make a vector of objects, whatever they are."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _as_lists(values: Any) -> list[Any] | None:
    """Return the rows if each is a collection of its own, else None."""
    if isinstance(values, (str, bytes, dict)) or not hasattr(values, "__len__"):
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
