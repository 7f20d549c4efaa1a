"""Putting files into the prepared tree, without copying where that is safe, and describing them."""

# Plain `os` functions on strings: a pathlib call for each step doubles the time of a small file.
# ruff: noqa: PTH108

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
from typing import IO, NamedTuple

# Prepared files are read-only, and the same everywhere, whether they were linked or copied.
FILE_MODE = 0o444
# Private data is for its owner alone: an agent that runs as another user cannot read it.
PRIVATE_MODE = 0o400

_BLOCK = 1 << 20
# Smaller files are copied faster than it is found out whether they can be cloned.
_CLONE_FROM = 1 << 16
_CLONE = 0x40049409  # ioctl FICLONE of linux/fs.h: share the blocks until one side is written
# Opening must not wait for the other end of a pipe that lies among the raw files.
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class FileFacts(NamedTuple):
    """What the manifest says of a file, and by what a later change is noticed.

    Attributes
    ----------
    size : int
        Bytes.
    sha256 : str
        Digest of the content.
    mode : int
        Permissions.
    inode, changed : int
        Number of the file in its file system, and when it was last written, in nanoseconds.
    """

    size: int
    sha256: str
    mode: int
    inode: int
    changed: int

    def still_hold(self, status: os.stat_result) -> bool:
        """Tell whether a file is the one that was described."""
        return (
            status.st_ino == self.inode
            and status.st_mtime_ns == self.changed
            and status.st_size == self.size
        )


Order = tuple[str, str, bool, int]
"""A file to be placed: source, target, whether a hard link will do, permissions (see `place`)."""


def place_all(orders: list[Order]) -> list[FileFacts | None]:
    """Place several files (`place`)."""
    return [place(*order) for order in orders]


def describe_all(files: list[tuple[str, int | None]]) -> list[FileFacts]:
    """Describe several files (`describe`)."""
    return [describe(path, mode) for path, mode in files]


def place(source: str, target: str, link: bool, mode: int) -> FileFacts | None:
    """Make a file appear at another place: as a hard link, else a clone, else a copy.

    A hard link shares its content and its mode with the raw file. It is therefore only made when
    both can be made read-only, so that a later write to the prepared tree fails instead of changing
    the raw data.

    Parameters
    ----------
    source, target : str
        Paths; the target must not exist.
    link : bool
        Whether a hard link may be made.
    mode : int
        Permissions of the target.

    Returns
    -------
    FileFacts or None
        None if there is no such source file; nothing is done then.

    Raises
    ------
    FileExistsError
        If the target exists.
    OSError
        If the source cannot be read or the target cannot be written.
    """
    facts = _link(source, target, mode) if link else None
    return facts or _copy(source, target, mode)


def describe(path: str, mode: int | None) -> FileFacts:
    """Describe a file.

    Parameters
    ----------
    path : str
        The file.
    mode : int, optional
        Permissions that it is given first.
    """
    descriptor = os.open(path, _READ)
    try:
        return _read(descriptor, _with_mode(descriptor, mode))
    finally:
        os.close(descriptor)


def write(source: IO[bytes], target: str, mode: int) -> FileFacts:
    """Write what a stream holds to a new file.

    Parameters
    ----------
    source : binary file
        What is written.
    target : str
        Path; must not exist.
    mode : int
        Permissions of the target.

    Raises
    ------
    FileExistsError
        If the target exists.
    """
    writer = os.open(target, _NEW, mode)
    digest = hashlib.sha256()
    try:
        while block := source.read(_BLOCK):
            digest.update(block)
            _write(writer, block)
        return _facts(_with_mode(writer, mode), digest.hexdigest())
    finally:
        os.close(writer)


def _link(source: str, target: str, mode: int) -> FileFacts | None:
    """Make a read-only hard link; None where that cannot be."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:
        return None  # no such file, or another file system, or one without links
    try:
        descriptor = os.open(target, _READ | os.O_NOFOLLOW)
    except OSError as error:
        os.unlink(target)
        # A link to a symbolic link: what that leads to is meant.
        return _link(os.path.realpath(source), target, mode) if error.errno == errno.ELOOP else None
    try:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            return _read(descriptor, _with_mode(descriptor, mode, status))
    except PermissionError:
        pass  # the raw file belongs to somebody else: leave it alone
    finally:
        os.close(descriptor)
    os.unlink(target)
    return None


def _copy(source: str, target: str, mode: int) -> FileFacts | None:
    try:
        reader = os.open(source, _READ)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        status = os.fstat(reader)
        if not stat.S_ISREG(status.st_mode):
            return None
        writer = os.open(target, _NEW, mode)
        try:
            cloned = status.st_size >= _CLONE_FROM and _clone(reader, writer)
            digest = hashlib.sha256()
            while block := os.read(reader, min(status.st_size + 1, _BLOCK)):
                digest.update(block)
                if not cloned:
                    _write(writer, block)
            return _facts(_with_mode(writer, mode), digest.hexdigest())
        finally:
            os.close(writer)
    finally:
        os.close(reader)


def _with_mode(
    descriptor: int, mode: int | None, status: os.stat_result | None = None
) -> os.stat_result:
    """Return the status of a file that has been given a mode."""
    status = status or os.fstat(descriptor)
    if mode is None or stat.S_IMODE(status.st_mode) == mode:
        return status
    os.fchmod(descriptor, mode)
    return os.fstat(descriptor)


def _read(descriptor: int, status: os.stat_result) -> FileFacts:
    """Describe an open file."""
    # Room for the file and no more: memory for a large block costs more than reading a small file.
    room = min(status.st_size + 1, _BLOCK)
    block = os.read(descriptor, room)
    digest = hashlib.sha256(block)
    # One byte less than there was room for is the end of a small file: no need to ask again.
    if len(block) != status.st_size:
        while block := os.read(descriptor, room):
            digest.update(block)
    return _facts(status, digest.hexdigest())


def _facts(status: os.stat_result, sha256: str) -> FileFacts:
    return FileFacts(
        status.st_size, sha256, stat.S_IMODE(status.st_mode), status.st_ino, status.st_mtime_ns
    )


def _write(writer: int, block: bytes) -> None:
    while block:
        block = block[os.write(writer, block) :]


def _clone(reader: int, writer: int) -> bool:
    """Share blocks with the source; False where the file system cannot."""
    try:
        fcntl.ioctl(writer, _CLONE, reader)
    except OSError:
        return False
    return True
