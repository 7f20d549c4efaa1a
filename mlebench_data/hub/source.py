"""The prepared files, checked against their manifest while they are read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from mlebench_data.errors import IntegrityError
from mlebench_data.hub.errors import PackError
from mlebench_data.prepare.manifest import FileEntry


def _changed(path: str | Path) -> IntegrityError:
    return IntegrityError(
        f"{path} has another content than the manifest says. Prepare the data again."
    )


def checked_blocks(folder: Path, entry: FileEntry, block_size: int = 1 << 20) -> Iterator[bytes]:
    """Read a file block by block, at least one, and compare its digest at the end.

    Parameters
    ----------
    folder : pathlib.Path
        The prepared version.
    entry : FileEntry
        The file.
    block_size : int
        Bytes of a block.

    Raises
    ------
    IntegrityError
        If the content is not what the manifest says.
    """
    digest = hashlib.sha256()
    position = 0
    with (folder / entry.path).open("rb") as stream:
        while block := stream.read(block_size):
            digest.update(block)
            position += len(block)
            yield block
    if position == 0:
        yield b""
    if digest.hexdigest() != entry.sha256:
        raise _changed(folder / entry.path)


def read_checked(path: str, entry: FileEntry, into: memoryview) -> None:
    """Read a whole file into memory, and compare its digest.

    Parameters
    ----------
    path : str
        Where the file lies.
    entry : FileEntry
        What the manifest says of it.
    into : memoryview
        `entry.size` bytes and one more, by which a file that grew is noticed.

    Raises
    ------
    IntegrityError
        If the content is not what the manifest says.
    """
    # Plain system calls, and few: there may be millions of small files.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        position = os.readv(descriptor, [into])
        # One call reads at most 2 GiB, and stops at a signal.
        while position < entry.size and (count := os.readv(descriptor, [into[position:]])):
            position += count
    finally:
        os.close(descriptor)
    if position != entry.size or hashlib.sha256(into[:position]).hexdigest() != entry.sha256:
        raise _changed(path)


class PublicTree:
    """The public files of a prepared version, by their path below `public/`.

    Only files of the manifest exist here: nothing that lies beside them gets into a repository.

    Parameters
    ----------
    folder : pathlib.Path
        The prepared version.
    entries : list of FileEntry
        The files of its manifest.
    """

    def __init__(self, folder: Path, entries: list[FileEntry]) -> None:
        self._folder = folder
        self._entries = {
            entry.path.removeprefix("public/"): entry
            for entry in entries
            if entry.path.startswith("public/")
        }

    def names(self) -> list[str]:
        """Return the paths of all files."""
        return list(self._entries)

    def has(self, name: str) -> bool:
        """Tell whether there is a file of this name."""
        return name in self._entries

    def entry(self, name: str) -> FileEntry:
        """Return the manifest's entry of a file.

        Raises
        ------
        PackError
            If there is no such file.
        """
        if name not in self._entries:
            raise PackError(f"There is no file public/{name}, which the dataset's rows refer to.")
        return self._entries[name]

    def path(self, name: str) -> Path:
        """Return where a file lies on disk."""
        return self._folder / self.entry(name).path

    def value(self, name: str, largest: int) -> tuple[str, FileEntry]:
        """Return where a file lies and its entry, for `BytesColumn.append_file`.

        Raises
        ------
        PackError
            If there is no such file, or it is larger than `largest` bytes.
        """
        entry = self.entry(name)
        if entry.size > largest:
            raise PackError(f"public/{name} has {entry.size} bytes, too many for a value in a row.")
        return f"{self._folder}/{entry.path}", entry

    def read(self, name: str, largest: int) -> bytes:
        """Return the content of a file, refused if it is larger than `largest` bytes."""
        path, entry = self.value(name, largest)
        content = memoryview(bytearray(entry.size + 1))
        read_checked(path, entry, content)
        return bytes(content[: entry.size])
