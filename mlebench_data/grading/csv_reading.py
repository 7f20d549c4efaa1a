"""Reading of tables for grading: large files through Arrow where pandas itself is slow.

Before version 3.1, pandas makes a Python object of every cell of text. Arrow reads a file several
times as fast. It is used for those files of which it is certain what pandas would make.
"""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench_data.tables import MissingTokens, read_csv

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    import pyarrow as pa

# Smaller files are read in no time.
LARGE = 1_000_000
# What pandas takes for missing by default, with every supported version.
_MISSING_TOKENS = (
    "",
    "#N/A",
    "#N/A N/A",
    "#NA",
    "-1.#IND",
    "-1.#QNAN",
    "-NaN",
    "-nan",
    "1.#IND",
    "1.#QNAN",
    "<NA>",
    "N/A",
    "NA",
    "NULL",
    "NaN",
    "None",
    "n/a",
    "nan",
    "null",
)
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
# Whole numbers of so many digits fit 64 bits, so that pandas has one type for them.
_WHOLE_DIGITS = 18


def read_graded_csv(
    source: Path | BytesIO, *, missing_tokens: MissingTokens, columns_as_text: list[str]
) -> pd.DataFrame:
    """Read a CSV file like `tables.read_csv`, with the same result.

    Parameters
    ----------
    source : pathlib.Path or io.BytesIO
        What is read.
    missing_tokens : {"empty", "pandas"}
        Which cells count as missing.
    columns_as_text : list of str
        Columns that stay text whatever their cells look like.

    Returns
    -------
    pandas.DataFrame
        The table; missing cells are NaN.
    """
    import pandas as pd
    from packaging.version import parse as parse_version

    if parse_version(pd.__version__) < parse_version("3.0"):
        size = source.stat().st_size if isinstance(source, Path) else source.getbuffer().nbytes
        if size >= LARGE:
            content = source.read_bytes() if isinstance(source, Path) else source.getvalue()
            table = read_plain_csv(content, missing_tokens, columns_as_text)
            if table is not None:
                return table
    return read_csv(source, missing_tokens=missing_tokens, columns_as_text=columns_as_text)


def read_plain_csv(
    content: bytes, missing_tokens: MissingTokens, columns_as_text: list[str]
) -> pd.DataFrame | None:
    """Read a CSV file through Arrow, if it is certain that pandas would read the same.

    Parameters
    ----------
    content : bytes
        The file.
    missing_tokens : {"empty", "pandas"}
        Which cells count as missing.
    columns_as_text : list of str
        Columns that stay text whatever their cells look like.

    Returns
    -------
    pandas.DataFrame or None
        The table, with text as Python's objects; None if it is for pandas to say what it holds.
    """
    import pandas as pd
    import pyarrow as pa
    from pyarrow import csv

    names = _column_names(content)
    has_quotes = b'"' in content
    if names is None or (has_quotes and not _quotes_are_regular(content)):
        return None
    try:
        cells = csv.read_csv(
            pa.BufferReader(content),
            parse_options=csv.ParseOptions(newlines_in_values=has_quotes),
            convert_options=csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    except pa.ArrowInvalid:
        return None
    if not len(cells):
        return None
    tokens = _MISSING_TOKENS if missing_tokens == "pandas" else ("",)
    columns: dict[str, npt.NDArray[Any]] = {}
    for name in names:
        column = _typed(cells[name], tokens, is_text=name in columns_as_text)
        if column is None:
            return None
        columns[name] = column
    return pd.DataFrame(columns, copy=False)


def _column_names(content: bytes) -> list[str] | None:
    """Return the names in the header, unless pandas may read them otherwise."""
    if b"\r" in content or b"\0" in content or content.startswith(b"\xef\xbb\xbf"):
        return None
    try:
        header = content[: max(content.find(b"\n"), 0)].decode()
    except UnicodeDecodeError:
        return None
    names = [name.removeprefix('"').removesuffix('"') for name in header.split(",")]
    if header not in (",".join(names), ",".join(f'"{name}"' for name in names)):
        return None
    distinct = len(names) >= 2 and all(names) and len(set(names)) == len(names)
    return names if distinct and '"' not in "".join(names) else None


def _quotes_are_regular(content: bytes) -> bool:
    """Tell whether quotes only stand around cells, or doubled within quoted ones."""
    import numpy as np

    characters = np.frombuffer(content, dtype=np.uint8)
    quotes = np.flatnonzero(characters == ord('"'))
    if len(quotes) % 2:
        return False
    padded = np.r_[characters, np.uint8(ord("\n"))]
    borders = np.zeros(256, dtype=bool)
    borders[[ord(","), ord("\n"), ord('"')]] = True
    # Inside and outside take turns at each quote; a doubled one leaves and enters again.
    return bool(borders[padded[quotes[::2] - 1]].all() and borders[padded[quotes[1::2] + 1]].all())


def _typed(
    cells: pa.ChunkedArray, tokens: tuple[str, ...], *, is_text: bool
) -> npt.NDArray[Any] | None:
    """Give cells the type that pandas would, or return None where that is not certain."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    missing = pc.is_in(cells, value_set=pa.array(tokens, cells.type)).to_numpy()
    has_missing = bool(missing.any())
    if not is_text:
        if missing.all():
            return np.full(len(cells), np.nan)
        longest = int(pc.binary_length(cells).to_numpy().argmax())
        some = {cells[row].as_py() for row in (longest, int(missing.argmin()))}
        is_text = any(_is_text_for_pandas(cell) for cell in some)
    if is_text:
        # To make one object of equal texts saves memory, but takes long where all differ.
        first = cells.slice(0, 10_000)
        repeat = pc.count_distinct(first).as_py() < len(first) / 2
        texts: npt.NDArray[Any] = cells.to_pandas(deduplicate_objects=repeat).to_numpy(
            dtype=object, copy=True
        )
        texts[missing] = np.nan
        return texts
    present = cells.filter(pa.array(~missing)) if has_missing else cells
    numbers = _numbers(present)
    if numbers is None or not has_missing:
        return numbers
    column = np.full(len(cells), np.nan)
    column[~missing] = numbers
    return column


def _is_text_for_pandas(cell: str) -> bool:
    """Tell whether pandas reads a cell as text, so that its column can be nothing else."""
    from pandas.api.types import is_numeric_dtype

    if _FLOAT.fullmatch(cell.strip()):
        # Numbers beyond all types are text or not, depending on the other cells.
        return False
    quoted = '"' + cell.replace('"', '""') + '"'
    table = read_csv(BytesIO(f"a,b\n{quoted},\n".encode()), missing_tokens="pandas")
    return not is_numeric_dtype(table["a"].dtype)


def _numbers(cells: pa.ChunkedArray) -> npt.NDArray[Any] | None:
    """Read cells as whole numbers or floats; None if one is written in another way."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    text = cells.cast(pa.large_string()).combine_chunks()
    begins = np.frombuffer(text.buffers()[1], np.int64)[text.offset :][: len(text) + 1]
    characters = np.frombuffer(text.buffers()[2], np.uint8)[begins[0] : begins[-1]]
    whole = _holds_only(characters, b"-0123456789")
    if not whole and not _holds_only(characters, b"+-.0123456789Ee"):
        return None
    if not whole and pc.any(pc.starts_with(text, "+")).as_py():
        # For pandas, "+1" may be whole.
        return None
    long = np.diff(begins) > _WHOLE_DIGITS
    if long.any() and not pc.all(pc.match_substring(text.filter(pa.array(long)), ".")).as_py():
        return None
    try:
        numbers = pc.cast(text, pa.int64() if whole else pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        return None
    # A copy, since Arrow's memory cannot be written to.
    return np.array(numbers) if whole or np.isfinite(numbers).all() else None


def _holds_only(characters: npt.NDArray[np.uint8], allowed: bytes) -> bool:
    import numpy as np

    table = np.zeros(256, dtype=bool)
    table[list(allowed)] = True
    return bool(table[characters].all())
