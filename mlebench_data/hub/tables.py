"""Tables of the prepared tree as typed batches: CSV files and JSON records."""

from __future__ import annotations

import csv
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mlebench_data.hub.column_types import Evidence, cells_to_type, value_to_type
from mlebench_data.hub.errors import PackError
from mlebench_data.raw.archives import open_archive

if TYPE_CHECKING:
    import pyarrow as pa

Types = dict[str, "pa.DataType"]
Texts = dict[str, list[str | None]]

_BLOCK = 16 << 20
"""Bytes of a CSV file read at a time; no single row may be larger."""

_RECORDS = 10_000
"""JSON records in one batch."""


class Table(Protocol):
    """Rows that come in batches, of which the column types are known once all were looked at."""

    def evidence(self) -> dict[str, Evidence]:
        """Look at all rows, and return what each column holds, by column in order."""

    def batches(
        self, types: Types, texts: Iterable[str] = ()
    ) -> Iterator[tuple[pa.RecordBatch, Texts]]:
        """Give the rows anew, typed, and besides the values of some columns as they are written.

        Parameters
        ----------
        types : dict of str to pyarrow.DataType
            Columns wanted, in order. One that the table lacks is null in every row.
        texts : iterable of str
            Columns whose text is wanted.
        """


def _batch(columns: dict[str, pa.Array], types: Types, length: int) -> pa.RecordBatch:
    import pyarrow as pa

    arrays = [
        columns[name] if name in columns else pa.nulls(length, kind) for name, kind in types.items()
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(list(types.items())))


class CsvTable:
    """A CSV file (UTF-8, first row names the columns).

    An empty cell is a missing value, quoted or not; every other cell is what it says, so "NA" is
    text. A column is numeric only if the numbers, written out again, are those in the file: an
    identifier such as 007 stays text.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    separator : str
        Separates cells.
    """

    def __init__(self, path: Path, separator: str = ",") -> None:
        self._path = path
        self._separator = separator
        with path.open(encoding="utf-8-sig", newline="") as stream:
            try:
                header = next(csv.reader(stream, delimiter=separator), [])
            except (UnicodeDecodeError, csv.Error) as error:
                raise PackError(f"{path} is no CSV file in UTF-8: {error}.") from error
        if not header:
            raise PackError(f"{path} is empty: a table needs a row of column names.")
        self._names = _distinct(header)

    def _text_batches(self) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        try:
            yield from arrow_csv.open_csv(
                self._path,
                # The names come from the file's first row, made distinct; the row is skipped after
                # it was parsed, since a name in quotes may hold a line end.
                read_options=arrow_csv.ReadOptions(
                    block_size=_BLOCK, column_names=self._names, skip_rows_after_names=1
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self._separator, newlines_in_values=True
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types={name: pa.string() for name in self._names},
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid as error:
            raise PackError(f"{self._path} cannot be read as CSV: {error}") from error

    def evidence(self) -> dict[str, Evidence]:
        """Look at all cells, and return what each column holds."""
        found = {name: Evidence() for name in self._names}
        for batch in self._text_batches():
            for name in self._names:
                found[name].add_cells(batch.column(name))
        return found

    def batches(
        self, types: Types, texts: Iterable[str] = ()
    ) -> Iterator[tuple[pa.RecordBatch, Texts]]:
        """Give the rows typed, with the cells of some columns as they are written."""
        for batch in self._text_batches():
            columns = {
                name: cells_to_type(batch.column(name), types[name])
                for name in self._names
                if name in types
            }
            cells = {name: batch.column(name).to_pylist() for name in texts}
            yield _batch(columns, types, batch.num_rows), cells


def _has_object_lines(text: str) -> bool:
    """Tell whether a text holds an object in each line, rather than one value over many lines."""
    first, _, rest = text.lstrip().partition("\n")
    return first.startswith("{") and first.rstrip().endswith("}") and rest.lstrip().startswith("{")


class RecordsTable:
    """A list of JSON objects, or of values that are already read: one row for each object.

    All of it is held in memory. A field that is a number in one record and text or true/false in
    another becomes text, JSON as in the file.

    Parameters
    ----------
    records : list of dict
        The rows.
    """

    def __init__(self, records: list[dict[str, Any]]) -> None:
        self._records = records

    @classmethod
    def read(cls, path: Path, key: str | None = None) -> RecordsTable:
        """Read a JSON array of objects, or one object in each line.

        The latter end in `.jsonl` or `.ndjson`; files that end in `.json` may be either.

        With `key` the array is what a JSON object holds under it.
        """
        try:
            text = path.read_text(encoding="utf-8")
            if path.suffix == ".json" and not (key is None and _has_object_lines(text)):
                records = json.loads(text)
                if key is not None:
                    records = records.get(key) if isinstance(records, dict) else None
            else:
                # Not splitlines(): a JSON string may hold other characters that end lines.
                records = [json.loads(line) for line in text.split("\n") if line.strip()]
        except ValueError as error:
            raise PackError(f"{path} cannot be read as JSON: {error}.") from error
        if not isinstance(records, list) or not all(isinstance(item, dict) for item in records):
            place = path if key is None else f"{path} under '{key}'"
            raise PackError(f"{place} is no JSON array of objects.")
        return cls(records)

    def evidence(self) -> dict[str, Evidence]:
        """Look at all records, and return what each field holds."""
        found: dict[str, Evidence] = {}
        for record in self._records:
            for name, value in record.items():
                found.setdefault(name, Evidence()).add_value(value)
        return found

    def batches(
        self, types: Types, texts: Iterable[str] = ()
    ) -> Iterator[tuple[pa.RecordBatch, Texts]]:
        """Give the records typed, with some fields as text."""
        import pyarrow as pa

        texts = list(texts)
        for start in range(0, len(self._records), _RECORDS):
            part = self._records[start : start + _RECORDS]
            columns = {
                name: pa.array([value_to_type(row.get(name), kind) for row in part], type=kind)
                for name, kind in types.items()
            }
            values = {
                name: [value_to_type(row.get(name), pa.string()) for row in part] for name in texts
            }
            yield _batch(columns, types, len(part)), values


def _distinct(names: list[str]) -> list[str]:
    """Name columns without a name or with another's name as pandas does."""
    taken: set[str] = set()
    result = []
    for position, name in enumerate(names):
        base = name or f"Unnamed: {position}"
        unique, number = base, 0
        while unique in taken or (unique != base and unique in names):
            number += 1
            unique = f"{base}.{number}"
        taken.add(unique)
        result.append(unique)
    return result


class _ArchivedTable:
    """A table that is the only file of an archive: extracted, and removed with this object."""

    def __init__(self, path: Path, key: str | None, lines_as: str | None) -> None:
        self._folder = tempfile.TemporaryDirectory()
        archive = open_archive(path, Path(self._folder.name) / "archive")
        try:
            names = archive.names()
            member = archive.open(names[0]) if len(names) == 1 else None
            if member is None:
                raise PackError(f"{path} must hold one file to be a table, but holds {len(names)}.")
            extracted = Path(self._folder.name) / Path(names[0]).name
            with member, extracted.open("wb") as stream:
                shutil.copyfileobj(member, stream, 1 << 20)
        finally:
            archive.close()
        self._table = open_table(extracted, key, lines_as)

    def evidence(self) -> dict[str, Evidence]:
        return self._table.evidence()

    def batches(
        self, types: Types, texts: Iterable[str] = ()
    ) -> Iterator[tuple[pa.RecordBatch, Texts]]:
        return self._table.batches(types, texts)


class LinesTable:
    """Lines of text (UTF-8), one row each; the line ends are left away.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    column : str
        Name of the only column.
    """

    def __init__(self, path: Path, column: str) -> None:
        self._path = path
        self._column = column

    def evidence(self) -> dict[str, Evidence]:
        """Return that the column holds text."""
        return {self._column: Evidence({"text"})}

    def batches(
        self, types: Types, texts: Iterable[str] = ()
    ) -> Iterator[tuple[pa.RecordBatch, Texts]]:
        """Give the lines, so many at a time."""
        import pyarrow as pa

        wanted = list(texts)
        with self._path.open(encoding="utf-8", newline="\n") as stream:
            while lines := [line.removesuffix("\n") for line in islice(stream, _RECORDS)]:
                columns = {self._column: pa.array(lines, type=pa.string())}
                yield _batch(columns, types, len(lines)), {name: list(lines) for name in wanted}


def open_table(path: Path, key: str | None = None, lines_as: str | None = None) -> Table:
    """Open a table by the ending of its file's name.

    Parameters
    ----------
    path : pathlib.Path
        The file: `.csv`, `.tsv`, `.txt` (CSV too), `.json`, `.jsonl` or `.ndjson`, or an archive
        (`.zip`, `.7z`) that holds one of these alone.
    key : str, optional
        Where a JSON file is one object, the key of the list of rows.
    lines_as : str, optional
        The file holds lines of text, which become a column of this name.

    Raises
    ------
    PackError
        If the ending is another, or the file is malformed.
    """
    suffix = path.suffix.lower()
    if suffix in (".zip", ".7z"):
        return _ArchivedTable(path, key, lines_as)
    if lines_as is not None:
        return LinesTable(path, lines_as)
    if suffix in (".csv", ".txt"):
        return CsvTable(path)
    if suffix == ".tsv":
        return CsvTable(path, separator="\t")
    if suffix in (".json", ".jsonl", ".ndjson"):
        return RecordsTable.read(path, key)
    raise PackError(f"{path} is no table that can be read: it must end in .csv, .json or .jsonl.")
