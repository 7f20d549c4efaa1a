"""Reading and writing of CSV tables, the same bytes and values with every pandas version."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

MissingTokens = Literal["empty", "pandas"]
"""Which cells of a CSV file are missing: empty ones only, or pandas' default tokens too."""

Quoting = Literal["minimal", "nonnumeric"]
"""Which cells are quoted: those that need it, or all that are no numbers (header included)."""


def read_csv(
    source: Path | IO[bytes],
    *,
    missing_tokens: MissingTokens,
    columns_as_text: list[str] | None = None,
    types: dict[str, str] | None = None,
    separator: str = ",",
    encoding: str = "utf-8",
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

    Returns
    -------
    pandas.DataFrame
        The table; missing cells are NaN.
    """
    import pandas as pd
    from packaging.version import parse as parse_version

    # The nearest double is the default from pandas 3.1 on, where asking for it is deprecated.
    exact = parse_version(pd.__version__) >= parse_version("3.1")
    return pd.read_csv(
        source,
        float_precision=None if exact else "round_trip",
        low_memory=False,
        keep_default_na=missing_tokens == "pandas",
        na_values=None if missing_tokens == "pandas" else [""],
        dtype={**dict.fromkeys(columns_as_text or [], "str"), **(types or {})} or None,
        sep=separator,
        encoding=encoding,
    )


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

    table.to_csv(
        target,
        index=False,
        lineterminator="\n",
        sep=separator,
        float_format=float_format,
        quoting=csv.QUOTE_NONNUMERIC if quoting == "nonnumeric" else csv.QUOTE_MINIMAL,
    )
