"""Operations that pack archives, with the same bytes at every run."""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from mlebench_data.errors import PrepareError
from mlebench_data.paths import RelativePath
from mlebench_data.recipe.context import Context
from mlebench_data.recipe.files import expand
from mlebench_data.recipe.operation import Name, Operation, OutputPath
from mlebench_data.workers.deflating import Deflated, Member, deflate_all, store_all

# The earliest date that the zip format can hold: archives must not differ by when they were made.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SEVEN_ZIP_EPOCH = 315532800  # The same moment, as seconds since 1970 in UTC.


# Members are read in groups of so many, or of so many bytes; larger ones are streamed.
_BATCH = 64
_LARGE = 1 << 20

Compression = Literal["deflated", "stored"]


def _info(name: str, compression: Compression = "deflated") -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, date_time=_EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED if compression == "deflated" else zipfile.ZIP_STORED
    info.create_system = 3
    info.external_attr = 0o100644 << 16
    return info


def _add(
    archive: zipfile.ZipFile,
    name: str,
    source: IO[bytes],
    compression: Compression = "deflated",
    size: int = 0,
) -> None:
    """Add a member; `size` tells beforehand of one that needs the format for large files."""
    info = _info(name, compression)
    info.file_size = size
    with archive.open(info, "w") as member:
        shutil.copyfileobj(source, member)


def _add_ready(
    archive: zipfile.ZipFile, members: Iterable[tuple[str, Deflated]], compression: Compression
) -> None:
    """Add members that are compressed as wanted, with the bytes that `_add` would write.

    `zipfile` has no function for that; these are the steps of its own.
    """
    parts = []
    for name, (crc, size, data) in members:
        info = _info(name, compression)
        info.CRC, info.file_size, info.compress_size = crc, size, len(data)
        info.header_offset = archive.start_dir
        header = info.FileHeader(zip64=False)
        parts += [header, data]
        archive.filelist.append(info)
        archive.NameToInfo[name] = info
        archive.start_dir += len(header) + len(data)
    assert archive.fp is not None
    archive.fp.write(b"".join(parts))


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


@contextmanager
def _new_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    # Opened for writing alone: what `zipfile` opens by itself can be read too, and is slower.
    with path.open("wb") as stream, zipfile.ZipFile(stream, "w") as archive:
        yield archive


def _pack(
    context: Context,
    archive: zipfile.ZipFile,
    items: Iterable[tuple[str, Member | None, Callable[[], IO[bytes]]]],
    compression: Compression,
) -> None:
    """Add members to a zip archive, small ones several at a time.

    Parameters
    ----------
    context : Context
        The running recipe.
    archive : zipfile.ZipFile
        The archive.
    items : iterable
        Name of each member, where its bytes lie (None if that cannot be said), and what opens it.
    compression : {"deflated", "stored"}
        How they are compressed.
    """
    # Names of a batch, or what opens a single member that is too large to be held in memory.
    asked: deque[tuple[list[str], Callable[[], IO[bytes]] | None]] = deque()

    def batches() -> Iterator[list[Member]]:
        names: list[str] = []
        members: list[Member] = []
        total = 0
        for name, member, opener in items:
            large = member is None or member.size > _LARGE
            if members and (large or len(members) == _BATCH or total > _LARGE):
                asked.append((names, None))
                yield members
                names, members, total = [], [], 0
            if member is None or large:
                asked.append(([name], opener))
                yield []
            else:
                names.append(name)
                members.append(member)
                total += member.size
        if members:
            asked.append((names, None))
            yield members

    # What is not compressed is read at once: other processes could only hand it over.
    ready: Iterator[list[Deflated]]
    if compression == "stored":
        ready = map(store_all, batches())
    else:
        ready = context.workers.map(deflate_all, batches())
    for results in ready:
        names, opener = asked.popleft()
        if opener is None:
            _add_ready(archive, zip(names, results, strict=True), compression)
        else:
            with opener() as stream:
                size = stream.seek(0, os.SEEK_END)
                stream.seek(0)
                _add(archive, names[0], stream, compression, size)
        context.advance(len(names))


def _members(
    context: Context, table: str, member: str, source: str, path: str
) -> list[tuple[str, str]]:
    """Return the names of members and of the raw files that they are, sorted by name."""
    pairs = sorted(expand(context, table, member, source))
    if len({name for name, _ in pairs}) != len(pairs):
        raise PrepareError(f"'{path}' would hold two members of one name.")
    for name, _ in pairs:
        # The first look is for speed: few names hold two dots or begin with one or a slash.
        if name[:1] not in ("", ".", "/") and ".." not in name:
            continue
        pure = PurePosixPath(name)
        if not pure.parts or pure.is_absolute() or ".." in pure.parts:
            raise PrepareError(f"'{path}' would hold '{name}', which leaves a folder.")
    return [(name, file) for name, file in pairs]


class ZipRawFiles(Operation):
    """Pack one raw file for each row of a table into a zip, members sorted by name.

    They are stored, not compressed: pictures and sounds would hardly get smaller. So the hub need
    not keep them twice, in the archive and in the rows.
    """

    op: Literal["zip_raw_files"]
    table: Name
    source: RelativePath
    member: str
    path: OutputPath
    compression: Compression = "stored"

    def uses(self) -> list[str]:  # noqa: D102
        return [self.table]

    def writes(self) -> list[str]:  # noqa: D102
        return [self.path]

    def run(self, context: Context) -> None:  # noqa: D102
        pairs = _members(context, self.table, self.member, self.source, self.path)
        with _new_zip(context.target(self.path)) as archive:
            _pack(
                context,
                archive,
                (
                    (member, context.raw.locate(source), partial(context.raw.open, source))
                    for member, source in pairs
                ),
                self.compression,
            )


class TarRawFiles(Operation):
    """Pack one raw file for each row of a table into an uncompressed tar, members sorted by name.

    With `below`, members are named as seen from that folder of the pattern `member`.
    """

    op: Literal["tar_raw_files"]
    table: Name
    source: RelativePath
    member: str
    below: str = ""
    path: OutputPath

    def uses(self) -> list[str]:  # noqa: D102
        return [self.table]

    def writes(self) -> list[str]:  # noqa: D102
        return [self.path]

    def run(self, context: Context) -> None:  # noqa: D102
        pairs = _members(context, self.table, self.member, self.source, self.path)
        with tarfile.open(context.target(self.path), "w", format=tarfile.PAX_FORMAT) as archive:
            for member, source in pairs:
                info = tarfile.TarInfo(member.removeprefix(self.below))
                info.mode = 0o644
                with context.raw.open(source) as stream:
                    info.size = stream.seek(0, os.SEEK_END)
                    stream.seek(0)
                    archive.addfile(info, stream)
                context.advance(1)


class ZipOutputs(Operation):
    """Pack files that the recipe has written into a zip or 7z file, by their bare names.

    The ending of `path` decides which of both. With `remove` the files themselves are taken away
    afterwards.
    """

    op: Literal["zip_outputs"]
    files: list[OutputPath]
    path: OutputPath
    compression: Compression = "deflated"
    remove: bool = False

    def writes(self) -> list[str]:  # noqa: D102
        return [self.path]

    def run(self, context: Context) -> None:  # noqa: D102
        sources = [context.output / file for file in sorted(self.files)]
        for file, source in zip(sorted(self.files), sources, strict=True):
            if not source.is_file():
                raise PrepareError(f"'{file}' is to be packed before it is written.")
        target = context.target(self.path)
        if target.suffix == ".7z":
            _seven_zip(target, sources)
        else:
            with _new_zip(target) as archive:
                for source in sources:
                    with source.open("rb") as stream:
                        _add(archive, source.name, stream, self.compression, source.stat().st_size)
        if self.remove:
            for file, source in zip(sorted(self.files), sources, strict=True):
                source.unlink()
                context.rows.pop(file, None)
        context.advance(1)


def _seven_zip(target: Path, sources: list[Path]) -> None:
    """Pack files by their bare names into a 7z archive."""
    from mlebench_data.extras import import_extra

    module = import_extra("py7zr", extra="archives", why=f"{target.name} is a 7z archive")
    with module.SevenZipFile(target, "w") as archive:
        for source in sources:
            # The archive keeps the file's time, which must not differ from run to run.
            os.utime(source, (_SEVEN_ZIP_EPOCH, _SEVEN_ZIP_EPOCH))
            archive.write(source, source.name)


class ZipFolder(Operation):
    """Pack a folder that the recipe has filled into a zip, members sorted by name.

    Members are named as seen from the folder, after `prefix` (such as `train2/`), and stored, not
    compressed, as in `zip_raw_files`. With `remove` the folder is taken away afterwards.
    """

    op: Literal["zip_folder"]
    folder: OutputPath
    path: OutputPath
    prefix: str = ""
    compression: Compression = "stored"
    remove: bool = False

    def writes(self) -> list[str]:  # noqa: D102
        return [self.path]

    def run(self, context: Context) -> None:  # noqa: D102
        folder = context.output / self.folder
        files = sorted(
            (self.prefix + path.relative_to(folder).as_posix(), path)
            for path in folder.rglob("*")
            if path.is_file()
        )
        if not files:
            raise PrepareError(f"'{self.folder}' is to be packed before it is filled.")
        with _new_zip(context.target(self.path)) as archive:
            _pack(
                context,
                archive,
                (
                    (name, Member(str(path), path.stat().st_size), partial(_open, path))
                    for name, path in files
                ),
                self.compression,
            )
        if self.remove:
            shutil.rmtree(folder)
