"""Taking the submission out of a folder that an agent could write."""

from __future__ import annotations

import os
import stat
from pathlib import Path

# No competition's submission is larger (the largest known is some 300 MB); more is an accident or
# an attack on the grader's memory.
MAX_BYTES = 8 * 1024**3

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
        If it is no plain file of its own, or too large.
    """
    path = folder / FILE_NAME
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
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
    return path
