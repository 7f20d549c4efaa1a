"""Folders as streams of bytes: packed on one machine, unpacked on another that trusts neither.

What an agent left may be anything: links to wherever, pipes, trees without end. Nothing of it is
followed, and nothing is made outside of the folder that is unpacked into.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import tarfile
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, cast

from mlebench_data.errors import IntegrityError
from mlebench_data.harness.cluster.messages import CHUNK_BYTES
from mlebench_data.harness.state import patiently

#: What is carried of a folder at most: bytes, files and folders, and folders within each other.
MAX_BYTES = 10 * 1024**3
MAX_ENTRIES = 100_000
MAX_DEPTH = 64

#: Header of a file whose content is not carried: a hole of that many bytes stands for it.
_HOLLOW = "MLEBENCH.hollow"
_BLOCK = tarfile.BLOCKSIZE
#: What the system says to names and sizes that no `pack` has found anywhere.
_ITS_FAULT = (errno.ENAMETOOLONG, errno.EINVAL, errno.EFBIG, errno.EILSEQ)


def pack(
    folder: Path,
    left_out: list[str],
    *,
    skip: Collection[str] = (),
    hollow: Collection[str] = (),
    max_bytes: int = MAX_BYTES,
    max_entries: int = MAX_ENTRIES,
    opens: bool = True,
) -> Iterator[bytes]:
    """Yield the archive of a folder in chunks.

    Parameters
    ----------
    folder : pathlib.Path
        What is packed. No process changes it any more.
    left_out : list of str
        Gets one line for each thing that is not packed.
    skip : collection of str
        Names at its top that do not belong to it.
    hollow : collection of str
        Files of which only name, mode and size are packed.
    max_bytes, max_entries : int
        What is packed at most. Files come before the folders beside them.
    opens : bool
        Whether folders are opened for their owner first, as what an agent closed has to be.

    Yields
    ------
    bytes
        At most `CHUNK_BYTES`.
    """
    buffer = bytearray()
    entries = _walk(folder, "", left_out, skip, opens)
    for part in _parts(folder, entries, left_out, hollow, max_bytes, max_entries):
        buffer += part
        while len(buffer) >= CHUNK_BYTES:
            yield bytes(buffer[:CHUNK_BYTES])
            del buffer[:CHUNK_BYTES]
    buffer += bytes(2 * _BLOCK)
    yield bytes(buffer)


def _parts(
    folder: Path,
    entries: Iterator[tuple[str, os.stat_result]],
    left_out: list[str],
    hollow: Collection[str],
    max_bytes: int,
    max_entries: int,
) -> Iterator[bytes]:
    used = 0
    count = 0
    for path, status in entries:
        count += 1
        if count > max_entries:
            left_out.append(f"{path} and whatever follows: more than {max_entries:,} files")
            return
        member = tarfile.TarInfo(path)
        member.mode = stat.S_IMODE(status.st_mode) & 0o777
        member.mtime = int(status.st_mtime)
        if stat.S_ISREG(status.st_mode):
            if path in hollow:
                member.pax_headers = {_HOLLOW: str(status.st_size)}
                yield _header(member)
            elif used + status.st_size > max_bytes:
                left_out.append(
                    f"{path}: {status.st_size:,} bytes, with which all would have more than "
                    f"{max_bytes:,}"
                )
            else:
                used += status.st_size
                yield from _file(folder / path, path, member, left_out)
            continue
        if stat.S_ISDIR(status.st_mode):
            member.type = tarfile.DIRTYPE
        elif stat.S_ISLNK(status.st_mode):
            member.type = tarfile.SYMTYPE
            member.linkname = os.readlink(folder / path)  # noqa: PTH115 - as it stands
        elif stat.S_ISFIFO(status.st_mode):
            member.type = tarfile.FIFOTYPE
        else:
            # A socket or device: nothing that could be kept.
            continue
        yield _header(member)


def _walk(
    folder: Path, prefix: str, left_out: list[str], skip: Collection[str], opens: bool
) -> Iterator[tuple[str, os.stat_result]]:
    """Yield everything below a folder, folders before what is in them, following no links."""
    try:
        if opens:
            (folder / prefix).chmod(0o755)
        entries = sorted(os.scandir(folder / prefix), key=lambda entry: entry.name)
    except OSError as error:
        left_out.append(f"{prefix or folder.name}: {error.strerror}")
        return
    # Plain files first, so that a limit cuts off what is deep.
    for entry in sorted(entries, key=lambda entry: entry.is_dir(follow_symlinks=False)):
        path = f"{prefix}/{entry.name}" if prefix else entry.name
        if not prefix and entry.name in skip:
            continue
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError as error:
            left_out.append(f"{path}: {error.strerror}")
            continue
        yield path, status
        if stat.S_ISDIR(status.st_mode):
            if path.count("/") + 2 > MAX_DEPTH:
                left_out.append(f"{path}: what is in it lies too deep")
            else:
                yield from _walk(folder, path, left_out, (), opens)


def _file(place: Path, path: str, member: tarfile.TarInfo, left_out: list[str]) -> Iterator[bytes]:
    try:
        handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        left_out.append(f"{path}: {error.strerror}")
        return
    with os.fdopen(handle, "rb") as stream:
        member.size = os.fstat(handle).st_size
        yield _header(member)
        left = member.size
        while left:
            data = stream.read(min(left, CHUNK_BYTES))
            if not data:
                # The header has promised them.
                left_out.append(f"{path}: the last {left:,} bytes, for it has become shorter")
                data = bytes(min(left, CHUNK_BYTES))
            left -= len(data)
            yield data
    yield bytes(-member.size % _BLOCK)


def _header(member: tarfile.TarInfo) -> bytes:
    return member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


class _Chunks(io.RawIOBase):
    """A file that reads from an iterator of chunks."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        super().__init__()
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
        count = len(self._rest) if size < 0 else size
        data, self._rest = bytes(self._rest[:count]), self._rest[count:]
        return data


def unpack(
    chunks: Iterable[bytes],
    folder: Path,
    *,
    reserved: Collection[str] = (),
    cancelled: threading.Event | None = None,
    tell: Callable[[str], None] = lambda text: None,
    max_bytes: int = MAX_BYTES,
) -> None:
    """Make the folder that was packed.

    Parameters
    ----------
    chunks : iterable of bytes
        What `pack` yielded; it is read to its end.
    folder : pathlib.Path
        Where; made here.
    reserved : collection of str
        Names that must not be at its top.
    cancelled : threading.Event, optional
        While it is not set, a full disk is waited for.
    tell : callable
        Told that the disk is full.
    max_bytes : int
        What the contents may have together.

    Raises
    ------
    IntegrityError
        If it is no such archive, or holds what `pack` never puts into one.
    OSError
        If the folder cannot be written.
    """
    stop = cancelled if cancelled is not None else threading.Event()
    if cancelled is None:
        stop.set()

    def write(do: Callable[[], Any]) -> None:
        patiently(lambda: cast(None, do()), stop, tell)

    source = iter(chunks)
    write(folder.mkdir)
    folders = {""}
    seen: set[str] = set()
    used = 0
    try:
        with tarfile.open(
            mode="r|", fileobj=cast(Any, _Chunks(source)), errors="surrogateescape"
        ) as archive:
            for member in archive:
                path = _checked(member.name, folders, seen, reserved)
                seen.add(path)
                if len(seen) > MAX_ENTRIES:
                    raise IntegrityError(f"The archive holds more than {MAX_ENTRIES:,} files.")
                target = folder / path
                used += member.size
                if used > max_bytes:
                    raise IntegrityError(f"The archive holds more than {max_bytes:,} bytes.")
                if member.isdir():
                    folders.add(path)
                    write(target.mkdir)
                elif member.issym():
                    _make_link(target, member.linkname, write)
                elif member.isfifo():
                    _make_pipe(target, member.mode & 0o777, write)
                elif member.isreg() and not member.islnk():
                    _write_file(archive, member, target, write)
                else:
                    raise IntegrityError(f"The archive holds {path!r}, which is no plain file.")
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise IntegrityError(f"The archive is damaged or was cut off: {error}") from error
    except OSError as error:
        if error.errno not in _ITS_FAULT:
            raise
        raise IntegrityError(f"The archive asks for what cannot be: {error}") from error
    for _ in source:
        continue


def _checked(name: str, folders: set[str], seen: set[str], reserved: Collection[str]) -> str:
    """Return the path of a member, if it leads to where nothing is yet, in a folder made here."""
    parts = PurePosixPath(name).parts
    path = "/".join(parts)
    parent = "/".join(parts[:-1])
    if (
        not parts
        or path != name
        or name.startswith("/")
        or ".." in parts
        or parts[0] in reserved
        or path in seen
        # Never through a link, for links are no folders.
        or parent not in folders
        or len(parts) > MAX_DEPTH
    ):
        raise IntegrityError(f"The archive holds {name!r}, which must not be there.")
    return path


def _make_link(target: Path, text: str, write: Callable[[Callable[[], Any]], None]) -> None:
    # Where it leads does not matter: nobody follows what an agent left.
    write(lambda: target.symlink_to(text))


def _make_pipe(target: Path, mode: int, write: Callable[[Callable[[], Any]], None]) -> None:
    write(lambda: os.mkfifo(target, mode))


def _write_file(
    archive: tarfile.TarFile,
    member: tarfile.TarInfo,
    target: Path,
    write: Callable[[Callable[[], Any]], None],
) -> None:
    handle = -1

    def make() -> None:
        nonlocal handle
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(target, flags, 0o600)

    write(make)
    try:
        hollow = member.pax_headers.get(_HOLLOW)
        if hollow is not None:
            os.ftruncate(handle, int(hollow))
        stream = archive.extractfile(member)
        assert stream is not None
        while data := stream.read(CHUNK_BYTES):
            write_all(handle, data, write)
        os.fchmod(handle, member.mode & 0o777)
        os.utime(handle, (member.mtime, member.mtime))
    finally:
        os.close(handle)


def write_all(handle: int, data: bytes, write: Callable[[Callable[[], Any]], None]) -> None:
    """Write all of the data to an open file; `write` tries again what a full disk refuses.

    Parameters
    ----------
    handle : int
        The file.
    data : bytes
        What is written.
    write : callable
        Calls what it is given until it succeeds.
    """
    view = memoryview(data)

    def step() -> None:
        nonlocal view
        view = view[os.write(handle, view) :]

    while view:
        write(step)
