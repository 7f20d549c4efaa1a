"""Operations that pack archives, with the same bytes at every run."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import PurePosixPath
from typing import IO, Literal

from mlebench_data.errors import PrepareError
from mlebench_data.recipe.context import Context
from mlebench_data.recipe.files import expand
from mlebench_data.recipe.operation import Name, Operation, OutputPath, RelativePath

# The earliest date that the zip format can hold: archives must not differ by when they were made.
_EPOCH = (1980, 1, 1, 0, 0, 0)


Compression = Literal["deflated", "stored"]


def _add(
    archive: zipfile.ZipFile, name: str, source: IO[bytes], compression: Compression = "deflated"
) -> None:
    info = zipfile.ZipInfo(name, date_time=_EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED if compression == "deflated" else zipfile.ZIP_STORED
    info.create_system = 3
    info.external_attr = 0o100644 << 16
    with archive.open(info, "w") as member:
        shutil.copyfileobj(source, member)


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
        pairs = sorted(expand(context, self.table, self.member, self.source))
        if len({member for member, _ in pairs}) != len(pairs):
            raise PrepareError(f"'{self.path}' would hold two members of one name.")
        for member, _ in pairs:
            pure = PurePosixPath(member)
            if not pure.parts or pure.is_absolute() or ".." in pure.parts:
                raise PrepareError(f"'{self.path}' would hold '{member}', which leaves a folder.")
        with zipfile.ZipFile(context.target(self.path), "w") as archive:
            for member, source in pairs:
                with context.raw.open(source) as stream:
                    _add(archive, member, stream)
                context.advance(1)


class ZipOutputs(Operation):
    """Pack files that the recipe has written into a zip, by their bare names.

    With `remove` the files themselves are taken away afterwards.
    """

    op: Literal["zip_outputs"]
    files: list[OutputPath]
    path: OutputPath
    compression: Compression = "deflated"
    remove: bool = False

    def writes(self) -> list[str]:  # noqa: D102
        return [self.path]

    def run(self, context: Context) -> None:  # noqa: D102
        with zipfile.ZipFile(context.target(self.path), "w") as archive:
            for file in sorted(self.files):
                source = context.output / file
                if not source.is_file():
                    raise PrepareError(f"'{file}' is to be packed before it is written.")
                with source.open("rb") as stream:
                    _add(archive, source.name, stream, self.compression)
                if self.remove:
                    source.unlink()
                    context.rows.pop(file, None)
        context.advance(1)


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
                    _add(archive, name, stream)
        if self.remove:
            shutil.rmtree(folder)
        context.advance(1)
