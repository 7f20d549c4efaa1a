"""Argument checks that metrics share: array-likes in, checked numpy arrays out."""

from __future__ import annotations

import numbers
import reprlib
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

_NUMBER_TYPES = (numbers.Real, np.bool_, Decimal)


class MetricInputError(ValueError):
    """An argument that a metric cannot score.

    Parameters
    ----------
    argument : str
        Name of the argument at fault: ``"predictions"``, ``"references"`` or a parameter.
    problem : str
        What must hold and what was found instead.
    row : int, optional
        Position of the first row at fault, counted from zero.
    """

    def __init__(self, argument: str, problem: str, row: int | None = None) -> None:
        # All three go to the base class so that the error survives pickling between processes.
        super().__init__(argument, problem, row)
        self.argument = argument
        self.problem = problem
        self.row = row

    def __str__(self) -> str:
        return f"{self.argument}: {self.problem}"


def finite_numbers(
    argument: str,
    values: Any,
    *,
    dimensions: tuple[int, ...] = (1,),
    low: float | None = None,
    high: float | None = None,
    finite: bool = True,
) -> npt.NDArray[np.float64]:
    """Check that an array-like holds finite numbers and return them as float64.

    Parameters
    ----------
    argument : str
        Name used in errors.
    values : array-like
        Booleans, integers or floats; text is refused even where it spells a number.
    dimensions : tuple of int
        Allowed numbers of dimensions.
    low, high : float, optional
        Inclusive bounds of every value.
    finite : bool
        Whether missing and infinite values are refused; otherwise they are NaN and infinity, and
        NaN keeps no bound.

    Returns
    -------
    ndarray of float64
        C-contiguous, at least one value, of the shape of `values`.

    Raises
    ------
    MetricInputError
        If a value is missing, not a number, not finite or out of bounds, or the shape is wrong.
    """
    array = _to_array(argument, values)
    if array.dtype.kind == "O":
        array = _stack_rows(argument, array)
    _require_shape(argument, array, dimensions)
    if array.dtype.kind == "O":
        converted = _numbers_from_objects(argument, array)
    elif array.dtype.kind in "biuf":
        converted = np.ascontiguousarray(array, dtype=np.float64)
    else:
        raise MetricInputError(argument, f"must be numbers; got dtype {array.dtype}")
    if finite:
        require_rows(argument, "must be finite", array, np.isfinite(converted))
    if low is not None and high is not None:
        rule = f"must lie in [{low:g}, {high:g}]"
        require_rows(argument, rule, array, (converted >= low) & (converted <= high))
    elif low is not None:
        require_rows(argument, f"must not be below {low:g}", array, converted >= low)
    elif high is not None:
        require_rows(argument, f"must not be above {high:g}", array, converted <= high)
    return converted


def binary_labels(argument: str, values: Any) -> npt.NDArray[np.int64]:
    """Check that a one-dimensional array-like holds only 0 and 1 (or booleans).

    Parameters
    ----------
    argument : str
        Name used in errors.
    values : array-like of shape (n,)
        Labels; 0.0 and 1.0 count as integers.

    Returns
    -------
    ndarray of int64, shape (n,)
        The labels.

    Raises
    ------
    MetricInputError
        If a value is anything else, or the shape is wrong.
    """
    array = finite_numbers(argument, values)
    require_rows(argument, "must be 0 or 1", array, (array == 0) | (array == 1))
    return array.astype(np.int64)


def label_vector(argument: str, values: Any) -> npt.NDArray[Any]:
    """Check that a one-dimensional array-like holds labels, all text or all numbers.

    Parameters
    ----------
    argument : str
        Name used in errors.
    values : array-like of shape (n,)
        Text, integers, booleans or finite floats, none of them missing.

    Returns
    -------
    ndarray, shape (n,)
        Text as ``str`` objects, numbers in their own dtype, so that no label is altered.

    Raises
    ------
    MetricInputError
        If a label is missing or of another type, text and numbers are mixed, or the shape is
        wrong.
    """
    array = _to_array(argument, values)
    _require_shape(argument, array, (1,))
    if array.dtype.kind in "biuf":
        require_rows(argument, "must be finite", array, np.isfinite(array))
        return array
    if array.dtype.kind != "O":
        raise MetricInputError(argument, f"must be text or numbers; got dtype {array.dtype}")
    text = _is_instance(array, str)
    if text.all():
        return array
    require_rows(argument, "must not be missing", array, ~_is_missing(array))
    known = text | _is_instance(array, _NUMBER_TYPES)
    require_rows(argument, "must be text or numbers", array, known)
    require_rows(argument, "must be all text or all numbers", array, text == text[0])
    typed = np.array(array.tolist())
    # Integers beyond 64 bits stay Python objects, which compare exactly.
    return array if typed.dtype.kind == "O" else label_vector(argument, typed)


def arrow_text(values: Any) -> Any:
    """Return text that Arrow holds already, for metrics that need no Python objects.

    Parameters
    ----------
    values : array-like
        Anything.

    Returns
    -------
    pyarrow.LargeStringArray, shape (n,), or None
        None for text in other containers, for what is no text, where a row is missing, and where
        there are none.
    """
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        text = values
    elif isinstance(getattr(values, "dtype", None), pd.StringDtype):
        text = pa.array(values)
    else:
        return None
    if isinstance(text, pa.ChunkedArray):
        text = text.combine_chunks()
    is_text = pa.types.is_string(text.type) or pa.types.is_large_string(text.type)
    return text.cast(pa.large_string()) if is_text and len(text) and not text.null_count else None


def require_same_shape(references: npt.NDArray[Any], predictions: npt.NDArray[Any]) -> None:
    """Check that predictions have the shape of the references.

    Parameters
    ----------
    references, predictions : ndarray
        Checked arrays.

    Raises
    ------
    MetricInputError
        About ``predictions`` if the shapes differ.
    """
    if references.shape != predictions.shape:
        raise MetricInputError(
            "predictions",
            f"must have the shape of references, {references.shape}; got {predictions.shape}",
        )


def require_rows(
    argument: str,
    rule: str,
    values: npt.NDArray[Any],
    good: npt.NDArray[np.bool_],
    *,
    verb: str = "holds",
) -> None:
    """Check that a rule holds everywhere, and name the first row where it does not.

    Parameters
    ----------
    argument : str
        Name used in the error.
    rule : str
        What must hold, such as ``"must be finite"``.
    values : ndarray
        Values to quote in the error; the first dimension counts rows.
    good : ndarray of bool
        Where the rule holds, of the shape of `values`.
    verb : str
        Joins row and value in the message.

    Raises
    ------
    MetricInputError
        If `good` is false anywhere.
    """
    if good.all():
        return
    bad = ~good
    position = tuple(int(index) for index in np.unravel_index(int(np.argmax(bad)), bad.shape))
    value = values[position]
    if isinstance(value, np.generic):
        value = value.item()
    row = position[0]
    place = f"row {row}" if len(position) == 1 else f"row {row}, column {position[1]}"
    count = int(bad.reshape(len(bad), -1).any(axis=1).sum())
    noun = "row" if count == 1 else "rows"
    # A hostile file may hold text of any length; reprlib quotes only its ends.
    problem = f"{rule}; {place} {verb} {reprlib.repr(value)} ({count} such {noun})"
    raise MetricInputError(argument, problem, row)


def _to_array(argument: str, values: Any) -> npt.NDArray[Any]:
    """Convert an array-like without turning numbers into text."""
    if isinstance(values, np.ma.MaskedArray):
        require_rows(argument, "must not be masked", values.data, ~np.ma.getmaskarray(values))
    try:
        array = np.asarray(values)
        if array.dtype.kind in "UST":
            # numpy made one text array of, say, [1, "a"]: start again from the elements.
            array = np.array(values, dtype=object)
            if array.size and isinstance(array.flat[0], np.ndarray):
                # Rows that are arrays of no dimension hold one text each.
                array = np.frompyfunc(_unwrap, 1, 1)(array)
    except ValueError as error:
        raise MetricInputError(argument, f"must be an array of one shape; {error}") from error
    return array


def _unwrap(value: Any) -> Any:
    return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value


def _stack_rows(argument: str, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Turn a column of equally long sequences into a matrix."""
    if (
        array.ndim != 1
        or not array.size
        or not _is_instance(array, (list, tuple, np.ndarray)).all()
    ):
        return array
    return _to_array(argument, array.tolist())


def _require_shape(argument: str, array: npt.NDArray[Any], dimensions: tuple[int, ...]) -> None:
    if array.ndim not in dimensions:
        wanted = " or ".join({1: "(n,)", 2: "(n, k)"}.get(d, f"{d}-d") for d in dimensions)
        raise MetricInputError(argument, f"must have shape {wanted}; got {array.shape}")
    if array.size == 0:
        raise MetricInputError(argument, f"must not be empty; got shape {array.shape}")


def _numbers_from_objects(argument: str, array: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    missing = _is_missing(array)
    number = _is_instance(array, _NUMBER_TYPES)
    require_rows(argument, "must be numbers", array, number | missing)
    try:
        return np.where(missing, np.nan, array).astype(np.float64)
    except OverflowError as error:
        raise MetricInputError(argument, f"must fit a 64-bit float; {error}") from error


def _is_missing(array: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    return np.asarray(pd.isna(array), dtype=np.bool_)


def _is_instance(array: npt.NDArray[Any], types: type | tuple[type, ...]) -> npt.NDArray[np.bool_]:
    if types is str and pd.api.types.infer_dtype(array, skipna=False) == "string":
        # A hundred times as fast, and nearly all labels are of one kind.
        return np.ones(array.shape, dtype=np.bool_)
    found = np.fromiter((isinstance(value, types) for value in array.flat), np.bool_, array.size)
    return found.reshape(array.shape)
