"""The members of archives among the public files: where their bytes are, and how to read them."""

from __future__ import annotations

import os
import struct
import tarfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING

from mlebench_data.hub.errors import PackError
from mlebench_data.raw.archives import kind_of, open_archive

if TYPE_CHECKING:
    from mlebench_data.hub.source import PublicTree

_LOCAL_HEADER = struct.Struct("<4s22xHH")


@dataclass(frozen=True, slots=True)
class Member:
    """One file in an archive.

    Attributes
    ----------
    size : int
        Its bytes.
    offset : int or None
        Where these bytes stand in the archive; None if it holds them in another form.
    read : callable
        Returns them. May be called from any thread.
    """

    size: int
    offset: int | None
    read: Callable[[], bytes]


class Members(ABC):
    """An archive whose members are found by name."""

    @abstractmethod
    def names(self) -> Iterable[str]:
        """Return the names of all files."""

    @abstractmethod
    def find(self, name: str) -> Member | None:
        """Return a member, None if there is none of this name."""

    @abstractmethod
    def close(self) -> None:
        """Release what is open."""


def read_at(stream: IO[bytes], offset: int, size: int, path: Path) -> bytes:
    """Read bytes of a file without moving its position, so that threads may share it.

    Raises
    ------
    PackError
        If the file ends before.
    """
    parts = []
    while size:
        part = os.pread(stream.fileno(), size, offset)
        if not part:
            raise PackError(f"{path} ends within a member: it is damaged.")
        parts.append(part)
        offset += len(part)
        size -= len(part)
    return b"".join(parts)


class _Zip(Members):
    """A zip file. Stored members are read where they stand."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with zipfile.ZipFile(path) as archive:
                self._members = {
                    info.filename: info for info in archive.infolist() if not info.is_dir()
                }
        except (zipfile.BadZipFile, EOFError) as error:
            raise PackError(f"{path} is no zip archive: {error}.") from error
        self._stream = path.open("rb")

    def names(self) -> Iterable[str]:
        return self._members

    def find(self, name: str) -> Member | None:
        info = self._members.get(name)
        if info is None:
            return None
        if info.flag_bits & 0x1 or info.compress_type not in (
            zipfile.ZIP_STORED,
            zipfile.ZIP_DEFLATED,
        ):
            raise PackError(f"{self._path}: '{name}' is encrypted or of an unknown compression.")
        header = read_at(self._stream, info.header_offset, _LOCAL_HEADER.size, self._path)
        signature, name_length, extra_length = _LOCAL_HEADER.unpack(header)
        if signature != b"PK\x03\x04":
            raise PackError(f"{self._path} is damaged at '{name}'.")
        start = info.header_offset + _LOCAL_HEADER.size + name_length + extra_length
        is_stored = info.compress_type == zipfile.ZIP_STORED

        def read() -> bytes:
            content = read_at(self._stream, start, info.compress_size, self._path)
            if not is_stored:
                try:
                    content = zlib.decompress(
                        content, wbits=-zlib.MAX_WBITS, bufsize=info.file_size
                    )
                except zlib.error as error:
                    raise PackError(f"{self._path} is damaged at '{name}': {error}.") from error
            if len(content) != info.file_size or zlib.crc32(content) != info.CRC:
                raise PackError(f"{self._path} is damaged at '{name}': its checksum differs.")
            return content

        return Member(info.file_size, start if is_stored else None, read)

    def close(self) -> None:
        self._stream.close()


class _Tar(Members):
    """A tar file that is not compressed, whatever its name says."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._members: dict[str, tuple[int, int]] = {}
        with tarfile.open(path, "r:") as archive:
            while (info := archive.next()) is not None:
                if info.isreg() and not info.issparse():
                    self._members[info.name] = (info.offset_data, info.size)
                # The library keeps all of them, of which there may be very many.
                archive.members = []  # type: ignore[attr-defined]
        self._stream = path.open("rb")

    def names(self) -> Iterable[str]:
        return self._members

    def find(self, name: str) -> Member | None:
        if name not in self._members:
            return None
        offset, size = self._members[name]
        return Member(size, offset, lambda: read_at(self._stream, offset, size, self._path))

    def close(self) -> None:
        self._stream.close()


class _Extracted(Members):
    """An archive that can only be read from its beginning: extracted once, in one pass."""

    def __init__(self, path: Path, scratch: Path) -> None:
        self._archive = open_archive(path, scratch)
        self._folder = scratch

    def names(self) -> Iterable[str]:
        return self._archive.names()

    def find(self, name: str) -> Member | None:
        path = self._folder / name
        return Member(path.stat().st_size, None, path.read_bytes) if path.is_file() else None

    def close(self) -> None:
        self._archive.close()


def open_in_place(path: Path) -> Members | None:
    """Open an archive whose members can be read where they stand.

    Parameters
    ----------
    path : pathlib.Path
        Any file.

    Returns
    -------
    Members or None
        None if the file is no zip and no plain tar, by its name or by what it holds.
    """
    try:
        kind = kind_of(path.name)
        if kind == "zip":
            return _Zip(path)
        return _Tar(path) if kind == "tar" else None
    except (tarfile.ReadError, PackError):
        return None


def open_members(path: Path, scratch: Path) -> Members:
    """Open an archive.

    Parameters
    ----------
    path : pathlib.Path
        A zip, tar (also compressed) or 7z file.
    scratch : pathlib.Path
        New folder for what must be extracted.

    Raises
    ------
    PackError
        If it is a damaged zip file, or of an unknown kind.
    RawDataError
        If it must be extracted and is damaged.
    """
    kind = kind_of(path.name)
    if kind is None:
        raise PackError(f"{path} is no archive that can be read: .zip, .tar..., and .7z can.")
    if kind == "zip":
        return _Zip(path)
    # A tar that cannot be read in place is compressed, or damaged, which its reader says.
    return open_in_place(path) or _Extracted(path, scratch)


class Archives:
    """The archives of a public tree, each opened once. A context manager.

    Parameters
    ----------
    tree : PublicTree
        The files.
    scratch : pathlib.Path
        Folder for what must be extracted.
    """

    def __init__(self, tree: PublicTree, scratch: Path) -> None:
        self._tree = tree
        self._scratch = scratch
        self._open: dict[str, Members] = {}
        self._streams: dict[Path, IO[bytes]] = {}

    def read_at(self, path: Path, offset: int, size: int) -> bytes:
        """Return bytes of a file, which stays open for the next ones."""
        if path not in self._streams:
            self._streams[path] = path.open("rb")
        return read_at(self._streams[path], offset, size, path)

    def open(self, name: str) -> Members:
        """Return the members of an archive among the public files."""
        if name not in self._open:
            folder = self._scratch / f"archive-{len(self._open)}"
            self._open[name] = open_members(self._tree.path(name), folder)
        return self._open[name]

    def __enter__(self) -> Archives:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for members in self._open.values():
            members.close()
        for stream in self._streams.values():
            stream.close()
