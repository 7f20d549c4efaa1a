"""Reading of text cells that hold groups of tokens: boxes, points, detections."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .validation import MetricInputError, require_rows


@dataclass(frozen=True)
class TokenGroups:
    """All groups of all cells, cell by cell.

    Attributes
    ----------
    argument : str
        Name used in errors.
    rows : ndarray of int64, shape (g,)
        The cell that each group stands in.
    tokens : ndarray of object, shape (g, size)
        The text of each token.
    """

    argument: str
    rows: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.object_]

    def numbers(self, columns: slice | list[int], names: str) -> npt.NDArray[np.float64]:
        """Return columns of tokens as numbers.

        Parameters
        ----------
        columns : slice or list of int
            Positions inside a group.
        names : str
            What they are, for errors.

        Returns
        -------
        ndarray of float64, shape (g, number of columns)
            NaN and infinity are let through.

        Raises
        ------
        MetricInputError
            If a token is not what Python's `float` reads.
        """
        chosen = self.tokens[:, columns]
        flat = chosen.ravel().tolist()
        try:
            values = np.fromiter(map(float, flat), np.float64, len(flat))
        except ValueError:
            group = next(i for i, token in enumerate(flat) if not _is_float(token))
            row = int(self.rows[group // chosen.shape[1]])
            raise MetricInputError(
                self.argument,
                f"{names} must be numbers; row {row} holds {reprlib.repr(flat[group])}",
                row,
            ) from None
        return values.reshape(chosen.shape)

    def require(self, rule: str, good: npt.NDArray[np.bool_]) -> None:
        """Check that a rule holds for every group, and name the row of the first that breaks it."""
        if good.all():
            return
        first = int(np.argmin(good))
        row = int(self.rows[first])
        group = reprlib.repr(" ".join(self.tokens[first]))
        bad = int((~good).sum())
        problem = f"{rule}; row {row} holds {group} ({bad} such group{'' if bad == 1 else 's'})"
        raise MetricInputError(self.argument, problem, row)


def _is_float(token: str) -> bool:
    try:
        float(token)
    except ValueError:
        return False
    return True


def text_cells(argument: str, values: Any) -> npt.NDArray[np.object_]:
    """Check that a one-dimensional array-like holds text in every row.

    Parameters
    ----------
    argument : str
        Name used in errors.
    values : array-like of shape (n,)
        Text; the empty text is allowed, a missing value is not.

    Returns
    -------
    ndarray of object, shape (n,)
        The text.

    Raises
    ------
    MetricInputError
        If a value is no text, or the shape is wrong.
    """
    try:
        array = np.asarray(values)
        if array.ndim == 1 and array.dtype.kind != "O":
            # From the elements: numpy makes one text array of, say, [1, "a"].
            array = np.array([_unwrapped(value) for value in values], dtype=object)
    except ValueError as error:
        raise MetricInputError(argument, f"must be an array of one shape; {error}") from error
    if array.ndim != 1:
        raise MetricInputError(argument, f"must have shape (n,); got {array.shape}")
    if array.size == 0:
        raise MetricInputError(argument, f"must not be empty; got shape {array.shape}")
    if pd.api.types.infer_dtype(array, skipna=False) != "string":
        is_text = np.fromiter((isinstance(value, str) for value in array), np.bool_, len(array))
        require_rows(argument, "must be text", array, is_text)
    return array


def read_token_groups(
    argument: str,
    cells: npt.NDArray[np.object_],
    size: int,
    names: str,
    *,
    any_blanks: bool = False,
    blank_is_empty: bool = False,
) -> TokenGroups:
    """Split text cells into groups of `size` tokens.

    Parameters
    ----------
    argument : str
        Name used in errors.
    cells : ndarray of str objects, shape (n,)
        Tokens with single spaces between them; an empty cell holds no group.
    size : int
        Tokens of a group.
    names : str
        What the tokens of a group are, for errors.
    any_blanks : bool
        Whether any run of blanks separates tokens, and blanks at the ends do not matter.
    blank_is_empty : bool
        Whether a cell of nothing but blanks is as good as an empty one.

    Returns
    -------
    TokenGroups
        The groups.

    Raises
    ------
    MetricInputError
        If a cell does not hold whole groups, or has a blank too many.
    """
    kept = [cell if cell and not (blank_is_empty and cell.isspace()) else None for cell in cells]
    if any_blanks:
        split = [[] if cell is None else cell.split() for cell in kept]
    else:
        split = [[] if cell is None else cell.split(" ") for cell in kept]
    counts = np.fromiter(map(len, split), np.int64, len(split))
    uneven = counts % size != 0
    if uneven.any():
        row = int(np.argmax(uneven))
        number = int(uneven.sum())
        between = "blanks" if any_blanks else "single spaces"
        raise MetricInputError(
            argument,
            f"must hold groups of {size} tokens ({names}) with {between} between them; row "
            f"{row} has {counts[row]} tokens ({number} such row{'' if number == 1 else 's'})",
            row,
        )
    flat: list[str] = [token for tokens in split for token in tokens]
    groups = TokenGroups(
        argument,
        np.repeat(np.arange(len(split)), counts // size),
        _object_array(flat).reshape(-1, size),
    )
    if not any_blanks:
        filled = np.fromiter(map(bool, flat), np.bool_, len(flat)).reshape(-1, size)
        whole = np.asarray(filled.all(axis=1), dtype=np.bool_)
        groups.require("must have single spaces between tokens", whole)
    return groups


def _unwrapped(value: Any) -> Any:
    """Return what an array or an Arrow value without dimensions holds."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return value.item()
    return value.as_py() if hasattr(value, "as_py") else value


def _object_array(values: list[str]) -> npt.NDArray[np.object_]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
