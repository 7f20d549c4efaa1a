"""Reading of raw data: the tree on disk with its nested archives laid over it."""

from __future__ import annotations

import os
import shutil
import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO

from mlebench_data.errors import RawDataError
from mlebench_data.raw.archives import Archive, open_archive
from mlebench_data.raw.location import RawArchive
from mlebench_data.workers.deflating import Member
from mlebench_data.workers.placing import FILE_MODE, FileFacts, Order, place, write


class RawTree:
    """The raw files of a competition, as if all its archives had been extracted.

    A file on disk comes before the same file in an archive. Members of zip archives are read from
    them directly; other archives are extracted into a scratch folder when they are first needed.

    Parameters
    ----------
    root : pathlib.Path
        Folder of the raw data, or the zip of the whole competition as it was downloaded.
    archives : sequence of RawArchive
        The archives in it, and the folders their members appear in.
    hint : str
        What to do when a file is missing; ends the error message.
    scratch : pathlib.Path
        Folder for what must be extracted; removed by `close`.
    link : bool
        Whether `copy` may make hard links.
    """

    def __init__(
        self,
        root: Path,
        archives: Sequence[RawArchive],
        hint: str,
        *,
        scratch: Path,
        link: bool = True,
    ) -> None:
        self.root = root
        self._whole = open_archive(root, scratch / "whole") if root.is_file() else None
        self._archives = archives
        self._hint = hint
        self._scratch = scratch
        self._link = link
        self._opened: dict[str, Archive | None] = {}
        self._lock = threading.Lock()
        self._paths: list[str] | None = None
        self._folders: dict[str, bool] = {}

    def _archive(self, path: str) -> Archive | None:
        """Open a nested archive once; None if it is not there."""
        with self._lock:
            if path not in self._opened:
                file = self._archive_file(path)
                scratch = self._scratch / f"extracted-{len(self._opened)}"
                self._opened[path] = None if file is None else open_archive(file, scratch)
            return self._opened[path]

    def _archive_file(self, path: str) -> Path | None:
        """Return a nested archive as a file of its own."""
        if self._whole is None:
            file = self.root / path
            return file if file.is_file() else None
        member = self._whole.open(path)
        if member is None:
            return None
        copy = self._scratch / f"nested-{len(self._opened)}" / PurePosixPath(path).name
        copy.parent.mkdir(parents=True)
        with member, copy.open("wb") as stream:
            shutil.copyfileobj(member, stream, 1 << 20)
        return copy

    def _on_disk(self, path: str) -> Path | None:
        if self._whole is not None:
            return None
        file = self.root / path
        return file if file.is_file() else None

    def _has_folder(self, folder: str) -> bool:
        """Tell whether a folder is there on disk."""
        if folder not in self._folders:
            self._folders[folder] = self._whole is None and (self.root / folder).is_dir()
        return self._folders[folder]

    def _inside(self, path: str) -> Iterator[tuple[Archive, str]]:
        """Return the archives that may hold a file, and its name in each."""
        if self._whole is not None:
            yield self._whole, path
        for archive in self._archives:
            prefix = "" if archive.extract_to == "." else f"{archive.extract_to}/"
            if path.startswith(prefix) and (opened := self._archive(archive.path)) is not None:
                yield opened, path[len(prefix) :]

    def _member(self, path: str) -> IO[bytes] | None:
        found = (archive.open(name) for archive, name in self._inside(path))
        return next((member for member in found if member is not None), None)

    def has(self, path: str) -> bool:
        """Tell whether a file is there, on disk or in an archive."""
        self._refuse_outside(path)
        if self._on_disk(path) is not None:
            return True
        return any(archive.has(name) for archive, name in self._inside(path))

    def open(self, path: str) -> IO[bytes]:
        """Open a file for reading.

        Raises
        ------
        RawDataError
            If it is neither on disk nor in an archive, or its path leaves the tree.
        """
        self._refuse_outside(path)
        file = self._on_disk(path)
        if file is not None:
            return file.open("rb")
        member = self._member(path)
        if member is None:
            raise RawDataError(self._missing(path))
        return member

    def locate(self, path: str) -> Member | None:
        """Say where the bytes of a file lie, for other processes to read.

        Parameters
        ----------
        path : str
            The file.

        Returns
        -------
        Member or None
            None if there is no such file, or it can only be read through `open`.

        Raises
        ------
        RawDataError
            If its path leaves the tree.
        """
        self._refuse_outside(path)
        if self._has_folder(path.rpartition("/")[0]):
            file = self.root / path
            if file.is_file():
                return Member(str(file), file.stat().st_size)
        for archive, name in self._inside(path):
            if archive.has(name):
                return archive.locate(name)
        return None

    def order(self, path: str, target: str, *, link: bool, mode: int) -> Order | None:
        """Return what `mlebench_data.workers` needs to place a file that may lie on disk.

        Parameters
        ----------
        path : str
            The file.
        target : str
            Where it is put.
        link : bool
            Whether a hard link will do.
        mode : int
            Its permissions there.

        Returns
        -------
        Order or None
            None if the file can only be in an archive.

        Raises
        ------
        RawDataError
            If its path leaves the tree.
        """
        self._refuse_outside(path)
        if self._whole is not None:
            return None
        return f"{self.root}/{path}", target, link and self._link, mode

    def copy(
        self, path: str, target: str, *, link: bool = True, mode: int = FILE_MODE
    ) -> FileFacts:
        """Put a file at a new place, bytes unchanged.

        Parameters
        ----------
        path : str
            The file.
        target : str
            Where it is put; must not exist.
        link : bool
            Whether a hard link will do.
        mode : int
            Its permissions there.

        Returns
        -------
        FileFacts
            What was written.

        Raises
        ------
        RawDataError
            If it is neither on disk nor in an archive, or its path leaves the tree.
        FileExistsError
            If the target exists.
        """
        order = self.order(path, target, link=link, mode=mode)
        if order is not None and (facts := place(*order)) is not None:
            return facts
        with self.open(path) as source:
            return write(source, target, mode)

    def paths(self) -> list[str]:
        """Return the paths of all files, on disk and in archives, sorted by code point."""
        if self._paths is None:
            found: set[str] = set()
            if self._whole is None:
                for parent, _, names in os.walk(self.root, followlinks=True):
                    relative = os.path.relpath(parent, self.root)
                    prefix = "" if relative == "." else f"{relative}/"
                    found.update(prefix + name for name in names)
            else:
                found.update(self._whole.names())
            for archive in self._archives:
                opened = self._archive(archive.path)
                if opened is not None:
                    base = PurePosixPath(archive.extract_to)
                    found.update((base / name).as_posix() for name in opened.names())
            self._paths = sorted(found)
        return self._paths

    def paths_below(self, folder: str) -> list[str]:
        """Return the paths of all files below a folder, sorted by code point."""
        self._refuse_outside(folder)
        prefix = folder.rstrip("/") + "/"
        paths = self.paths()
        first = bisect_left(paths, prefix)
        # The first string after all that begin with the prefix: "/" is followed by "0".
        last = bisect_left(paths, prefix[:-1] + chr(ord("/") + 1))
        return paths[first:last]

    def check(self, paths: Sequence[str]) -> None:
        """Refuse raw data that lacks one of these files, naming all that are missing."""
        missing = [path for path in paths if not self.has(path)]
        if missing:
            raise RawDataError("\n".join(self._missing(path) for path in missing))

    def _refuse_outside(self, path: str) -> None:
        """Refuse a path that leaves the tree: paths may be made of cells of the raw data."""
        if path.startswith("/") or (".." in path and ".." in path.split("/")):
            raise RawDataError(f"Raw file '{path}' would lie outside {self.root}.")

    def _missing(self, path: str) -> str:
        places = [str(self.root / path) if self._whole is None else f"inside {self.root}"]
        places += [
            f"inside {self.root / archive.path}" + (f" (from {archive.url})" if archive.url else "")
            for archive in self._archives
            if PurePosixPath(path).is_relative_to(archive.extract_to)
        ]
        return f"Raw file '{path}' is missing: looked for {' and '.join(places)}. {self._hint}"

    def close(self) -> None:
        """Close all archives and remove what was extracted."""
        with self._lock:
            for archive in [self._whole, *self._opened.values()]:
                if archive is not None:
                    archive.close()
            self._opened.clear()
        shutil.rmtree(self._scratch, ignore_errors=True)
