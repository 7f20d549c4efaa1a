"""Whole files as rows of a Parquet shard, and files as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.hub.layout import (
    ARCHIVE,
    MAX_ARCHIVED_SIZE,
    MAX_PLAIN_FILES,
    PUBLIC_FILES,
    survives_upload,
)
from mlebench_data.hub.repository import Stored
from mlebench_data.hub.shards import Shard, ShardWriter
from mlebench_data.hub.source import checked_blocks
from mlebench_data.prepare.manifest import FileEntry

if TYPE_CHECKING:
    import pyarrow as pa


def file_schema() -> pa.Schema:
    """Return the columns of a shard of files.

    A file larger than 64 MiB takes several rows in a row, `offset` says where each begins; `sha256`
    and `mode` (octal text) are those of the whole file.
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


def write_bytes(
    writer: ShardWriter, blocks: Iterable[bytes], path: str, sha256: str, mode: int
) -> Stored:
    """Append one file, given in blocks, and return where its first row is."""
    import pyarrow as pa

    stored = None
    offset = 0
    for block in blocks:
        row = {
            "path": path,
            "offset": offset,
            "bytes": block,
            "sha256": sha256,
            "mode": f"{mode:04o}",
        }
        shard, position = writer.write(pa.RecordBatch.from_pylist([row], schema=file_schema()))
        stored = stored or Stored(path=shard, row=position)
        offset += len(block)
    assert stored is not None
    return stored


def write_file(writer: ShardWriter, folder: Path, entry: FileEntry) -> Stored:
    """Append one file of the prepared tree and return where its first row is."""
    blocks = checked_blocks(folder, entry, MAX_ARCHIVED_SIZE)
    return write_bytes(writer, blocks, entry.path, entry.sha256, entry.mode)


def store_public_files(
    folder: Path, entries: list[FileEntry], root: Path, advance: Callable[[int], None]
) -> tuple[dict[str, Stored], list[Shard]]:
    """Store public files: as they are when they are few or large, else in archive shards.

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

    Returns
    -------
    stored : dict of str to Stored
        Where each file is, by path.
    shards : list of Shard
        The archive shards, none when all files are stored as they are.
    """
    few = len(entries) <= MAX_PLAIN_FILES

    def is_plain(entry: FileEntry) -> bool:
        return survives_upload(entry.path) and (few or entry.size > MAX_ARCHIVED_SIZE)

    stored = {}
    archived = []
    for entry in entries:
        if not is_plain(entry):
            archived.append(entry)
            continue
        path = f"{PUBLIC_FILES}/{entry.path.removeprefix('public/')}"
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as stream:
            for block in checked_blocks(folder, entry):
                stream.write(block)
        stored[entry.path] = Stored(path=path)
        advance(1)
    if not archived:
        return stored, []
    with ShardWriter(root, ARCHIVE, file_schema(), opaque=["bytes"]) as writer:
        for entry in archived:
            stored[entry.path] = write_file(writer, folder, entry)
            advance(1)
    return stored, writer.shards
