"""The rows that `load_dataset` gives: train and test with one schema, media beside their rows."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.catalogue.dataset import DatasetView, Join, Rows, TableFile
from mlebench_data.hub.array_table import ArraysTable
from mlebench_data.hub.column_types import Evidence
from mlebench_data.hub.containers import Spans, find_copies, write_pieces
from mlebench_data.hub.errors import PackError
from mlebench_data.hub.features import media_field
from mlebench_data.hub.file_names import NamesTable
from mlebench_data.hub.joins import AddedTable, FilteredTable, JoinedTable
from mlebench_data.hub.layout import TEST, TRAIN
from mlebench_data.hub.media import MediaReader
from mlebench_data.hub.members import Archives
from mlebench_data.hub.repository import Stored
from mlebench_data.hub.shards import Shard, ShardWriter
from mlebench_data.hub.table import Table, Texts, Types, merge_types
from mlebench_data.hub.tables import open_table

if TYPE_CHECKING:
    import pyarrow as pa

    from mlebench_data.hub.source import PublicTree


@dataclass
class WrittenConfig:
    """A configuration that was written: its columns, and the shards of each split."""

    schema: pa.Schema
    splits: dict[str, list[Shard]] = field(default_factory=dict)


@dataclass
class WrittenView:
    """What was written.

    Attributes
    ----------
    default : WrittenConfig
        Train and test.
    more : dict of str to WrittenConfig
        The further configurations, by name.
    pieces : list of Shard
        Shards of the pieces of containers.
    stored : dict of str to Stored
        Public files whose bytes are in a media column or in pieces, by path.
    """

    default: WrittenConfig
    more: dict[str, WrittenConfig] = field(default_factory=dict)
    pieces: list[Shard] = field(default_factory=list)
    stored: dict[str, Stored] = field(default_factory=dict)


def _open_file(source: TableFile, tree: PublicTree, bytes_of: Collection[str] = ()) -> Table:
    assert source.table is not None
    return open_table(
        tree.path(source.table),
        source.records,
        source.lines_as,
        lists_as=source.lists_as,
        missing=source.missing,
        bytes_of=bytes_of,
    )


def _open_source(rows: Rows, tree: PublicTree, archives: Archives) -> Table:
    """Open what the rows come from."""
    if rows.table is not None:
        places = [media.field for media in rows.media if media.field is not None]
        return _open_file(rows, tree, places)
    if rows.arrays is not None:
        paths = {name: tree.path(path) for name, path in rows.arrays.items()}
        return ArraysTable(paths, rows.integers, rows.number_as)
    if rows.folders is not None:
        leaves = {name.rpartition("/")[0] for name in tree.names()}
        folders = leaves | {parent.as_posix() for name in leaves for parent in Path(name).parents}
        return NamesTable(rows.folders, folders, rows.integers)
    assert rows.files is not None
    names = tree.names() if rows.archive is None else archives.open(rows.archive).names()
    return NamesTable(rows.files, names, rows.integers)


def _open(rows: Rows, tree: PublicTree, archives: Archives) -> Table:
    table = _open_source(rows, tree, archives)
    for join in rows.joins:
        table = JoinedTable(table, _open_join(join, tree), join)
    if rows.add:
        table = AddedTable(table, rows.add)
    return FilteredTable(table, rows.where) if rows.where else table


def _open_join(join: Join, tree: PublicTree) -> Table:
    return _open_file(join, tree)


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


def check_rows(shards: list[Shard], name: str) -> None:
    """Refuse a table without rows, which `load_dataset` cannot load."""
    if not any(shard.rows for shard in shards):
        raise PackError(f"{name} has no rows.")


def _media_fields(splits: Iterable[Rows], columns: Types) -> dict[str, pa.Field]:
    found: dict[str, pa.Field] = {}
    for media in (media for rows in splits for media in rows.media):
        column = media_field(media.column, media.type, is_list=media.is_list)
        known = found.setdefault(media.column, column)
        if media.column in columns or not known.equals(column, check_metadata=True):
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
    """Write the shards of train and test, and of the further configurations.

    Parameters
    ----------
    view : DatasetView
        Where the rows come from.
    tree : PublicTree
        The prepared public files.
    root : pathlib.Path
        The repository.
    advance : callable
        Called with the number of public files whose bytes were just written.
    placeholders : collection of str
        Columns of the test table that hold no data, as the scored columns of a sample submission
        do; they are left out.

    Raises
    ------
    PackError
        If the declaration does not fit the files.
    """
    # Within the repository: its disk has room, and it is removed with what a killed run leaves.
    with (
        tempfile.TemporaryDirectory(dir=root, prefix=".scratch-") as scratch,
        Archives(tree, Path(scratch)) as archives,
        Spans(Path(scratch)) as spans,
    ):
        writer = _ViewWriter(tree, root, archives, spans, advance)
        default = writer.write(
            {"train": (view.train, TRAIN), "test": (view.test, TEST)}, {"test": placeholders}
        )
        more = {
            name: writer.write(
                {split: (rows, f"data/{name}/{split}") for split, rows in splits.items()}, {}
            )
            for name, splits in view.more.items()
        }
        find_copies(tree, writer.stored, spans)
        containers = write_pieces(root, tree, spans, advance)
    return WrittenView(default, more, containers.shards, writer.stored | containers.stored)


class _ViewWriter:
    """Write configurations, and keep where the bytes of files went.

    Attributes
    ----------
    stored : dict of str to Stored
        Public files whose bytes are in a media column, by path.
    """

    def __init__(
        self,
        tree: PublicTree,
        root: Path,
        archives: Archives,
        spans: Spans,
        advance: Callable[[int], None],
    ) -> None:
        self._tree = tree
        self._root = root
        self._archives = archives
        self._spans = spans
        self._advance = advance
        self.stored: dict[str, Stored] = {}

    def write(
        self, splits: dict[str, tuple[Rows, str]], hidden: dict[str, Collection[str]]
    ) -> WrittenConfig:
        """Write the splits of one configuration, whose columns are those of all of them.

        Parameters
        ----------
        splits : dict of str to tuple of Rows and str
            Their rows, and the path of their shards without number and ending.
        hidden : dict of str to collection of str
            Columns of a split's table that are left out.
        """
        import pyarrow as pa

        tables: dict[str, Table] = {
            split: _Without(_open(rows, self._tree, self._archives), hidden.get(split, ()))
            for split, (rows, _) in splits.items()
        }
        types = merge_types(*tables.values())
        media = _media_fields((rows for rows, _ in splits.values()), types)
        config = WrittenConfig(pa.schema([*types.items(), *media.values()]))
        for split, (rows, stem) in splits.items():
            shards = self._write_split(tables[split], rows, stem, types, config.schema)
            check_rows(shards, rows.source)
            config.splits[split] = shards
        return config

    def _write_split(
        self, table: Table, rows: Rows, stem: str, types: Types, schema: pa.Schema
    ) -> list[Shard]:
        import pyarrow as pa

        reader = MediaReader(self._tree, rows.media, self._archives, rows.table)
        opaque = [name for name in schema.names if name not in types]
        with ShardWriter(self._root, stem, schema, opaque=opaque) as writer:
            for batch, texts in table.batches(types, reader.texts(list(types))):
                for part in reader.parts(batch, texts):
                    columns = [
                        part.columns[name]
                        if name in part.columns
                        else pa.nulls(part.rows.num_rows, schema.field(name).type)
                        for name in opaque
                    ]
                    shard, first = writer.write(
                        pa.RecordBatch.from_arrays([*part.rows.columns, *columns], schema=schema)
                    )
                    before = len(self.stored)
                    for taken in part.taken:
                        row = first + taken.row
                        if taken.public is not None:
                            place = Stored(
                                path=shard, row=row, column=taken.column, index=taken.index
                            )
                            self.stored.setdefault(taken.public, place)
                        elif taken.container is not None:
                            self._spans.add(taken.container, taken, shard, row)
                    self._advance(len(self.stored) - before)
        reader.check_found()
        return writer.shards
