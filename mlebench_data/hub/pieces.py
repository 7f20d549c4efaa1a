"""Putting files together from their pieces, which shards hold."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench_data.errors import IntegrityError
from mlebench_data.hub.repository import PublicFile

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK = 1 << 20


class Pieces:
    """The content of a file that is stored as pieces.

    They are written where they belong, in the order in which they are stored: each row group of the
    rows that they refer to is read once, however the file is sorted.

    Parameters
    ----------
    repository : pathlib.Path
        The repository, or a folder that has the shards of pieces and those that they refer to.
    entry : PublicFile
        The file.
    """

    def __init__(self, repository: Path, entry: PublicFile) -> None:
        self._repository = repository
        self._entry = entry

    def write_to(self, descriptor: int) -> tuple[int, str]:
        """Write the file, and read it once more for its digest.

        Parameters
        ----------
        descriptor : int
            An empty file that is open for reading and writing.

        Returns
        -------
        tuple of int and str
            Size and SHA-256 of what was written.

        Raises
        ------
        IntegrityError
            If a shard is missing or damaged, or a piece lies outside the file.
        """
        os.ftruncate(descriptor, self._entry.size)
        for offset, content in self._contents():
            view = memoryview(content)
            while len(view):
                count = os.pwrite(descriptor, view, offset)
                view, offset = view[count:], offset + count
        digest = hashlib.sha256()
        position = 0
        while block := os.pread(descriptor, _BLOCK, position):
            digest.update(block)
            position += len(block)
        return position, digest.hexdigest()

    def _contents(self) -> Iterator[tuple[int, pa.Buffer]]:
        """Give every piece: where it belongs, and its bytes."""
        import pyarrow as pa

        try:
            yield from self._read()
        except (pa.ArrowException, OSError, LookupError) as error:
            raise IntegrityError(
                f"{self._entry.path} cannot be restored: {self._entry.stored.path} in the "
                f"repository, or a shard that it refers to, is missing or damaged ({error}). "
                "Fetch the repository again."
            ) from error

    def _batches(self) -> Iterator[pa.Table]:
        """Give the pieces, a row group of the shards at a time."""
        from pyarrow import parquet

        stored = self._entry.stored
        row, left = stored.row or 0, stored.pieces or 0
        path = stored.path
        while left > 0:
            with parquet.ParquetFile(self._repository / path) as file:
                first = 0
                for group in range(file.num_row_groups):
                    rows = file.metadata.row_group(group).num_rows
                    if left > 0 and row < first + rows:
                        found = file.read_row_group(group).slice(row - first, left)
                        yield found
                        row += found.num_rows
                        left -= found.num_rows
                    first += rows
            path, row = next_shard(path), 0

    def _read(self) -> Iterator[tuple[int, pa.Buffer]]:
        values = _Values(self._repository, set(self._entry.stored.uses or ()))
        names = ("path", "offset", "size", "shard", "row", "column", "index")
        for batch in self._batches():
            columns = [batch.column(name).to_pylist() for name in names]
            contents = batch.column("bytes")
            for number, (path, offset, size, shard, *place) in enumerate(
                zip(*columns, strict=True)
            ):
                content = (
                    value_bytes(contents[number]) if shard is None else values.find(shard, *place)
                )
                if path != self._entry.path or len(content) != size or offset is None:
                    raise LookupError(f"piece {number} is of another file or size")
                if not 0 <= offset <= self._entry.size - size:
                    raise LookupError(f"piece {number} lies outside the file")
                yield offset, content


def next_shard(path: str) -> str:
    """Return the path of the shard that follows one."""
    match = re.fullmatch(r"(.*-)([0-9]{5,})(\.parquet)", path)
    if match is None:
        raise KeyError(f"{path} is not numbered")
    return f"{match[1]}{int(match[2]) + 1:05d}{match[3]}"


class _Values:
    """Values of columns of shards; the row group that was asked for last is kept."""

    def __init__(self, repository: Path, allowed: set[str]) -> None:
        self._repository = repository
        self._allowed = allowed
        self._shard: str | None = None
        self._file: Any = None
        self._starts: list[int] = []
        self._group = -1
        self._columns: dict[str, Any] = {}

    def find(self, shard: str, row: int | None, column: str | None, index: int | None) -> pa.Buffer:
        """Return the bytes of a value."""
        self._open(shard)
        if row is None or column is None or not 0 <= row < self._starts[-1]:
            raise IndexError(f"{shard} has no row {row}")
        if self._group < 0 or not self._starts[self._group] <= row < self._starts[self._group + 1]:
            self._group = next(group for group, end in enumerate(self._starts[1:]) if row < end)
            self._columns = {}
        if column not in self._columns:
            table = self._file.read_row_group(self._group, columns=[column])
            self._columns[column] = table.column(column)
        return value_bytes(self._columns[column][row - self._starts[self._group]], index)

    def _open(self, shard: str) -> None:
        from itertools import accumulate

        from pyarrow import parquet

        if shard == self._shard:
            return
        if shard not in self._allowed:
            raise KeyError(f"{shard} is not in the manifest's list")
        self._file = parquet.ParquetFile(self._repository / shard)
        metadata = self._file.metadata
        sizes = (metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
        self._starts = [0, *accumulate(sizes)]
        self._shard, self._group, self._columns = shard, -1, {}


def value_bytes(value: Any, index: int | None = None) -> pa.Buffer:
    """Return the bytes of a value of an image, audio, text or binary column, not copied.

    Parameters
    ----------
    value : pyarrow.Scalar
        The value.
    index : int, optional
        Place in the list, where it is one.

    Raises
    ------
    KeyError
        If there are no bytes.
    """
    import pyarrow as pa

    if index is not None:
        if not isinstance(value, pa.ListScalar) or not value.is_valid or index >= len(value):
            raise KeyError(f"there is no list of more than {index}")
        value = value.values[index]
    if isinstance(value, pa.StructScalar) and value.is_valid and "bytes" in value:
        value = value["bytes"]
    if not isinstance(value, pa.BinaryScalar) or not value.is_valid:
        raise KeyError("there are no bytes")
    return value.as_buffer()
