"""Reading and writing of CSV tables, the same bytes and values with every pandas version."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from mlebench_data.float_text import parse_floats

if TYPE_CHECKING:
    import pandas as pd

MissingTokens = Literal["empty", "pandas"]
"""Which cells of a CSV file are missing: empty ones only, or pandas' default tokens too."""

FloatParser = Literal["exact", "fast"]
"""How numbers are read: to the nearest double, or as pandas' default parser did up to 3.0."""

Quoting = Literal["minimal", "nonnumeric"]
"""Which cells are quoted: those that need it, or all that are no numbers (header included)."""

_INTEGER = re.compile(r"\s*[+-]?[0-9]+\s*")
_BEGINNINGS_OF_MISSING_TOKENS = "#-1<Nn"


def read_csv(
    source: Path | IO[bytes],
    *,
    missing_tokens: MissingTokens,
    columns_as_text: list[str] | None = None,
    types: dict[str, str] | None = None,
    separator: str = ",",
    encoding: str = "utf-8",
    float_parser: FloatParser = "exact",
) -> pd.DataFrame:
    """Read a CSV file with the column types that its cells suggest.

    Floats are parsed to the nearest double, and the type of a column is decided from the whole
    column, not from chunks of it.

    Parameters
    ----------
    source : pathlib.Path or binary file
        What is read.
    missing_tokens : {"empty", "pandas"}
        Which cells count as missing.
    columns_as_text : list of str, optional
        Columns that stay text whatever their cells look like.
    types : dict of str to str, optional
        numpy types of columns, such as ``{"R": "int8"}``.
    separator : str
        Separates cells.
    encoding : str
        Of the text.
    float_parser : {"exact", "fast"}
        How numbers are read.

    Returns
    -------
    pandas.DataFrame
        The table; missing cells are NaN.
    """
    import pandas as pd
    from packaging.version import parse as parse_version

    # The nearest double is the default from pandas 3.1 on, where asking for it is deprecated.
    exact = parse_version(pd.__version__) >= parse_version("3.1")
    options: dict[str, Any] = {
        "low_memory": False,
        "keep_default_na": missing_tokens == "pandas",
        "na_values": None if missing_tokens == "pandas" else [""],
        "sep": separator,
        "encoding": encoding,
    }
    content = source.read() if float_parser == "fast" and not isinstance(source, Path) else None
    table: pd.DataFrame = pd.read_csv(
        source if content is None else io.BytesIO(content),
        float_precision=None if exact else "round_trip",
        dtype={**dict.fromkeys(columns_as_text or [], "str"), **(types or {})} or None,
        **options,
    )

    def as_text(columns: list[str]) -> pd.DataFrame:
        if content is None and not isinstance(source, Path):
            source.seek(0)
        text: pd.DataFrame = pd.read_csv(
            source if content is None else io.BytesIO(content),
            dtype="str",
            usecols=columns,
            **options,
        )
        return text

    floats = list(table.columns[table.dtypes == "float64"])
    if float_parser == "fast" and floats:
        text = as_text(floats)
        for name in floats:
            table[name] = parse_floats(table[name], text[name])
    if large := _columns_of_large_numbers(table, known={*(columns_as_text or []), *(types or {})}):
        text = as_text(large)
        for name in large:
            if table[name].dtype != "float64" or _overflows(table[name], text[name]):
                table[name] = text[name]
    return table


def _columns_of_large_numbers(table: pd.DataFrame, known: set[str]) -> list[str]:
    """Name the columns that may hold numbers too large for any type, which are text up to pandas 2.

    From pandas 3 on, whole numbers beyond 64 bits are Python integers, which could not even be
    compared with other ids, or text of which no cell is missing; from 3.1 on, numbers beyond the
    range of doubles are infinite.
    """
    import numpy as np
    import pandas as pd
    from packaging.version import parse as parse_version

    if parse_version(pd.__version__).major < 3:
        return []

    def may_be_large(column: pd.Series[Any]) -> bool:
        if column.dtype == "float64":
            return bool(np.isposinf(column.to_numpy()).any())
        if column.dtype == "object":
            return pd.api.types.infer_dtype(column, skipna=True) == "integer"
        return isinstance(column.dtype, pd.StringDtype) and _begins_with_large_integer(column)

    return [str(name) for name in table if name not in known and may_be_large(table[name])]


def _begins_with_large_integer(column: pd.Series[Any]) -> bool:
    """Return whether a number beyond 64 bits comes before anything but integers and blanks."""
    for cell in column:
        if not isinstance(cell, str):
            return False
        if _INTEGER.fullmatch(cell):
            digits = cell.strip()
            # By their number first: Python refuses to read thousands of digits.
            if not digits.startswith("-") and (
                len(digits.lstrip("+0")) > 20 or int(digits) >= 2**64
            ):
                return True
        elif cell and cell[0] not in _BEGINNINGS_OF_MISSING_TOKENS:
            return False
    return False


def _overflows(column: pd.Series[Any], text: pd.Series[Any]) -> bool:
    """Return whether a number is infinite whose text is not."""
    infinite = text[column == float("inf")].str.strip(" +").str.lower()
    return not infinite.isin(["inf", "infinity"]).all()


def write_csv(
    table: pd.DataFrame,
    target: Path | IO[Any],
    *,
    separator: str = ",",
    float_format: str | None = None,
    quoting: Quoting = "minimal",
) -> None:
    """Write a table as CSV with line feeds and without the row index.

    Parameters
    ----------
    table : pandas.DataFrame
        The table; missing cells are written empty.
    target : pathlib.Path or file
        Where to.
    separator : str
        Separates cells.
    float_format : str, optional
        Such as ``"%.10g"``; by default the shortest text that reads back as the same double.
    quoting : {"minimal", "nonnumeric"}
        Which cells are quoted.
    """
    import csv

    from mlebench_data.csv_writing import write_fast

    if isinstance(target, Path):
        with target.open("wb") as stream:
            write_csv(
                table, stream, separator=separator, float_format=float_format, quoting=quoting
            )
        return
    quote_all = quoting == "nonnumeric"
    if (
        float_format is None
        and "b" in getattr(target, "mode", "")
        and write_fast(table, target, separator=separator, quote_all=quote_all)
    ):
        return
    table.to_csv(
        target,
        index=False,
        lineterminator="\n",
        sep=separator,
        float_format=float_format,
        quoting=csv.QUOTE_NONNUMERIC if quote_all else csv.QUOTE_MINIMAL,
    )
