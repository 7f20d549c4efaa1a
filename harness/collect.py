"""Taking the submission out of a folder that an agent could write."""

from __future__ import annotations

import os
import stat
from pathlib import Path

# No competition's submission is larger (the largest known is some 300 MB); more is an accident or
# an attack on the grader's memory, which takes several times the size of the file.
MAX_BYTES = 1024**3

FILE_NAME = "submission.csv"


class UnsafeSubmissionError(Exception):
    """What lies at the submission's place must not be opened; the message is the reason."""


def find_submission(folder: Path) -> Path | None:
    """Return the submission in a folder, if it is safe to read.

    The folder was writable for the agent, so nothing in it is trusted: a symbolic link could lead
    to the answers, which the harness can read and the agent cannot, and a named pipe would block
    the reader for ever.

    Parameters
    ----------
    folder : pathlib.Path
        The submission folder. No process of the agent may be left.

    Returns
    -------
    pathlib.Path or None
        The file; None if there is none.

    Raises
    ------
    UnsafeSubmissionError
        If it is no plain file of its own, unreadable, or too large.
    """
    path = folder / FILE_NAME
    if folder.is_symlink():
        raise UnsafeSubmissionError("the submission folder was replaced by a symbolic link")
    try:
        # As below: what root could reach all the same is no submission for it either.
        mode = os.lstat(folder).st_mode
        if stat.S_ISDIR(mode) and not mode & stat.S_IXUSR:
            raise UnsafeSubmissionError(
                f"the submission folder cannot be entered (its mode is {stat.S_IMODE(mode):04o})"
            )
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnsafeSubmissionError(f"{FILE_NAME} cannot be reached: {error.strerror}") from error
    if stat.S_ISLNK(status.st_mode):
        raise UnsafeSubmissionError(f"{FILE_NAME} is a symbolic link; it must be a plain file")
    if not stat.S_ISREG(status.st_mode):
        raise UnsafeSubmissionError(f"{FILE_NAME} is not a plain file")
    if status.st_nlink > 1:
        raise UnsafeSubmissionError(f"{FILE_NAME} is a hard link to another file")
    if status.st_size > MAX_BYTES:
        raise UnsafeSubmissionError(
            f"{FILE_NAME} has {status.st_size:,} bytes, more than the {MAX_BYTES:,} allowed"
        )
    # Not left to the attempt to open it: for root, any file opens.
    if not status.st_mode & stat.S_IRUSR:
        mode = stat.S_IMODE(status.st_mode)
        raise UnsafeSubmissionError(f"{FILE_NAME} cannot be read (its mode is {mode:04o})")
    if _has_holes(path, status.st_size):
        raise UnsafeSubmissionError(f"{FILE_NAME} is a sparse file; a CSV file has no holes")
    return path


def _has_holes(path: Path, size: int) -> bool:
    """Tell whether parts of a file were never written: bytes that cost the agent nothing."""
    if not hasattr(os, "SEEK_HOLE"):
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise UnsafeSubmissionError(f"{FILE_NAME} cannot be read: {error.strerror}") from error
    try:
        # Every file ends with a hole of its own; where there is another, it comes first.
        return size > 0 and os.lseek(descriptor, 0, os.SEEK_HOLE) < size
    finally:
        os.close(descriptor)
