"""Operations that pack archives, with the same bytes at every run."""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from mlebench_data.errors import PrepareError
from mlebench_data.paths import RelativePath
from mlebench_data.recipe.context import Context
from mlebench_data.recipe.files import expand
from mlebench_data.recipe.operation import Name, Operation, OutputPath

# The earliest date that the zip format can hold: archives must not differ by when they were made.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SEVEN_ZIP_EPOCH = 315532800  # The same moment, as seconds since 1970 in UTC.


Compression = Literal["deflated", "stored"]


def _add(
    archive: zipfile.ZipFile,
    name: str,
    source: IO[bytes],
    compression: Compression = "deflated",
    size: int = 0,
) -> None:
    """Add a member; `size` tells beforehand of one that needs the format for large files."""
    info = zipfile.ZipInfo(name, date_time=_EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED if compression == "deflated" else zipfile.ZIP_STORED
    info.create_system = 3
    info.external_attr = 0o100644 << 16
    info.file_size = size
    with archive.open(info, "w") as member:
        shutil.copyfileobj(source, member)


def _members(
    context: Context, table: str, member: str, source: str, path: str
) -> list[tuple[str, str]]:
    """Return the names of members and of the raw files that they are, sorted by name."""
    pairs = sorted(expand(context, table, member, source))
    if len({name for name, _ in pairs}) != len(pairs):
        raise PrepareError(f"'{path}' would hold two members of one name.")
    for name, _ in pairs:
        pure = PurePosixPath(name)
        if not pure.parts or pure.is_absolute() or ".." in pure.parts:
            raise PrepareError(f"'{path}' would hold '{name}', which leaves a folder.")
    return [(name, file) for name, file in pairs]


class ZipRawFiles(Operation):
    """Pack one raw file for each row of a table into a deflated zip, members sorted by name."""

    op: Literal["zip_raw_files"]
    table: Name
    source: RelativePath
    member: str
    path: OutputPath

    def uses(self) -> list[str]:  # noqa: D102
        return [self.table]

    def writes(self) -> list[str]:  # noqa: D102
        return [self.path]

    def run(self, context: Context) -> None:  # noqa: D102
        pairs = _members(context, self.table, self.member, self.source, self.path)
        with zipfile.ZipFile(context.target(self.path), "w") as archive:
            for member, source in pairs:
                with context.raw.open(source) as stream:
                    _add(archive, member, stream)
                context.advance(1)


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
            with zipfile.ZipFile(target, "w") as archive:
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
    """Pack a folder that the recipe has filled into a deflated zip, members sorted by name.

    Members are named as seen from the folder, after `prefix` (such as `train2/`). With `remove` the
    folder is taken away afterwards.
    """

    op: Literal["zip_folder"]
    folder: OutputPath
    path: OutputPath
    prefix: str = ""
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
        with zipfile.ZipFile(context.target(self.path), "w") as archive:
            for name, path in files:
                with path.open("rb") as stream:
                    _add(archive, name, stream, size=path.stat().st_size)
        if self.remove:
            shutil.rmtree(folder)
        context.advance(1)
