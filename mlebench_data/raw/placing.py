"""Putting a file of the raw data into the prepared tree without copying it, where that is safe."""

# Plain `os` functions on strings: a pathlib call for each step doubles the time of a small file.
# ruff: noqa: PTH101, PTH108

from __future__ import annotations

import fcntl
import os
import stat

# Prepared files are read-only, and the same everywhere, whether they were linked or copied.
FILE_MODE = 0o444

# Smaller files are copied faster than it is found out whether they can be cloned.
_CLONE_FROM = 1 << 16
_CLONE = 0x40049409  # ioctl FICLONE of linux/fs.h: share the blocks until one side is written


def place(source: str, target: str, *, link: bool) -> bool:
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

    Returns
    -------
    bool
        False if there is no such source file; nothing is done then.

    Raises
    ------
    FileExistsError
        If the target exists.
    OSError
        If the source cannot be read or the target cannot be written.
    """
    try:
        status = os.lstat(source)
        if stat.S_ISLNK(status.st_mode):
            source = os.path.realpath(source)
            status = os.lstat(source)
    except (FileNotFoundError, NotADirectoryError):
        return False
    if not stat.S_ISREG(status.st_mode):
        return False
    if not (link and _link(source, target, status.st_mode)):
        _copy(source, target)
    return True


def _link(source: str, target: str, mode: int) -> bool:
    """Make a read-only hard link; False where that cannot be."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:
        return False  # another file system, or one without links
    if stat.S_IMODE(mode) != FILE_MODE:
        try:
            os.chmod(target, FILE_MODE)
        except OSError:
            os.unlink(target)  # the raw file belongs to somebody else: leave it alone
            return False
    return True


def _copy(source: str, target: str) -> None:
    reader = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        writer = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        try:
            if not _clone(reader, writer):
                while block := os.read(reader, 1 << 20):
                    while block:
                        block = block[os.write(writer, block) :]
        finally:
            os.close(writer)
    finally:
        os.close(reader)


def _clone(reader: int, writer: int) -> bool:
    """Share blocks with the source; False where the file system cannot."""
    if os.fstat(reader).st_size < _CLONE_FROM:
        return False
    try:
        fcntl.ioctl(writer, _CLONE, reader)
    except OSError:
        return False
    return True
