"""Fast writing of CSV: the same bytes as `pandas.DataFrame.to_csv`, made column by column."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

# Rows turned into text at a time: enough to make calls cheap, few enough to bound memory.
_ROWS = 65536
# Whole numbers of a smaller range are looked up in a list of their texts.
_WORDS = 8192


class UnsupportedColumnError(Exception):
    """A column whose text is left to pandas to make."""


def _integers(values: np.ndarray[Any, Any]) -> pa.Array:
    """Write whole numbers; those of a small range, such as labels, without dividing each by ten."""
    import numpy as np
    import pyarrow as pa

    low, high = int(values.min()), int(values.max())
    if low >= 0 and high <= 9:
        digits = (values + ord("0")).astype("uint8")
        ends = np.arange(len(values) + 1, dtype="int32")
        return pa.StringArray.from_buffers(len(values), pa.py_buffer(ends), pa.py_buffer(digits))
    if high - low < min(_WORDS, len(values)) and high < 1 << 63:
        # Counted from zero: one more than the largest of 64 bits would become a float.
        words = pa.array(low + np.arange(high - low + 1, dtype="int64")).cast(pa.string())
        return words.take(pa.array(values.astype("int64") - low))
    return pa.array(values).cast(pa.string())


def _booleans(column: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    return pc.if_else(column, "True", "False")


def _floats(column: pa.Array) -> pa.Array:
    """Write each double as Python's `repr` does: the shortest text that reads back the same.

    Arrow finds the same digits, but leaves the ".0" of whole numbers away and changes to scientific
    notation elsewhere, so the few numbers outside the range in which both write plain decimals are
    written by Python.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    values = column.to_numpy(zero_copy_only=False)
    size = np.abs(values)
    with np.errstate(invalid="ignore"):
        plain = ((size >= 1e-4) & (size < 1e10)) | (size == 0)
        whole = plain & (values == np.trunc(values))
    missing = np.isnan(values)
    text = pa.array(values, mask=missing).cast(pa.string())
    if whole.any():
        text = pc.if_else(whole, pc.binary_join_element_wise(text, ".0", ""), text)
    if not plain.all():
        written = text.to_numpy(zero_copy_only=False)
        others = ~plain
        written[others] = [repr(value) for value in values[others].tolist()]
        text = pa.array(written, type=pa.string(), mask=missing)
    return text


def _quoted(text: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    mark, nothing = pa.scalar('"', pa.large_string()), pa.scalar("", pa.large_string())
    return pc.binary_join_element_wise(mark, pc.replace_substring(text, '"', '""'), mark, nothing)


def _strings(column: pa.Array, separator: str, *, quote_all: bool) -> pa.Array:
    """Quote text as the csv module does: where it holds a separator, a quote or a line feed."""
    import re

    import pyarrow.compute as pc

    if quote_all:
        return _quoted(column)
    special = pc.match_substring_regex(column, f'[{re.escape(separator)}"\n]')
    if not pc.any(special).as_py():
        return column
    return pc.if_else(special, _quoted(column), column)


def _text(series: pd.Series[Any], separator: str, *, quote_all: bool) -> pa.Array:
    """Return the cells of a column as text, missing ones empty."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = series.dtype
    if isinstance(kind, pd.api.extensions.ExtensionDtype) and kind.name not in ("str", "string"):
        raise UnsupportedColumnError
    if kind == "bool":
        text = _booleans(pa.array(series.to_numpy()))
    elif kind.kind in "iu":
        text = _integers(series.to_numpy())
    elif kind == "float64":
        text = _floats(pa.array(series.to_numpy()))
    elif kind.kind == "O":
        try:
            column = pa.array(series, type=pa.large_string(), from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError) as error:
            # A mixture, such as true/false with missing cells.
            raise UnsupportedColumnError from error
        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
        text = _strings(column, separator, quote_all=quote_all)
    else:
        raise UnsupportedColumnError
    return pc.fill_null(text, '""' if quote_all else "") if text.null_count else text


def _block(block: pd.DataFrame, separator: str, *, quote_all: bool) -> memoryview:
    """Return some rows as the text of the file."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = [
        _text(block.iloc[:, position], separator, quote_all=quote_all)
        for position in range(block.shape[1])
    ]
    numbers = all(kind.kind in "biuf" for kind in block.dtypes)
    if numbers and len(separator) == 1 and not quote_all:
        return _lines_of_numbers(columns, separator)
    kind = pa.large_string()
    columns = [column.cast(kind) for column in columns]
    columns[-1] = pc.binary_join_element_wise(
        columns[-1], pa.scalar("\n", kind), pa.scalar("", kind)
    )
    lines = pc.binary_join_element_wise(*columns, pa.scalar(separator, kind))
    # The lines lie one after the other in one buffer, which is the text.
    offsets = np.frombuffer(lines.buffers()[1], dtype=np.int64)
    return memoryview(lines.buffers()[2])[: int(offsets[len(lines)])]


def _lines_of_numbers(columns: list[pa.Array], separator: str) -> memoryview:
    """Join cells that need no quotes; Arrow's writer is twice as fast as its join at that."""
    import pyarrow as pa
    from pyarrow import csv

    stream = pa.BufferOutputStream()
    table = pa.table(columns, names=[str(number) for number in range(len(columns))])
    options = csv.WriteOptions(
        include_header=False, batch_size=_ROWS, delimiter=separator, quoting_style="none"
    )
    csv.write_csv(table, stream, options)
    return memoryview(stream.getvalue())


def _blocks(table: pd.DataFrame, separator: str, *, quote_all: bool) -> Iterator[memoryview]:
    """Return the text of a table in order, made by several threads a few blocks ahead."""
    workers = os.cpu_count() or 1
    waiting: deque[Future[memoryview]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(table), _ROWS):
            rows = table.iloc[start : start + _ROWS]
            waiting.append(pool.submit(_block, rows, separator, quote_all=quote_all))
            if len(waiting) > workers + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def write_fast(table: pd.DataFrame, stream: IO[bytes], *, separator: str, quote_all: bool) -> bool:
    """Write a table as CSV, if all its columns are of kinds that this can write.

    Parameters
    ----------
    table : pandas.DataFrame
        The table.
    stream : binary file
        Where to.
    separator : str
        Separates cells.
    quote_all : bool
        Quote all text, and the header.

    Returns
    -------
    bool
        False if nothing was written, because a column needs pandas' own writer.
    """
    import csv
    import io

    # A single empty cell would be an empty line, which the csv module avoids by quoting it.
    if table.shape[1] < 2 or not all(isinstance(name, str) for name in table.columns):
        return False
    header = io.StringIO()
    csv.writer(
        header,
        delimiter=separator,
        lineterminator="\n",
        quoting=csv.QUOTE_NONNUMERIC if quote_all else csv.QUOTE_MINIMAL,
    ).writerow(table.columns)
    blocks = _blocks(table, separator, quote_all=quote_all)
    try:
        first = next(blocks, None)
        stream.write(header.getvalue().encode())
        if first is not None:
            stream.write(first)
        for block in blocks:
            stream.write(block)
    except UnsupportedColumnError:
        if stream.seekable() and stream.tell() > 0:
            stream.seek(0)
            stream.truncate()
        return False
    return True
