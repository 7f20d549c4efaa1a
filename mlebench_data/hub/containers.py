"""Files that hold media as they are, stored as pieces: what is between the media, and references.

A zip with stored members, a plain tar or a BSON file is not stored whole beside the rows that have
its media. Its pieces are rows of shards: bytes of the file, or the place of a value in the rows.
"""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mlebench_data.errors import IntegrityError
from mlebench_data.hub.layout import PIECES
from mlebench_data.hub.media import Taken
from mlebench_data.hub.members import open_in_place
from mlebench_data.hub.repository import Stored
from mlebench_data.hub.shards import Shard, ShardWriter

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from mlebench_data.hub.source import PublicTree
    from mlebench_data.prepare.manifest import FileEntry

_BLOCK = 4 << 20
"""Bytes of a piece at most."""

_REFERENCES = 1 << 16
"""References in one batch."""

_RECORD = [
    ("offset", "<i8"),
    ("size", "<i8"),
    ("row", "<i8"),
    ("shard", "<i4"),
    ("column", "<i4"),
    ("index", "<i4"),
    ("checksum", "<u4"),
]


def pieces_schema() -> pa.Schema:
    """Return the columns of a shard of pieces.

    A piece stands at `offset` of the file `path` and has `size` bytes. These are `bytes`, or else
    the value that `column` of the repository's shard `shard` has in `row`, where this is a list the
    one at `index`.
    """
    import pyarrow as pa

    return pa.schema(
        [
            ("path", pa.string()),
            ("offset", pa.int64()),
            ("size", pa.int64()),
            ("bytes", pa.binary()),
            ("shard", pa.string()),
            ("row", pa.int64()),
            ("column", pa.string()),
            ("index", pa.int64()),
        ]
    )


@dataclass(frozen=True)
class Containers:
    """What became of containers.

    Attributes
    ----------
    shards : list of Shard
        Shards of pieces.
    stored : dict of str to Stored
        Where the pieces of each container are.
    """

    shards: list[Shard]
    stored: dict[str, Stored]


class Spans:
    """Which bytes of which containers the rows hold. A context manager.

    There may be millions, so they are kept on disk.

    Parameters
    ----------
    scratch : pathlib.Path
        Folder for them.
    """

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._files: dict[str, IO[bytes]] = {}
        self._waiting: dict[str, list[tuple[int, ...]]] = {}
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []

    def _number(self, name: str) -> int:
        if name not in self._numbers:
            self._numbers[name] = len(self._names)
            self._names.append(name)
        return self._numbers[name]

    def name(self, number: int) -> str:
        """Return the name of a shard or column from its number."""
        return self._names[number]

    def containers(self) -> list[str]:
        """Return all containers, sorted."""
        return sorted(self._files)

    def add(self, container: str, taken: Taken, shard: str, row: int) -> None:
        """Note that a row of a shard holds bytes of a container."""
        self._add(
            container,
            (
                taken.offset,
                taken.size,
                row,
                self._number(shard),
                self._number(taken.column),
                -1 if taken.index is None else taken.index,
                taken.checksum,
            ),
        )

    def add_stored(self, container: str, offset: int, content: bytes, stored: Stored) -> None:
        """Note that bytes of a container are those of a public file, stored in a row."""
        assert stored.row is not None and stored.column is not None
        index = -1 if stored.index is None else stored.index
        self._add(
            container,
            (
                offset,
                len(content),
                stored.row,
                self._number(stored.path),
                self._number(stored.column),
                index,
                zlib.crc32(content),
            ),
        )

    def _add(self, container: str, record: tuple[int, ...]) -> None:
        if container not in self._files:
            self._files[container] = tempfile.TemporaryFile(dir=self._scratch)  # noqa: SIM115
            self._waiting[container] = []
        waiting = self._waiting[container]
        waiting.append(record)
        if len(waiting) >= 4096:
            self._flush(container)

    def _flush(self, container: str) -> None:
        import numpy as np

        self._files[container].write(np.array(self._waiting[container], dtype=_RECORD).tobytes())
        self._waiting[container] = []

    def of(self, container: str) -> npt.NDArray[Any]:
        """Return the spans of a container in the order in which they were added."""
        import numpy as np

        self._flush(container)
        stream = self._files[container]
        stream.flush()
        return np.memmap(stream, dtype=_RECORD, mode="r")

    def __enter__(self) -> Spans:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in self._files.values():
            stream.close()


def find_copies(tree: PublicTree, stored: dict[str, Stored], spans: Spans) -> None:
    """Note members of archives that are the same as files whose bytes are in the rows.

    Only archives are looked at that no row takes its files from.

    Parameters
    ----------
    tree : PublicTree
        The public files.
    stored : dict of str to Stored
        Those whose bytes are in the rows.
    spans : Spans
        Takes what is found.
    """
    places: dict[str, Stored] = {}
    sizes: set[int] = set()
    for name, place in stored.items():
        entry = tree.entry(name)
        if entry.size:
            places[entry.sha256] = place
            sizes.add(entry.size)
    used = set(spans.containers()) | stored.keys()
    for name in tree.names():
        # An archive that is damaged may be meant so; it stays a file like any other.
        members = None if name in used else open_in_place(tree.path(name))
        if members is None:
            continue
        try:
            for member_name in members.names():
                member = members.find(member_name)
                if member is None or member.offset is None or member.size not in sizes:
                    continue
                content = member.read()
                found = places.get(hashlib.sha256(content).hexdigest())
                if found is not None:
                    spans.add_stored(name, member.offset, content, found)
        finally:
            members.close()


def write_pieces(
    root: Path, tree: PublicTree, spans: Spans, advance: Callable[[int], None]
) -> Containers:
    """Write the pieces of all containers.

    Parameters
    ----------
    root : pathlib.Path
        The repository.
    tree : PublicTree
        The public files.
    spans : Spans
        Which bytes of them the rows hold.
    advance : callable
        Called with the number of containers just written.

    Raises
    ------
    IntegrityError
        If a container is not what the prepared data's manifest says.
    """
    if not spans.containers():
        return Containers([], {})
    stored: dict[str, Stored] = {}
    with ShardWriter(root, PIECES, pieces_schema(), opaque=["bytes"]) as writer:
        for name in spans.containers():
            stored[name] = _write_container(writer, tree.path(name), tree.entry(name), spans, name)
            advance(1)
    return Containers(writer.shards, stored)


def _write_container(
    writer: ShardWriter, path: Path, entry: FileEntry, spans: Spans, name: str
) -> Stored:
    """Write the pieces of one container: first what is between the media, then references."""
    import numpy as np

    records = spans.of(name)
    order = np.argsort(records["offset"], kind="stable")
    kept = np.zeros(len(records), dtype=np.bool_)
    first: tuple[str, int] | None = None
    count = 0
    used: dict[str, None] = {}
    for batch in _literals(path, entry, records, order, kept):
        place = writer.write(batch)
        first = first or place
        count += batch.num_rows
    for batch in _references(entry.path, records, kept, spans):
        used |= dict.fromkeys(batch.column("shard").unique().to_pylist())
        place = writer.write(batch)
        first = first or place
        count += batch.num_rows
    assert first is not None
    return Stored(path=first[0], row=first[1], pieces=count, uses=sorted(used))


def _literals(
    path: Path,
    entry: FileEntry,
    records: npt.NDArray[Any],
    order: npt.NDArray[np.intp],
    kept: npt.NDArray[np.bool_],
) -> Iterator[pa.RecordBatch]:
    """Read a container once, give what no row holds, and mark the spans that are used."""
    rows = _Batch(entry.path)
    digest = hashlib.sha256()
    changed = IntegrityError(
        f"{path} has another content than the manifest says. Prepare the data again."
    )
    with path.open("rb", 1 << 20) as stream:
        position = 0
        for number in order:
            record = records[number]
            offset, size = int(record["offset"]), int(record["size"])
            # The same bytes may be in several rows: the first one is referred to.
            if offset < position or size == 0:
                continue
            yield from rows.copy(stream, position, offset - position, digest)
            content = stream.read(size)
            if zlib.crc32(content) != record["checksum"]:
                raise changed
            digest.update(content)
            kept[number] = True
            position = offset + size
        yield from rows.copy(stream, position, entry.size - position, digest)
        yield from rows.finish()
        if stream.read(1) or digest.hexdigest() != entry.sha256:
            raise changed


class _Batch:
    """Pieces of literal bytes, gathered into batches."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._rows: list[tuple[int, bytes]] = []
        self._size = 0

    def copy(
        self, stream: IO[bytes], offset: int, size: int, digest: Any
    ) -> Iterator[pa.RecordBatch]:
        """Take over the next bytes of a file."""
        while size > 0:
            content = stream.read(min(size, _BLOCK))
            if not content:
                return  # The file has become shorter: its digest will differ.
            digest.update(content)
            self._rows.append((offset, content))
            self._size += len(content)
            offset += len(content)
            size -= len(content)
            if self._size >= _BLOCK or len(self._rows) >= _REFERENCES:
                yield from self.finish()

    def finish(self) -> Iterator[pa.RecordBatch]:
        """Give what has been gathered."""
        import pyarrow as pa

        if self._rows:
            schema = pieces_schema()
            known: dict[str, list[Any]] = {
                "path": [self._path] * len(self._rows),
                "offset": [offset for offset, _ in self._rows],
                "size": [len(content) for _, content in self._rows],
                "bytes": [content for _, content in self._rows],
            }
            yield pa.RecordBatch.from_arrays(
                [
                    pa.array(known.get(part.name, [None] * len(self._rows)), part.type)
                    for part in schema
                ],
                schema=schema,
            )
        self._rows, self._size = [], 0


def _references(
    path: str, records: npt.NDArray[Any], kept: npt.NDArray[np.bool_], spans: Spans
) -> Iterator[pa.RecordBatch]:
    """Give the references in the order of the rows, so that each row group is read once."""
    import pyarrow as pa

    schema = pieces_schema()
    for start in range(0, len(records), _REFERENCES):
        part = records[start : start + _REFERENCES][kept[start : start + _REFERENCES]]
        if not len(part):
            continue
        columns = {
            "path": pa.array([path] * len(part), pa.string()),
            "offset": pa.array(part["offset"], pa.int64()),
            "size": pa.array(part["size"], pa.int64()),
            "bytes": pa.nulls(len(part), pa.binary()),
            "shard": pa.array([spans.name(number) for number in part["shard"]], pa.string()),
            "row": pa.array(part["row"], pa.int64()),
            "column": pa.array([spans.name(number) for number in part["column"]], pa.string()),
            "index": pa.array(part["index"], pa.int64(), mask=part["index"] < 0),
        }
        yield pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)
