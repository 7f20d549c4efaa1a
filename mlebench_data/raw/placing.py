"""Putting a file of the raw data into the prepared tree without copying it, where that is safe."""

# Plain `os` functions on strings: a pathlib call for each step doubles the time of a small file.
# ruff: noqa: PTH101, PTH108, PTH123

from __future__ import annotations

import fcntl
import os
import shutil
import stat

# Prepared files are read-only, and the same everywhere, whether they were linked or copied.
FILE_MODE = 0o444

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
    with open(source, "rb", buffering=0) as reader, open(target, "xb", buffering=0) as writer:
        try:
            fcntl.ioctl(writer.fileno(), _CLONE, reader.fileno())
            return
        except OSError:
            pass  # the file system cannot clone
        shutil.copyfileobj(reader, writer, 1 << 20)
