"""Putting a file of the raw data into the prepared tree without copying it, where that is safe."""

# Plain `os` functions on strings: a pathlib call for each step doubles the time of a small file.
# ruff: noqa: PTH101, PTH108, PTH123

from __future__ import annotations

import os
import shutil

# Prepared files are read-only, and the same everywhere, whether they were linked or copied.
FILE_MODE = 0o444

_CLONE = 0x40049409  # ioctl FICLONE of linux/fs.h: share the blocks until one side is written


def place(source: str, target: str, *, link: bool) -> None:
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

    Raises
    ------
    OSError
        If the source cannot be read or the target cannot be written.
    """
    if link:
        real = os.path.realpath(source)
        try:
            os.link(real, target)
        except FileExistsError:
            raise
        except OSError:
            pass  # another file system, or one without links: a copy does as well
        else:
            try:
                os.chmod(target, FILE_MODE)
                return
            except OSError:
                os.unlink(target)  # the raw file belongs to somebody else: leave it alone
    _copy(source, target)


def _copy(source: str, target: str) -> None:
    import fcntl

    with open(source, "rb") as reader, open(target, "xb") as writer:
        try:
            fcntl.ioctl(writer.fileno(), _CLONE, reader.fileno())
            return
        except OSError:
            pass  # the file system cannot clone
        size = os.fstat(reader.fileno()).st_size
        done = 0
        while done < size:
            try:
                sent = os.copy_file_range(reader.fileno(), writer.fileno(), size - done)
            except OSError:
                break
            if sent == 0:
                break
            done += sent
        reader.seek(done)
        writer.seek(done)
        shutil.copyfileobj(reader, writer, 1 << 20)
