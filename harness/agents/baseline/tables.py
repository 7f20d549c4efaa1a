"""Read tables from CSV, TSV, JSON and Parquet files."""

from __future__ import annotations

import io
import itertools
import json
from typing import Any

import numpy as np
import pandas as pd
from discover import DataFile, DataFolder

# CSV files above this size are read in pieces, of which a random share is kept.
LARGE_BYTES = 400_000_000
ROWS_PER_PIECE = 200_000
# Cells that mean a missing value, except in columns that are kept as text.
MISSING = [
    "", "NA", "N/A", "n/a", "NaN", "nan", "-nan", "-NaN", "null", "NULL", "None", "<NA>", "#N/A",
]  # fmt: skip


class UnreadableTableError(Exception):
    """A file that looks like a table cannot be read as one."""


def peek(folder: DataFolder, file: DataFile) -> pd.DataFrame:
    """Return the first rows of a table (all rows of JSON files, which cannot be cut).

    Raises
    ------
    UnreadableTableError
        If the file is damaged, empty or not a table.
    """
    return _read(folder, file, rows=200)


def read_table(
    folder: DataFolder,
    file: DataFile,
    raw_columns: set[str] | None = None,
    *,
    may_sample: bool = False,
    seed: int = 0,
) -> pd.DataFrame:
    """Read a table.

    Parameters
    ----------
    folder, file
        Where it lies.
    raw_columns
        Columns kept as the text that stands in the file, so that ``001``, ``TRUE`` or ``NA`` keep
        their spelling; used for ids and labels.
    may_sample
        Whether a random part of the rows is enough for a very large file.
    seed
        For the choice of that part.

    Raises
    ------
    UnreadableTableError
        If the file is damaged, empty or not a table.
    """
    if may_sample and file.suffix in (".csv", ".tsv") and file.size > LARGE_BYTES:
        return _read_share(folder, file, raw_columns or set(), LARGE_BYTES / file.size, seed)
    table = _read(folder, file, raw_columns=raw_columns or set())
    for column in (raw_columns or set()) & set(table.columns):
        table[column] = as_text(table[column])
    return table


def as_text(column: pd.Series) -> pd.Series:
    """Spell values as a CSV file would, missing ones as the empty text; dtype object."""
    missing = column.isna()
    text = column.astype(object).map(str)
    return text.where(~missing, "").astype(object)


def _read(
    folder: DataFolder,
    file: DataFile,
    rows: int | None = None,
    raw_columns: set[str] | None = None,
) -> pd.DataFrame:
    try:
        if file.suffix in (".csv", ".tsv"):
            table = _read_separated(folder, file, rows, raw_columns or set())
        elif file.suffix == ".parquet":
            table = pd.read_parquet(io.BytesIO(folder.read(file)))
        else:
            table = _read_json(folder.read(file))
    # Damaged files make these libraries raise nearly anything; the caller says it and goes on.
    except Exception as error:
        raise UnreadableTableError(f"{file.name}: {type(error).__name__}: {error}") from error
    if table.shape[1] == 0:
        raise UnreadableTableError(f"{file.name}: it has no columns")
    table.columns = pd.Index([str(column).strip() for column in table.columns], dtype=object)
    return pd.DataFrame(table.loc[:, ~table.columns.duplicated()])


def _read_separated(
    folder: DataFolder,
    file: DataFile,
    rows: int | None,
    raw_columns: set[str],
    **options: Any,
) -> Any:
    arguments: dict[str, Any] = {
        "sep": "\t" if file.suffix == ".tsv" else ",",
        "encoding": "utf-8-sig",
        # Columns of which a part looks like numbers and a part does not get one type.
        "low_memory": "chunksize" in options,
        **options,
    }

    if b"\0" in folder.head(file):
        # Some versions of pandas make a table of anything.
        raise ValueError("it holds binary data")

    def source() -> Any:
        # A plain file is streamed by pandas; only archived ones go through memory as a whole.
        return file.path if file.member is None else io.BytesIO(folder.read(file))

    def parse(**changes: Any) -> Any:
        header = pd.read_csv(source(), nrows=0, sep=arguments["sep"], encoding=changes["encoding"])
        raw = [column for column in header.columns if str(column).strip() in raw_columns]
        missing = {column: MISSING for column in header.columns if column not in raw}
        # Converters would do for the raw columns, but pandas 3 takes their "NA" for missing.
        return pd.read_csv(
            source(),
            **{**arguments, "nrows": rows, **changes},
            dtype=dict.fromkeys(raw, str),
            na_values=missing,
            keep_default_na=False,
        )

    encodings = ("utf-8-sig", "latin-1")
    for encoding, bad_lines in itertools.product(encodings, ("error", "skip")):
        try:
            return parse(encoding=encoding, on_bad_lines=bad_lines)
        except (UnicodeDecodeError, pd.errors.ParserError) as error:
            # First without the rows that have too many cells, then as a file of bytes.
            reason = error
    raise reason


def _read_share(
    folder: DataFolder, file: DataFile, raw_columns: set[str], share: float, seed: int
) -> pd.DataFrame:
    """Read a random share of the rows without holding all of them as a table."""
    random = np.random.default_rng(seed)
    try:
        pieces = _read_separated(folder, file, None, raw_columns, chunksize=ROWS_PER_PIECE)
        kept = [piece[random.random(len(piece)) < share] for piece in pieces]
    except Exception as error:
        raise UnreadableTableError(f"{file.name}: {type(error).__name__}: {error}") from error
    table = pd.concat(kept, ignore_index=True)
    table.columns = pd.Index([str(column).strip() for column in table.columns], dtype=object)
    return pd.DataFrame(table)


def _read_json(content: bytes) -> pd.DataFrame:
    """Read a list of records, a mapping of columns, or one record per line."""
    text = content.decode("utf-8-sig")
    try:
        data = json.loads(text)
    except json.JSONDecodeError:
        data = [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(data, dict):
        lists = [value for value in data.values() if isinstance(value, list)]
        records = [value for value in lists if value and isinstance(value[0], dict)]
        if len(records) == 1:
            data = records[0]
        elif not data or not all(isinstance(value, (dict, list)) for value in data.values()):
            raise ValueError("it is one record, not a table")
        else:
            return pd.DataFrame(data)
    if not isinstance(data, list) or not all(isinstance(record, dict) for record in data):
        raise ValueError("it is not a list of records")
    return pd.DataFrame(pd.json_normalize(data))
