"""Reading of archives: zip files in place, others by extracting them once into a scratch folder."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from abc import ABC, abstractmethod
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from mlebench_data.errors import RawDataError
from mlebench_data.extras import import_extra
from mlebench_data.workers.deflating import METHODS, Member

_ENDINGS: dict[Literal["zip", "tar", "7z"], tuple[str, ...]] = {
    "zip": (".zip",),
    "tar": (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"),
    "7z": (".7z",),
}


class Archive(ABC):
    """An archive whose members can be listed and opened by name."""

    @abstractmethod
    def names(self) -> list[str]:
        """Return the names of all files, folders left out."""

    @abstractmethod
    def has(self, name: str) -> bool:
        """Tell whether there is a member of this name."""

    @abstractmethod
    def open(self, name: str) -> IO[bytes] | None:
        """Open a member; None if there is none of this name."""

    @abstractmethod
    def locate(self, name: str) -> Member | None:
        """Say where the bytes of a member lie; None if there is none, or only `open` reads it."""

    @abstractmethod
    def close(self) -> None:
        """Release what is open."""


def is_safe(name: str) -> bool:
    """Tell whether a member's name stays inside the folder that the archive is extracted to."""
    if ".." not in name and "\\" not in name and not name.startswith("/"):
        return True  # nearly all names, and there may be millions
    pure = PurePosixPath(name)
    return not pure.is_absolute() and ".." not in pure.parts and "\\" not in name


class ZipFileArchive(Archive):
    """A zip file; members are read from it directly."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, EOFError) as error:
            raise RawDataError(
                f"{path} is no valid zip archive ({error}). Get it again."
            ) from error
        for name in self._zip.namelist():
            if not is_safe(name):
                self._zip.close()
                raise RawDataError(f"{path} holds '{name}', which leads out of the archive.")

    def names(self) -> list[str]:
        """Return the names of all files."""
        return [info.filename for info in self._zip.infolist() if not info.is_dir()]

    def has(self, name: str) -> bool:
        """Tell whether there is a member of this name."""
        return name in self._zip.NameToInfo

    def open(self, name: str) -> IO[bytes] | None:
        """Open a member."""
        info = self._zip.NameToInfo.get(name)
        if info is None:
            return None
        if info.flag_bits & 0x1:
            raise RawDataError(f"{self._path}: '{name}' is encrypted, which is not supported.")
        return self._zip.open(info)

    def locate(self, name: str) -> Member | None:
        """Say where the bytes of a member lie; None if there is none, or only `open` reads it."""
        info = self._zip.NameToInfo.get(name)
        if info is None or info.flag_bits & 0x1 or info.compress_type not in METHODS:
            return None
        return Member(
            str(self._path),
            info.file_size,
            name,
            info.header_offset,
            info.compress_size,
            info.compress_type,
            info.CRC,
        )

    def close(self) -> None:
        """Close the file."""
        self._zip.close()


class ExtractedArchive(Archive):
    """An archive that can only be read from its beginning: extracted once, then read from disk."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True)
        try:
            self._extract(path, folder)
        except Exception:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    @staticmethod
    def _extract(path: Path, folder: Path) -> None:
        if kind_of(path.name) == "7z":
            module = import_extra("py7zr", extra="archives", why=f"{path.name} is a 7z archive")
            try:
                with module.SevenZipFile(path) as archive:
                    unsafe = [name for name in archive.getnames() if not is_safe(name)]
                    if unsafe:
                        raise RawDataError(f"{path} holds '{unsafe[0]}', which leads out of it.")
                    archive.extractall(folder)
            except (module.exceptions.ArchiveError, EOFError) as error:
                raise RawDataError(
                    f"{path} is no valid 7z archive ({error!r}). Get it again."
                ) from error
            return
        try:
            with tarfile.open(path) as archive:
                archive.extractall(folder, filter="data")
        except tarfile.FilterError as error:
            raise RawDataError(
                f"{path} holds a member that is unsafe to extract: {error}"
            ) from error
        except (tarfile.TarError, EOFError, OSError) as error:
            raise RawDataError(
                f"{path} is no valid tar archive ({error}). Get it again."
            ) from error

    def names(self) -> list[str]:
        """Return the names of all files."""
        return sorted(
            path.relative_to(self._folder).as_posix()
            for path in self._folder.rglob("*")
            if path.is_file()
        )

    def has(self, name: str) -> bool:
        """Tell whether there is a member of this name."""
        return (self._folder / name).is_file()

    def open(self, name: str) -> IO[bytes] | None:
        """Open a member."""
        path = self._folder / name
        return path.open("rb") if path.is_file() else None

    def locate(self, name: str) -> Member | None:
        """Say where a member lies; None if there is none."""
        path = self._folder / name
        return Member(str(path), path.stat().st_size) if path.is_file() else None

    def close(self) -> None:
        """Remove the extracted files."""
        shutil.rmtree(self._folder, ignore_errors=True)


def kind_of(name: str) -> Literal["zip", "tar", "7z"] | None:
    """Return which kind of archive a file is by the ending of its name; None if it is none."""
    for kind, endings in _ENDINGS.items():
        if name.lower().endswith(endings):
            return kind
    return None


def open_archive(path: Path, scratch: Path) -> Archive:
    """Open an archive by the ending of its name.

    Parameters
    ----------
    path : pathlib.Path
        A zip, tar (also compressed) or 7z file.
    scratch : pathlib.Path
        New folder for what must be extracted.

    Raises
    ------
    RawDataError
        If the file is damaged, of an unknown kind, or holds names that lead out of it.
    """
    kind = kind_of(path.name)
    if kind is None:
        raise RawDataError(f"{path} is an archive of an unknown kind; zip, tar and 7z are known.")
    return ZipFileArchive(path) if kind == "zip" else ExtractedArchive(path, scratch)
