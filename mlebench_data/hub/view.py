"""The rows that `load_dataset` gives: train and test with one schema, media beside their rows."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlebench_data.catalogue.dataset import DatasetView, Media, Rows
from mlebench_data.hub.column_types import Evidence
from mlebench_data.hub.errors import PackError
from mlebench_data.hub.features import image_type
from mlebench_data.hub.file_names import NamesTable, fill, pattern_fields
from mlebench_data.hub.layout import TEST, TRAIN
from mlebench_data.hub.repository import Stored
from mlebench_data.hub.shards import ROW_GROUP_SIZE, Shard, ShardWriter
from mlebench_data.hub.tables import Table, Texts, Types, open_table

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from mlebench_data.hub.source import PublicTree

_LARGEST_VALUE = 1 << 30
"""Bytes of the largest file that a media column takes."""


@dataclass
class WrittenView:
    """What was written.

    Attributes
    ----------
    schema : pyarrow.Schema
        Columns of train and test.
    train, test : list of Shard
        Their shards.
    stored : dict of str to Stored
        Public files whose bytes are in a media column, by path.
    """

    schema: pa.Schema
    train: list[Shard]
    test: list[Shard]
    stored: dict[str, Stored] = field(default_factory=dict)


def _open(rows: Rows, tree: PublicTree) -> Table:
    if rows.table is not None:
        return open_table(tree.path(rows.table), rows.records, rows.lines_as)
    assert rows.files is not None
    return NamesTable(rows.files, tree.names(), rows.integers)


class _Without:
    """A table of which some columns do not exist."""

    def __init__(self, table: Table, hidden: Collection[str]) -> None:
        self._table = table
        self._hidden = hidden

    def evidence(self) -> dict[str, Evidence]:
        found = self._table.evidence()
        return {name: seen for name, seen in found.items() if name not in self._hidden}

    def batches(
        self, types: Types, texts: Iterable[str] = ()
    ) -> Iterator[tuple[pa.RecordBatch, Texts]]:
        import pyarrow as pa

        shown = {name: kind for name, kind in types.items() if name not in self._hidden}
        for batch, values in self._table.batches(shown, texts):
            columns = [
                batch.column(name) if name in shown else pa.nulls(batch.num_rows, kind)
                for name, kind in types.items()
            ]
            yield pa.RecordBatch.from_arrays(columns, names=list(types)), values


def merge_types(*tables: Table) -> Types:
    """Return the columns of several tables and the types that hold the cells of all of them."""
    merged: dict[str, Evidence] = {}
    for table in tables:
        for name, evidence in table.evidence().items():
            merged[name] = merged[name].merge(evidence) if name in merged else evidence
    return {name: evidence.type() for name, evidence in merged.items()}


def check_rows(shards: list[Shard], name: str) -> None:
    """Refuse a table without rows, which `load_dataset` cannot load."""
    if not any(shard.rows for shard in shards):
        raise PackError(f"{name} has no rows.")


def _media_types(view: DatasetView, columns: Types) -> Types:
    import pyarrow as pa

    kinds = {"image": image_type(), "text": pa.string(), "binary": pa.binary()}
    found: Types = {}
    for media in [*view.train.media, *view.test.media]:
        kind = kinds[media.type]
        if media.column in columns or found.setdefault(media.column, kind) != kind:
            raise PackError(
                f"dataset: the media column '{media.column}' is declared with two types, or has "
                "the name of another column."
            )
    return found


def write_view(
    view: DatasetView,
    tree: PublicTree,
    root: Path,
    advance: Callable[[int], None],
    *,
    placeholders: Collection[str] = (),
) -> WrittenView:
    """Write the shards of train and test.

    Parameters
    ----------
    view : DatasetView
        Where the rows come from.
    tree : PublicTree
        The prepared public files.
    root : pathlib.Path
        The repository.
    advance : callable
        Called with the number of media files just written.
    placeholders : collection of str
        Columns of the test table that hold no data, as the scored columns of a sample submission
        do; they are left out.

    Raises
    ------
    PackError
        If the declaration does not fit the files.
    """
    import pyarrow as pa

    train = _open(view.train, tree)
    test = _Without(_open(view.test, tree), placeholders)
    types = merge_types(train, test)
    media_types = _media_types(view, types)
    written = WrittenView(pa.schema([*types.items(), *media_types.items()]), [], [])
    splits: list[tuple[Table, Rows, str, list[Shard]]] = [
        (train, view.train, TRAIN, written.train),
        (test, view.test, TEST, written.test),
    ]
    for table, rows, stem, shards in splits:
        with (
            ExitStack() as archives,
            ShardWriter(root, stem, written.schema, opaque=media_types) as writer,
        ):
            reader = _MediaReader(tree, rows.media, archives)
            for batch, texts in table.batches(types, reader.check_columns(list(types))):
                for part, values in reader.parts(batch, texts):
                    columns = [
                        pa.array(values[name], type=kind)
                        if name in values
                        else pa.nulls(part.num_rows, kind)
                        for name, kind in media_types.items()
                    ]
                    shard, first = writer.write(
                        pa.RecordBatch.from_arrays([*part.columns, *columns], schema=written.schema)
                    )
                    for path, column, row in reader.taken:
                        written.stored.setdefault(
                            path, Stored(path=shard, row=first + row, column=column)
                        )
                    advance(len(reader.taken))
        shards.extend(writer.shards)
        check_rows(shards, rows.table or rows.files or stem)
    return written


class _MediaReader:
    """Read the media of rows, as many rows at a time as fill a row group.

    Attributes
    ----------
    taken : list of (str, str, int)
        Files whose bytes the last part holds: path, column, row within the part.
    """

    def __init__(self, tree: PublicTree, media: list[Media], archives: ExitStack) -> None:
        self._tree = tree
        self._media = media
        self._stack = archives
        self._archives: dict[str, zipfile.ZipFile] = {}
        self.taken: list[tuple[str, str, int]] = []

    def check_columns(self, columns: list[str]) -> list[str]:
        """Return the columns that the patterns use, refused if there is no such one."""
        used = []
        for media in self._media:
            for name in pattern_fields(media.path) + pattern_fields(media.archive or ""):
                if name not in columns:
                    raise PackError(
                        f"dataset: '{media.path}' uses the column '{name}'. "
                        f"Columns: {', '.join(columns)}."
                    )
                used.append(name)
        return list(dict.fromkeys(used))

    def parts(
        self, batch: pa.RecordBatch, texts: Texts
    ) -> Iterator[tuple[pa.RecordBatch, dict[str, list[object]]]]:
        """Split a batch so that each part and its media fit into one row group."""
        if not self._media:
            yield batch, {}
            return
        start = 0
        size = 0
        values: dict[str, list[object]] = {media.column: [] for media in self._media}
        self.taken = []
        for row in range(batch.num_rows):
            cells = {name: column[row] for name, column in texts.items()}
            for media in self._media:
                value, length = self._value(media, cells, row - start)
                values[media.column].append(value)
                size += length
            if size >= ROW_GROUP_SIZE:
                yield batch.slice(start, row + 1 - start), values
                start, size = row + 1, 0
                values = {media.column: [] for media in self._media}
                self.taken = []
        if start < batch.num_rows:
            yield batch.slice(start), values

    def _value(self, media: Media, cells: dict[str, str | None], row: int) -> tuple[object, int]:
        """Return the value of one media column in one row, and its size in bytes."""
        names = pattern_fields(media.path) + pattern_fields(media.archive or "")
        texts = {name: text for name in names if (text := cells[name]) is not None}
        if len(texts) < len(set(names)):
            # The row does not say which file is its own: it has none.
            return None, 0
        path = fill(media.path, texts)
        if media.archive is None:
            content = self._tree.read(path, _LARGEST_VALUE)
            self.taken.append((path, media.column, row))
        else:
            content = self._member(fill(media.archive, texts), path)
        if media.type == "image":
            return {"bytes": content, "path": path}, len(content)
        if media.type == "binary":
            return content, len(content)
        try:
            return content.decode("utf-8"), len(content)
        except UnicodeDecodeError as error:
            raise PackError(
                f"{path} is not UTF-8: declare the column '{media.column}' as binary."
            ) from error

    def _member(self, archive: str, name: str) -> bytes:
        if archive not in self._archives:
            try:
                opened = zipfile.ZipFile(self._tree.path(archive))
            except zipfile.BadZipFile as error:
                raise PackError(f"public/{archive} is no zip archive: {error}.") from error
            self._archives[archive] = self._stack.enter_context(opened)
        try:
            return self._archives[archive].read(name)
        except KeyError as error:
            raise PackError(f"public/{archive} has no member '{name}'.") from error
