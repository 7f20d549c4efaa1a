"""Writing of Parquet shards in bounded memory, the same bytes at every run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from mlebench_data.hub.seal import Seal, padding_length

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP_SIZE = 32 << 20
"""Bytes of rows after which a row group is written."""

SHARD_SIZE = 500 << 20
"""Bytes of a shard after which the next one begins."""


@dataclass(frozen=True)
class Shard:
    """One finished shard: path in the repository, rows, and bytes of its columns in memory."""

    path: str
    rows: int
    num_bytes: int


class ShardWriter:
    """Write rows into `<stem>-00000.parquet`, `<stem>-00001.parquet`, and so on.

    At least one shard is written, so that a table without rows exists too. Bytes depend on the
    rows, the order and sizes of the writes, and the version of pyarrow, and on nothing else, unless
    they are sealed.

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
        Columns of large values, for which dictionaries and statistics are of no use.
    shard_size : int or None
        Limit in bytes; None makes one file `<stem>.parquet` however large.
    row_group_size : int
        Limit in bytes.
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
        self._plain_columns = [name for name in schema.names if name not in set(opaque)]
        self._shard_size = shard_size
        self._row_group_size = row_group_size
        self._writer: Any = None
        self._sink: Any = None
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
        if kind is None:
            self._close()
        else:
            # In this order: a writer that is collected later would write into a closed file.
            self._writer.close()
            self._sink.close()

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
        limit = self._shard_size
        if limit is not None and not self._waiting and self._sink.tell() >= limit:
            self._close()
            self._open()
        position = (self._path, self._rows + self._waiting_rows)
        self._waiting.append(batch)
        self._waiting_bytes += batch.nbytes
        self._waiting_rows += batch.num_rows
        if self._waiting_bytes >= self._row_group_size:
            self._flush()
        return position

    def _open(self) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        target = self._root / self._path
        target.parent.mkdir(parents=True, exist_ok=True)
        self._sink = pa.OSFile(str(target), "wb")
        self._rows = 0
        self._bytes = 0
        options: dict[str, Any]
        if self._seal is None:
            options = {
                "compression": "zstd",
                "use_dictionary": self._plain_columns,
                "write_statistics": self._plain_columns,
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
        self._writer = parquet.ParquetWriter(self._sink, self._schema, **options)

    def _flush(self) -> None:
        import pyarrow as pa

        if not self._waiting:
            return
        table = pa.Table.from_batches(self._waiting, schema=self._schema)
        self._writer.write_table(table, row_group_size=max(table.num_rows, 1))
        self._rows += table.num_rows
        self._bytes += table.nbytes
        self._waiting = []
        self._waiting_bytes = 0
        self._waiting_rows = 0

    def _close(self) -> None:
        self._flush()
        if self._seal is not None:
            # Inside the encrypted footer.
            padding = padding_length(self._sink.tell())
            self._writer.add_key_value_metadata({"padding": "." * padding})
        self._writer.close()
        self._sink.close()
        self.shards.append(Shard(self._path, self._rows, self._bytes))
