"""Writing of Parquet shards in bounded memory, the same bytes at every run."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from mlebench_data.hub.compression import leaf_arrays, leaves, shrinks
from mlebench_data.hub.hashed_file import HashedFile
from mlebench_data.hub.seal import Seal, padding_length

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP_SIZE = 32 << 20
"""Bytes of rows after which a row group is written."""

SHARD_SIZE = 500 << 20
"""Bytes of a shard after which the next one begins."""

_PAGE_SIZE = 1 << 20
_LARGEST_BATCH = 1024
"""Bytes of a page, and the most values that are added to one before its size is looked at."""


@dataclass(frozen=True)
class Shard:
    """One finished shard.

    Attributes
    ----------
    path : str
        Where it is in the repository.
    rows : int
        Number of rows.
    num_bytes : int
        Bytes of its columns in memory.
    size : int
        Bytes of the file.
    sha256 : str
        Digest of the file.
    """

    path: str
    rows: int
    num_bytes: int
    size: int
    sha256: str


class ShardWriter:
    """Write rows into `<stem>-00000.parquet`, `<stem>-00001.parquet`, and so on.

    At least one shard is written, so that a table without rows exists too. Bytes depend on the
    rows, the order and sizes of the writes, and the version of pyarrow, and on nothing else, unless
    they are sealed.

    One row group is encoded, hashed and written by a thread while the next one is gathered.

    Parameters
    ----------
    root : pathlib.Path
        The repository.
    stem : str
        Path of the shards in it, without number and ending.
    schema : pyarrow.Schema
        Columns of every shard.
    seal : Seal, optional
        Encrypts the shards.
    opaque : iterable of str
        Columns of whole files, for which dictionaries and statistics are of no use. They are
        compressed if the first ones of a shard get smaller by that.
    shard_size : int or None
        Limit in bytes; None makes one file `<stem>.parquet` however large.
    row_group_size : int
        Limit in bytes.

    Attributes
    ----------
    shards : list of Shard
        Those finished so far.
    """

    def __init__(
        self,
        root: Path,
        stem: str,
        schema: pa.Schema,
        *,
        seal: Seal | None = None,
        opaque: Iterable[str] = (),
        shard_size: int | None = SHARD_SIZE,
        row_group_size: int = ROW_GROUP_SIZE,
    ) -> None:
        self._root = root
        self._stem = stem
        self._schema = schema
        self._seal = seal
        self._opaque = set(opaque)
        self._shard_size = shard_size
        self.row_group_size = row_group_size
        self._writer: Any = None
        self._file: HashedFile
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="shards")
        self._writing: Future[None] | None = None
        self._writing_bytes = 0
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_bytes = 0
        self._waiting_rows = 0
        self._rows = 0
        self._bytes = 0
        self.shards: list[Shard] = []

    def __enter__(self) -> ShardWriter:
        self._open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._close()
        finally:
            self._thread.shutdown()
            if not self._file.closed:
                # In this order: a writer that is collected later would write into a closed file.
                self._file.abandon()
                if self._writer is not None:
                    self._writer.close()
                self._file.close()

    @property
    def _path(self) -> str:
        if self._shard_size is None:
            return f"{self._stem}.parquet"
        return f"{self._stem}-{len(self.shards):05d}.parquet"

    def write(self, batch: pa.RecordBatch) -> tuple[str, int]:
        """Append rows.

        Parameters
        ----------
        batch : pyarrow.RecordBatch
            The rows. They stay together in one row group, so they should not be much larger than
            one.

        Returns
        -------
        tuple of str and int
            Shard that holds the rows, and the number of the first of them in it.
        """
        if not self._waiting and self._is_full():
            self._close()
            self._open()
        position = (self._path, self._rows + self._waiting_rows)
        self._waiting.append(batch)
        self._waiting_bytes += batch.nbytes
        self._waiting_rows += batch.num_rows
        if self._waiting_bytes >= self.row_group_size:
            self._flush()
        return position

    def _is_full(self) -> bool:
        """Tell whether the shard has reached its size, once the thread has written what it has."""
        limit = self._shard_size
        if limit is None:
            return False
        # Only close to the limit does it depend on how small the row group at work becomes.
        if self._file.size + 2 * self._writing_bytes + (1 << 20) >= limit:
            self._wait()
        return self._file.size >= limit

    def _open(self) -> None:
        target = self._root / self._path
        target.parent.mkdir(parents=True, exist_ok=True)
        self._file = HashedFile(target)
        self._writer = None
        self._rows = 0
        self._bytes = 0

    def _open_writer(self, rows: pa.Table) -> None:
        """Begin the Parquet file, whose first row group is known."""
        import pyarrow as pa
        from pyarrow import parquet

        options: dict[str, Any]
        if self._seal is None:
            found = {field.name: leaves(field.name, field.type) for field in self._schema}
            plain = [leaf for name in found if name not in self._opaque for leaf in found[name]]
            everywhere = dict.fromkeys((leaf for parts in found.values() for leaf in parts), "zstd")
            options = {
                "compression": everywhere | self._opaque_compression(rows),
                "use_dictionary": plain,
                "write_statistics": plain,
            }
        else:
            # The size of a sealed file is public. Compression, dictionaries and statistics would
            # let it tell how many rows are equal, sorted or constant.
            options = {
                "compression": "none",
                "use_dictionary": False,
                "write_statistics": False,
                "encryption_properties": self._seal.encryption(self._path),
            }
        if self._opaque:
            # A page ends after a batch at the earliest: without this, it would be all of a row
            # group of images, which readers must then take at once.
            per_row = rows.nbytes // max(rows.num_rows, 1) + 1
            options["write_batch_size"] = max(1, min(_LARGEST_BATCH, _PAGE_SIZE // per_row))
        sink = pa.PythonFile(self._file, mode="w")
        self._writer = parquet.ParquetWriter(
            sink, self._schema, data_page_size=_PAGE_SIZE, **options
        )

    def _opaque_compression(self, rows: pa.Table) -> dict[str, str]:
        """Return how columns of whole files are compressed: not at all if it is of no use."""
        found = {}
        for name in sorted(self._opaque & set(self._schema.names)):
            for chunk in rows.column(name).chunks[:1]:
                for leaf, values in leaf_arrays(name, chunk):
                    found[leaf] = "zstd" if shrinks(values) else "none"
        return found

    def _wait(self) -> None:
        """Wait until the thread has written what it has, and raise what it raised."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()
        self._writing_bytes = 0

    def _flush(self) -> None:
        import pyarrow as pa

        # One row group at a time: memory stays bounded.
        self._wait()
        if not self._waiting:
            return
        table = pa.Table.from_batches(self._waiting, schema=self._schema)
        self._rows += table.num_rows
        self._bytes += table.nbytes
        self._writing_bytes = self._waiting_bytes
        self._writing = self._thread.submit(self._write, table)
        self._waiting = []
        self._waiting_bytes = 0
        self._waiting_rows = 0

    def _write(self, table: pa.Table) -> None:
        if self._writer is None:
            self._open_writer(table)
        self._writer.write_table(table, row_group_size=max(table.num_rows, 1))

    def _close(self) -> None:
        self._flush()
        self._wait()
        if self._writer is None:
            self._open_writer(self._schema.empty_table())
        if self._seal is not None:
            # Inside the encrypted footer.
            padding = padding_length(self._file.size)
            self._writer.add_key_value_metadata({"padding": "." * padding})
        self._writer.close()
        self._file.close()
        self.shards.append(
            Shard(self._path, self._rows, self._bytes, self._file.size, self._file.sha256)
        )
