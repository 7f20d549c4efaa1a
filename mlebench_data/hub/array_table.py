"""NumPy arrays side by side as a table: one row for each place of their first axis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench_data.hub.column_types import Evidence
from mlebench_data.hub.errors import PackError
from mlebench_data.hub.table import Texts, Types, make_batch

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

_BATCH_SIZE = 16 << 20
"""Bytes of arrays in one batch."""


def _item_type(array: npt.NDArray[Any]) -> pa.DataType:
    """Return the type of a row: of its items, in as many lists of fixed length as it has axes."""
    import pyarrow as pa

    kind = pa.string() if array.dtype.kind == "U" else pa.from_numpy_dtype(array.dtype)
    for length in reversed(array.shape[1:]):
        kind = pa.list_(kind, length)
    return kind


class ArraysTable:
    """Arrays (`.npy`) of the same length, one column for each.

    Rows of further axes are lists of fixed length, of the array's own number type. The files are
    mapped into memory, not read as a whole.

    Parameters
    ----------
    paths : mapping of str to pathlib.Path
        The file of each column.
    integers : iterable of str
        Columns of text that are whole numbers.
    number_as : str, optional
        A further column, the first one, that counts the rows from 0.

    Raises
    ------
    PackError
        If a file is no such array, or their lengths differ.
    """

    def __init__(
        self, paths: Mapping[str, Path], integers: Iterable[str] = (), number_as: str | None = None
    ) -> None:
        import numpy as np

        self._arrays: dict[str, npt.NDArray[Any]] = {}
        for name, path in paths.items():
            try:
                array = np.load(path, mmap_mode="r", allow_pickle=False)
            except (ValueError, EOFError) as error:
                raise PackError(f"{path} is no array that can be read: {error}.") from error
            if (
                not isinstance(array, np.ndarray)
                or not array.ndim
                or array.dtype.kind not in "biufU"
            ):
                raise PackError(f"{path} is no array of numbers or text with rows.")
            self._arrays[name] = array
        lengths = {name: len(array) for name, array in self._arrays.items()}
        if len(set(lengths.values())) != 1:
            raise PackError(f"The arrays must be equally long, but are: {lengths}.")
        self._length = next(iter(lengths.values()))
        self._integers = set(integers)
        self._number_as = number_as
        unknown = self._integers - self._arrays.keys()
        if unknown or number_as in self._arrays:
            raise PackError(f"dataset: there is no array '{unknown}', or '{number_as}' is one.")

    def evidence(self) -> dict[str, Evidence]:
        """Return the types of the arrays."""
        import pyarrow as pa

        first = {} if self._number_as is None else {self._number_as: Evidence(given=pa.int64())}
        return first | {
            name: Evidence(given=pa.int64() if name in self._integers else _item_type(array))
            for name, array in self._arrays.items()
        }

    def batches(
        self, types: Types, texts: Iterable[str] = ()
    ) -> Iterator[tuple[pa.RecordBatch, Texts]]:
        """Give the rows; the text of a number is as Python writes it."""
        import numpy as np
        import pyarrow as pa

        wanted = list(texts)
        row_size = sum(array[:1].nbytes for array in self._arrays.values())
        step = max(1, _BATCH_SIZE // max(1, row_size))
        for start in range(0, self._length, step):
            parts = {
                name: _rows(array[start : start + step]) for name, array in self._arrays.items()
            }
            length = min(step, self._length - start)
            if self._number_as is not None:
                parts[self._number_as] = pa.array(np.arange(start, start + length))
            try:
                columns = {
                    name: part.cast(types[name]) for name, part in parts.items() if name in types
                }
            except pa.ArrowInvalid as error:
                raise PackError(f"An array does not fit its column: {error}.") from error
            values = {name: parts[name].cast(pa.string()).to_pylist() for name in wanted}
            yield make_batch(columns, types, length), values


def _rows(array: npt.NDArray[Any]) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    # In this machine's byte order, and contiguous: Arrow takes nothing else.
    flat = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("=")).reshape(-1)
    values = pa.array(flat.tolist(), pa.string()) if array.dtype.kind == "U" else pa.array(flat)
    for length in reversed(array.shape[1:]):
        values = pa.FixedSizeListArray.from_arrays(values, length)
    return values
