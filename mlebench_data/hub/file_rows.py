"""Whole files as rows of a Parquet shard, and files as they are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.hub.bytes_column import Buffers, BytesColumn
from mlebench_data.hub.errors import PackError
from mlebench_data.hub.layout import (
    ARCHIVE,
    MAX_ARCHIVED_SIZE,
    MAX_PLAIN_FILES,
    MAX_ROW_SIZE,
    PUBLIC_FILES,
    survives_upload,
)
from mlebench_data.hub.repository import RepositoryFile, Stored
from mlebench_data.hub.shards import Shard, ShardWriter
from mlebench_data.hub.source import checked_blocks
from mlebench_data.prepare.manifest import FileEntry

if TYPE_CHECKING:
    import pyarrow as pa

_TABLES = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet")
_PACKED = (".zip", ".7z", ".gz")


def file_schema() -> pa.Schema:
    """Return the columns of a shard of files.

    A sealed file larger than 64 MiB takes several rows in a row, `offset` says where each begins;
    `sha256` and `mode` (octal text) are those of the whole file.
    """
    import pyarrow as pa

    return pa.schema(
        [
            ("path", pa.string()),
            ("offset", pa.int64()),
            ("bytes", pa.binary()),
            ("sha256", pa.string()),
            ("mode", pa.string()),
        ]
    )


class FileRows:
    """Rows of files, gathered until they fill a row group.

    Parameters
    ----------
    writer : ShardWriter
        Takes the rows.

    Attributes
    ----------
    stored : dict of str to Stored
        Where the first row of each file is, by path; complete after `flush`.
    """

    def __init__(self, writer: ShardWriter) -> None:
        self._writer = writer
        self._content = BytesColumn(Buffers())
        self._rows: list[tuple[str, int, str, str]] = []
        self.stored: dict[str, Stored] = {}

    def add(self, path: str, block: bytes, sha256: str, mode: int, offset: int = 0) -> None:
        """Append a block of a file, or all of it."""
        self._content.append(block)
        self._row(path, sha256, mode, offset)

    def add_file(self, folder: Path, entry: FileEntry) -> None:
        """Append a whole file of the prepared tree."""
        self._content.append_file(f"{folder}/{entry.path}", entry)
        self._row(entry.path, entry.sha256, entry.mode, 0)

    def _row(self, path: str, sha256: str, mode: int, offset: int) -> None:
        self._rows.append((path, offset, sha256, f"{mode:04o}"))
        if self._content.nbytes >= self._writer.row_group_size:
            self.flush()

    def flush(self) -> None:
        """Hand on the rows gathered so far."""
        import pyarrow as pa

        if not self._rows:
            return
        paths, offsets, digests, modes = zip(*self._rows, strict=True)
        columns = [
            pa.array(paths, pa.string()),
            pa.array(offsets, pa.int64()),
            self._content.finish(),
            pa.array(digests, pa.string()),
            pa.array(modes, pa.string()),
        ]
        shard, first = self._writer.write(pa.RecordBatch.from_arrays(columns, schema=file_schema()))
        for row, path in enumerate(paths, first):
            self.stored.setdefault(path, Stored(path=shard, row=row))
        self._rows = []


def sealed_blocks(folder: Path, entry: FileEntry) -> Iterator[tuple[int, bytes]]:
    """Give the blocks of a file of the prepared tree and where each begins."""
    offset = 0
    for block in checked_blocks(folder, entry, MAX_ARCHIVED_SIZE):
        yield offset, block
        offset += len(block)


@dataclass
class StoredFiles:
    """What `store_public_files` wrote.

    Attributes
    ----------
    stored : dict of str to Stored
        Where each file is, by path.
    shards : list of Shard
        The archive shards; none if all files are stored as they are.
    plain : list of RepositoryFile
        The files stored as they are.
    """

    stored: dict[str, Stored] = field(default_factory=dict)
    shards: list[Shard] = field(default_factory=list)
    plain: list[RepositoryFile] = field(default_factory=list)


def is_table(path: str, tables: Collection[str] = ()) -> bool:
    """Tell whether a file is a table, which people want to find as the file it is.

    Parameters
    ----------
    path : str
        The file.
    tables : collection of str
        Paths that are tables whatever they are called.
    """
    name = path.lower()
    for ending in _PACKED:
        name = name.removesuffix(ending)
    return path in tables or name.endswith(_TABLES)


def choose_plain(entries: list[FileEntry], tables: Collection[str] = ()) -> set[str]:
    """Choose the files that are stored as they are, at most twice `MAX_PLAIN_FILES`.

    These are the tables, unless they are too many, and what is too large for a row. All else
    becomes rows of archive shards.

    Parameters
    ----------
    entries : list of FileEntry
        Files to store.
    tables : collection of str
        As for `is_table`.

    Returns
    -------
    set of str
        Their paths.

    Raises
    ------
    PackError
        If a file can neither stay as it is nor become a row.
    """
    keepable = [entry for entry in entries if survives_upload(entry.path)]
    large = [entry for entry in keepable if entry.size > MAX_ARCHIVED_SIZE]
    # The largest ones, should there be too many of them.
    large = sorted(large, key=lambda entry: (-entry.size, entry.path))[:MAX_PLAIN_FILES]
    chosen = {entry.path for entry in large}
    small = [entry for entry in keepable if entry.size <= MAX_ARCHIVED_SIZE]
    found = {entry.path for entry in small if is_table(entry.path, tables)}
    if len(found) <= MAX_PLAIN_FILES:
        chosen |= found
    for entry in entries:
        if entry.path not in chosen and entry.size > MAX_ROW_SIZE:
            raise PackError(
                f"{entry.path} has {entry.size} bytes, too many for a row, and its name does not "
                "survive an upload. Let the recipe give it another name."
            )
    return chosen


def store_public_files(
    folder: Path,
    entries: list[FileEntry],
    root: Path,
    advance: Callable[[int], None],
    tables: Collection[str] = (),
) -> StoredFiles:
    """Store public files: tables as they are, and all other files as rows of archive shards.

    Parameters
    ----------
    folder : pathlib.Path
        The prepared version.
    entries : list of FileEntry
        Files to store, those in media columns left out.
    root : pathlib.Path
        The repository.
    advance : callable
        Called with the number of files just written.
    tables : collection of str
        As for `is_table`.

    Returns
    -------
    StoredFiles
        What was written.
    """
    result = StoredFiles()
    plain = choose_plain(entries, tables)
    for entry in entries:
        if entry.path in plain:
            kept = _copy(folder, entry, root)
            result.plain.append(kept)
            result.stored[entry.path] = Stored(path=kept.path)
            advance(1)
    archived = [entry for entry in entries if entry.path not in plain]
    if not archived:
        return result
    with ShardWriter(root, ARCHIVE, file_schema(), opaque=["bytes"]) as writer:
        rows = FileRows(writer)
        for entry in archived:
            rows.add_file(folder, entry)
            advance(1)
        rows.flush()
    result.stored.update(rows.stored)
    result.shards = writer.shards
    return result


def _copy(folder: Path, entry: FileEntry, root: Path) -> RepositoryFile:
    """Copy a file as it is."""
    path = f"{PUBLIC_FILES}/{entry.path.removeprefix('public/')}"
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as stream:
        for block in checked_blocks(folder, entry):
            stream.write(block)
    return RepositoryFile(path=path, size=entry.size, sha256=entry.sha256)
