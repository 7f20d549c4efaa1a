"""Tables of the prepared tree as typed batches."""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench_data.hub.column_types import Evidence, cells_to_type
from mlebench_data.hub.documents import documents_table
from mlebench_data.hub.errors import PackError
from mlebench_data.hub.parquet_table import ParquetTable
from mlebench_data.hub.records import RecordsTable
from mlebench_data.hub.table import Table, Texts, Types, make_batch
from mlebench_data.raw.archives import kind_of, open_archive

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK = 16 << 20
"""Bytes of a CSV file read at a time; no single row may be larger."""

_LINES = 10_000
"""Lines in one batch."""


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
            yield make_batch(columns, types, batch.num_rows), cells


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
            while lines := [line.removesuffix("\n") for line in islice(stream, _LINES)]:
                columns = {self._column: pa.array(lines, type=pa.string())}
                yield make_batch(columns, types, len(lines)), {name: list(lines) for name in wanted}


class ListsTable:
    """A CSV file whose rows go on beyond the last column name, which stands for all further cells.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    column : str
        Name of the column of lists.
    missing : str, optional
        A list of this text alone is missing.
    """

    def __init__(self, path: Path, column: str, missing: str | None = None) -> None:
        self._path = path
        self._column = column
        self._missing = missing
        header = next(self._cells(), [])
        if not header:
            raise PackError(f"{path} is empty: a table needs a row of column names.")
        self._names = [*header[:-1], column]

    def _cells(self) -> Iterator[list[str]]:
        with self._path.open(encoding="utf-8-sig", newline="") as stream:
            try:
                yield from csv.reader(stream)
            except (UnicodeDecodeError, csv.Error) as error:
                raise PackError(f"{self._path} is no CSV file in UTF-8: {error}.") from error

    def _columns(self) -> Iterator[dict[str, list[Any]]]:
        """Give so many rows at a time, by column."""
        single = len(self._names) - 1
        rows = islice(self._cells(), 1, None)
        while part := list(islice(rows, _LINES)):
            columns: dict[str, list[Any]] = {
                name: [row[place] if place < len(row) else None for row in part]
                for place, name in enumerate(self._names[:-1])
            }
            columns[self._column] = [
                None if row[single:] == [self._missing] else row[single:] for row in part
            ]
            yield columns

    def evidence(self) -> dict[str, Evidence]:
        """Look at all cells, and return what each column holds."""
        import pyarrow as pa

        found = {name: Evidence() for name in self._names}
        found[self._column].items = items = Evidence()
        for columns in self._columns():
            for name in self._names[:-1]:
                found[name].add_cells(pa.array(columns[name], pa.string()))
            flat = [cell for row in columns[self._column] for cell in row or ()]
            items.add_cells(pa.array(flat, pa.string()))
        return found

    def batches(
        self, types: Types, texts: Iterable[str] = ()
    ) -> Iterator[tuple[pa.RecordBatch, Texts]]:
        """Give the rows typed; the text of a list is its cells with commas between them."""
        import pyarrow as pa

        wanted = list(texts)
        for columns in self._columns():
            lists = columns[self._column]
            arrays: dict[str, pa.Array] = {
                name: cells_to_type(pa.array(columns[name], pa.string()), types[name])
                for name in self._names[:-1]
                if name in types
            }
            if self._column in types:
                arrays[self._column] = pa.array(lists, pa.list_(pa.string())).cast(
                    types[self._column]
                )
            values: Texts = {
                name: [None if row is None else ",".join(row) for row in lists]
                if name == self._column
                else columns[name]
                for name in wanted
            }
            yield make_batch(arrays, types, len(lists)), values


def open_table(
    path: Path,
    key: str | None = None,
    lines_as: str | None = None,
    *,
    lists_as: str | None = None,
    missing: str | None = None,
    bytes_of: Collection[str] = (),
) -> Table:
    """Open a table by the ending of its file's name.

    Parameters
    ----------
    path : pathlib.Path
        The file: `.csv`, `.tsv`, `.txt` (CSV too), `.json`, `.jsonl`, `.ndjson`, `.parquet` or
        `.bson`, or an archive (zip, tar, 7z) that holds one of these alone.
    key : str, optional
        Where a JSON file is one object, the key of the list of rows.
    lines_as : str, optional
        The file holds lines of text, which become a column of this name.
    lists_as : str, optional
        Rows of a CSV file go on beyond the last column name; the column of this list.
    missing : str, optional
        With `lists_as`: a list of this text alone is missing.
    bytes_of : collection of str
        Fields of a BSON file that hold bytes.

    Raises
    ------
    PackError
        If the ending is another, or the file is malformed.
    """
    suffix = path.suffix.lower()
    if kind_of(path.name) is not None:
        return _ArchivedTable(path, key, lines_as, lists_as, missing)
    if lines_as is not None:
        return LinesTable(path, lines_as)
    if lists_as is not None:
        return ListsTable(path, lists_as, missing)
    if suffix in (".csv", ".txt"):
        return CsvTable(path)
    if suffix == ".tsv":
        return CsvTable(path, separator="\t")
    if suffix in (".json", ".jsonl", ".ndjson"):
        return RecordsTable.read(path, key)
    if suffix == ".parquet":
        return ParquetTable(path)
    if suffix == ".bson":
        return documents_table(path, bytes_of)
    raise PackError(
        f"{path} is no table that can be read: it must end in .csv, .tsv, .txt, .json, .jsonl, "
        ".parquet or .bson."
    )


class _ArchivedTable:
    """A table that is the only file of an archive: extracted, and removed with this object."""

    def __init__(self, path: Path, *options: str | None) -> None:
        key, lines_as, lists_as, missing = options
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
        self._table = open_table(extracted, key, lines_as, lists_as=lists_as, missing=missing)

    def evidence(self) -> dict[str, Evidence]:
        return self._table.evidence()

    def batches(
        self, types: Types, texts: Iterable[str] = ()
    ) -> Iterator[tuple[pa.RecordBatch, Texts]]:
        return self._table.batches(types, texts)
