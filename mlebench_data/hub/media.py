"""Columns of files: which files belong to a row, and their bytes as Arrow columns."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from mlebench_data.catalogue.dataset import Media
from mlebench_data.hub.bytes_column import Buffers, BytesColumn
from mlebench_data.hub.documents import read_spans
from mlebench_data.hub.errors import PackError
from mlebench_data.hub.features import image_type
from mlebench_data.hub.joins import check_columns
from mlebench_data.hub.members import Archives
from mlebench_data.hub.patterns import fill, pattern_fields
from mlebench_data.hub.shards import ROW_GROUP_SIZE
from mlebench_data.hub.table import Texts

if TYPE_CHECKING:
    import pyarrow as pa

    from mlebench_data.hub.source import PublicTree

_LARGEST_VALUE = 1 << 30
"""Bytes of the largest file that a media column takes."""

_LARGEST_ROW = 3 << 29
"""Bytes of all files of the largest row. Arrow's arrays of bytes end at 2 GiB."""

Cells = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class _File:
    """A file of a row: a public file, or bytes that `read` returns.

    `container` is the public file that holds these bytes as they are, at `offset`.
    """

    name: str | None
    size: int
    read: Callable[[], bytes] | None = None
    container: str | None = None
    offset: int | None = None

    @property
    def public(self) -> str | None:
        """The public file that it is, if it is one."""
        return self.name if self.read is None else None


@dataclass(frozen=True, slots=True)
class Taken:
    """A value that a part of the rows holds.

    Attributes
    ----------
    column : str
        The media column.
    row : int
        Row within the part.
    index : int or None
        Place in the list, where the value is one.
    public : str or None
        The public file whose bytes it is.
    container : str or None
        The public file that holds these bytes, at `offset`.
    offset, size, checksum : int
        Where in the container, how many, and their CRC-32.
    """

    column: str
    row: int
    index: int | None
    public: str | None
    container: str | None
    offset: int
    size: int
    checksum: int


@dataclass(frozen=True)
class Part:
    """Some rows with their media: columns of the table, media columns, and what these hold."""

    rows: pa.RecordBatch
    columns: dict[str, pa.Array]
    taken: list[Taken]


def natural_order(name: str) -> list[tuple[int, str]]:
    """Return the key that sorts names with numbers in them as people do: 9 before 10."""
    parts = re.split(r"([0-9]+)", name)
    # Equal numbers in different writing keep the order of their text.
    return [(int(part), part) if place % 2 else (0, part) for place, part in enumerate(parts)]


class _Folders:
    """The names of files by folder."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names: dict[str, list[str]] = {}
        for name in names:
            folder, _, last = name.rpartition("/")
            self._names.setdefault(folder, []).append(last)

    def match(self, pattern: str, cells: dict[str, str]) -> list[str]:
        """Return all files that a pattern matches, whose last part has stars, in natural order."""
        folder, _, last = pattern.rpartition("/")
        folder = fill(folder, cells)
        expression = re.compile(".*".join(re.escape(fill(part, cells)) for part in last.split("*")))
        found = [name for name in self._names.get(folder, ()) if expression.fullmatch(name)]
        prefix = f"{folder}/" if folder else ""
        return [prefix + name for name in sorted(found, key=natural_order)]


class MediaReader:
    """Read the media of rows, as many rows at a time as fill a row group.

    Parameters
    ----------
    tree : PublicTree
        The public files.
    media : list of Media
        The columns.
    archives : Archives
        The archives that hold some of the files.
    documents : str, optional
        The BSON file that the rows are from.
    """

    def __init__(
        self, tree: PublicTree, media: list[Media], archives: Archives, documents: str | None = None
    ) -> None:
        self._tree = tree
        self._media = media
        self._archives = archives
        self._documents = documents
        self._folders: dict[str | None, _Folders] = {}
        self._buffers = Buffers()
        self._found: set[str] = set()

    def texts(self, columns: list[str]) -> list[str]:
        """Return the columns whose text tells which files a row has.

        Raises
        ------
        PackError
            If the declaration uses a column that there is not.
        """
        used: list[str] = []
        for media in self._media:
            if media.field is not None:
                used.append(media.field)
                continue
            names = self._names(media)
            check_columns(names, columns, media.path or "")
            used += names
        return list(dict.fromkeys(used))

    @staticmethod
    def _names(media: Media) -> list[str]:
        return pattern_fields(media.path or "") + pattern_fields(media.archive or "")

    def parts(self, batch: pa.RecordBatch, texts: Texts) -> Iterator[Part]:
        """Split a batch so that each part and its media fit into one row group."""
        if not self._media:
            yield Part(batch, {}, [])
            return
        start = 0
        size = 0
        rows: list[list[list[_File] | None]] = []
        for row in range(batch.num_rows):
            cells = {name: column[row] for name, column in texts.items()}
            files = [self._files(media, cells) for media in self._media]
            length = sum(file.size for found in files for file in found or ())
            if length > _LARGEST_ROW:
                raise PackError(f"The files of a row have {length} bytes, too many: {cells}.")
            rows.append(files)
            size += length
            if size >= ROW_GROUP_SIZE:
                yield self._part(batch.slice(start, row + 1 - start), rows)
                start, size, rows = row + 1, 0, []
        if rows:
            yield self._part(batch.slice(start), rows)

    def _files(self, media: Media, cells: Cells) -> list[_File] | None:
        """Return the files of one column in one row, None where it has none."""
        if media.field is not None:
            return self._in_document(cells[media.field] or "")
        assert media.path is not None
        names = self._names(media)
        known = {name: text for name in names if (text := cells[name]) is not None}
        if len(known) < len(set(names)):
            # The row does not say which file is its own: it has none.
            return None
        archive = None if media.archive is None else fill(media.archive, known)
        if not media.is_list:
            path = fill(media.path, known)
            file = self._file(path, archive, media)
            if file is None and not media.optional:
                what = f"public/{archive} has no member '{path}'"
                if archive is None:
                    what = f"There is no file public/{path}"
                raise PackError(
                    f"{what}, which the dataset's rows refer to. Declare the column "
                    f"'{media.column}' as optional if it may be missing."
                )
            return None if file is None else [file]
        found = self._listing(archive).match(media.path.removeprefix(media.below), known)
        if not found and not media.optional:
            raise PackError(f"No public file matches '{media.path}' with {known}.")
        files = [self._file(media.below + name, archive, media) for name in found]
        return [file for file in files if file is not None] or None

    def _listing(self, archive: str | None) -> _Folders:
        if archive not in self._folders:
            names = self._tree.names() if archive is None else self._archives.open(archive).names()
            self._folders[archive] = _Folders(names)
        return self._folders[archive]

    def _file(self, path: str, archive: str | None, media: Media) -> _File | None:
        if archive is not None:
            member = self._archives.open(archive).find(path.removeprefix(media.below))
            if member is None:
                return None
            container = None if member.offset is None else archive
            file = _File(path, member.size, member.read, container, member.offset)
        elif self._tree.has(path):
            file = _File(path, self._tree.entry(path).size)
        else:
            return None
        if media.type == "path":
            return _File(path, 0)
        if file.size > _LARGEST_VALUE:
            raise PackError(f"public/{path} has {file.size} bytes, too many for a value in a row.")
        return file

    def _in_document(self, text: str) -> list[_File] | None:
        container = self._documents
        assert container is not None
        path = self._tree.path(container)
        return [
            _File(
                None,
                span.size,
                partial(self._archives.read_at, path, span.offset, span.size),
                container,
                span.offset,
            )
            for span in read_spans(text)
        ]

    def _part(self, batch: pa.RecordBatch, rows: list[list[list[_File] | None]]) -> Part:
        """Read the files of some rows."""
        columns: dict[str, pa.Array] = {}
        taken: list[Taken] = []
        for place, media in enumerate(self._media):
            found = [files[place] for files in rows]
            if any(found):
                self._found.add(media.column)
            if media.type == "path":
                names = [files[0].name if files else None for files in found]
                columns[media.column] = _strings(names)
                continue
            contents = BytesColumn(self._buffers)
            for row, files in enumerate(found):
                for index, file in enumerate(files or ()):
                    checksum = self._append(contents, file)
                    if file.public is not None or file.container is not None:
                        number = index if media.is_list else None
                        taken.append(_taken(file, media.column, row, number, checksum))
                if files is None and not media.is_list:
                    contents.append(None)
            columns[media.column] = _column(media, found, contents.finish())
        return Part(batch, columns, taken)

    def check_found(self) -> None:
        """Refuse a column in which no row had a file: what is declared is not what there is."""
        for media in self._media:
            if media.column not in self._found:
                raise PackError(
                    f"dataset: no row has a file in the column '{media.column}' "
                    f"({media.path or media.field})."
                )

    def _append(self, contents: BytesColumn, file: _File) -> int:
        """Append the bytes of a file, and return their checksum where a container holds them."""
        if file.read is None:
            assert file.name is not None
            contents.append_file(*self._tree.value(file.name, _LARGEST_VALUE))
            return 0
        content = file.read()
        contents.append(content)
        return zlib.crc32(content)


def _taken(file: _File, column: str, row: int, index: int | None, checksum: int) -> Taken:
    return Taken(
        column, row, index, file.public, file.container, file.offset or 0, file.size, checksum
    )


def _strings(texts: list[str | None]) -> pa.Array:
    import pyarrow as pa

    return pa.array(texts, pa.string())


def _column(media: Media, rows: list[list[_File] | None], contents: pa.Array) -> pa.Array:
    """Return one media column of some rows, of which all bytes are given one after the other."""
    import pyarrow as pa

    if media.is_list:
        values = _files_array([file.name for files in rows for file in files or ()], contents)
        offsets: list[int | None] = []
        position = 0
        for files in rows:
            # A list is missing where its offset is.
            offsets.append(None if files is None else position)
            position += len(files or ())
        return pa.ListArray.from_arrays(pa.array([*offsets, position], pa.int32()), values)
    if media.type == "binary":
        return contents
    if media.type != "text":
        return _files_array([files[0].name if files else None for files in rows], contents)
    try:
        return contents.cast(pa.string())
    except pa.ArrowInvalid as error:
        names = ", ".join(str(files[0].name) for files in rows[:3] if files)
        raise PackError(
            f"One of {names}, ... is not UTF-8: declare the column '{media.column}' as binary."
        ) from error


def _files_array(names: list[str | None], contents: pa.Array) -> pa.Array:
    import pyarrow as pa

    return pa.StructArray.from_arrays(
        [contents, _strings(names)], fields=list(image_type()), mask=contents.is_null()
    )
