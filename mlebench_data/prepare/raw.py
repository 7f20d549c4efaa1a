"""Reading of raw data: the tree on disk with its nested archives laid over it."""

from __future__ import annotations

import shutil
import threading
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import IO

from mlebench_data.catalogue.schema import RawArchive
from mlebench_data.errors import RawDataError


class RawTree:
    """The raw files of a competition, as if all its archives had been extracted.

    A file on disk comes before the same file in an archive. Nothing is extracted: members are read
    from their archive directly.

    Parameters
    ----------
    root : pathlib.Path
        Folder of the raw data.
    archives : sequence of RawArchive
        The archives in it, and the folders their members appear in.
    hint : str
        What to do when a file is missing; ends the error message.
    """

    def __init__(self, root: Path, archives: Sequence[RawArchive], hint: str) -> None:
        self.root = root
        self._archives = archives
        self._hint = hint
        self._opened: dict[str, zipfile.ZipFile | None] = {}
        self._lock = threading.Lock()

    def _archive(self, path: str) -> zipfile.ZipFile | None:
        """Open an archive once; None if it is not there."""
        with self._lock:
            if path not in self._opened:
                file = self.root / path
                try:
                    self._opened[path] = zipfile.ZipFile(file) if file.is_file() else None
                except zipfile.BadZipFile as error:
                    raise RawDataError(
                        f"{file} is no valid zip archive ({error}). Get it again."
                    ) from error
            return self._opened[path]

    def _member(self, path: str) -> tuple[zipfile.ZipFile, zipfile.ZipInfo] | None:
        for archive in self._archives:
            pure = PurePosixPath(path)
            if not pure.is_relative_to(archive.extract_to):
                continue
            opened = self._archive(archive.path)
            if opened is None:
                continue
            name = pure.relative_to(archive.extract_to).as_posix()
            try:
                return opened, opened.getinfo(name)
            except KeyError:
                continue
        return None

    def has(self, path: str) -> bool:
        """Tell whether a file is there, on disk or in an archive."""
        self._refuse_outside(path)
        return (self.root / path).is_file() or self._member(path) is not None

    def open(self, path: str) -> IO[bytes]:
        """Open a file for reading.

        Raises
        ------
        RawDataError
            If it is neither on disk nor in an archive, or its path leaves the tree.
        """
        self._refuse_outside(path)
        file = self.root / path
        if file.is_file():
            return file.open("rb")
        member = self._member(path)
        if member is None:
            raise RawDataError(self._missing(path))
        return member[0].open(member[1])

    def copy(self, path: str, target: Path) -> None:
        """Copy a file, bytes only: modes and times of the raw data do not carry over."""
        with self.open(path) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)

    def check(self, paths: Sequence[str]) -> None:
        """Refuse raw data that lacks one of these files, naming all that are missing."""
        missing = [path for path in paths if not self.has(path)]
        if missing:
            raise RawDataError("\n".join(self._missing(path) for path in missing))

    def _refuse_outside(self, path: str) -> None:
        """Refuse a path that leaves the tree: paths may be made of cells of the raw data."""
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts:
            raise RawDataError(f"Raw file '{path}' would lie outside {self.root}.")

    def _missing(self, path: str) -> str:
        places = [str(self.root / path)]
        places += [
            f"inside {self.root / archive.path}"
            for archive in self._archives
            if PurePosixPath(path).is_relative_to(archive.extract_to)
        ]
        return f"Raw file '{path}' is missing: looked for {' and '.join(places)}. {self._hint}"

    def close(self) -> None:
        """Close all archives."""
        with self._lock:
            for archive in self._opened.values():
                if archive is not None:
                    archive.close()
            self._opened.clear()
