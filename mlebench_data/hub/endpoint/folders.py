"""Folders whose files are opened without ever leaving them."""

from __future__ import annotations

import os
import stat
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from mlebench_data.hub.endpoint.names import is_served

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Opening a named pipe would wait for its writer.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class Entry:
    """One file.

    Attributes
    ----------
    path : str
        Below the folder.
    size : int
        In bytes.
    stamp : tuple of int
        Changes whenever the content does: device, inode, size, time of change in nanoseconds.
    """

    path: str
    size: int
    stamp: tuple[int, int, int, int]

    @classmethod
    def of(cls, path: str, status: os.stat_result) -> Entry:
        """Describe a file by its status."""
        stamp = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        return cls(path, status.st_size, stamp)


class Folder(Protocol):
    """The files of a repository."""

    def entries(self) -> dict[str, Entry]:
        """List the files by path, sorted."""

    def open(self, path: str) -> BinaryIO:
        """Open a file; `OSError` if there is none."""

    def is_current(self) -> bool:
        """Tell whether no file came or went since `entries` was last called."""


class AnchoredFolder:
    """A folder held by its descriptor, in which no symbolic link is followed.

    The descriptor stays with the folder when that is renamed: a reader goes on with the tree it
    began with while another takes its place.

    Parameters
    ----------
    path : pathlib.Path
        The folder, which must exist and be no symbolic link.
    """

    def __init__(self, path: Path) -> None:
        self._place = path
        self._descriptor = os.open(path, _DIRECTORY)
        weakref.finalize(self, os.close, self._descriptor)
        self._times: dict[str, int] = {}

    def entries(self) -> dict[str, Entry]:
        """List the files by path, sorted."""
        entries = {}
        times = {}
        for top, folders, files, descriptor in os.fwalk(
            ".", dir_fd=self._descriptor, onerror=_raise
        ):
            prefix = "" if top == "." else f"{top.removeprefix('./')}/"
            times[top] = os.fstat(descriptor).st_mtime_ns
            # Changed in place: these are not gone into.
            folders[:] = [name for name in folders if is_served(prefix + name)]
            for name in files:
                if not is_served(prefix + name):
                    continue
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    entries[prefix + name] = Entry.of(prefix + name, status)
        self._times = times
        return dict(sorted(entries.items()))

    def open(self, path: str) -> BinaryIO:
        """Open a file; `OSError` if there is none."""
        *folders, name = path.split("/")
        at = os.dup(self._descriptor)
        try:
            for folder in folders:
                below = os.open(folder, _DIRECTORY, dir_fd=at)
                os.close(at)
                at = below
            descriptor = os.open(name, _FILE, dir_fd=at)
        finally:
            os.close(at)
        return _regular(descriptor, path)

    def is_current(self) -> bool:
        """Tell whether this is the folder of that path and no file came or went."""
        try:
            here = self._place.stat(follow_symlinks=False)
            held = os.fstat(self._descriptor)
            return (here.st_dev, here.st_ino) == (held.st_dev, held.st_ino) and all(
                os.stat(top, dir_fd=self._descriptor).st_mtime_ns == time
                for top, time in self._times.items()
            )
        except FileNotFoundError:
            return False


class LinkedFolder:
    """A folder of this package, whose files may be links to files beside it.

    Parameters
    ----------
    path : pathlib.Path
        The folder.
    within : pathlib.Path
        What links may not lead out of.
    """

    def __init__(self, path: Path, within: Path) -> None:
        self._path = path
        self._within = within.resolve()

    def _files(self) -> Iterator[Path]:
        for path in sorted(self._path.iterdir()):
            kept = path.resolve().is_relative_to(self._within) and path.is_file()
            if kept and is_served(path.name) and path.suffix != ".pyc":
                yield path

    def entries(self) -> dict[str, Entry]:
        """List the files by path, sorted."""
        return {path.name: Entry.of(path.name, path.stat()) for path in self._files()}

    def open(self, path: str) -> BinaryIO:
        """Open a file; `OSError` if there is none."""
        for file in self._files():
            if file.name == path:
                return file.open("rb")
        raise FileNotFoundError(path)

    def is_current(self) -> bool:
        """Tell that it has to be listed anew; there are few files."""
        return False


def _raise(error: OSError) -> None:
    # `os.fwalk` would leave out what it cannot list.
    raise error


def _regular(descriptor: int, path: str) -> BinaryIO:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(path)
    return os.fdopen(descriptor, "rb")
