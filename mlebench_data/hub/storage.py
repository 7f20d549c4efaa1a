"""What went wrong while a tree was written, told to a person."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlebench_data.hub.errors import RestoreError

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def writing(place: Path, needed: str = "") -> Iterator[None]:
    """Turn errors of the file system into `RestoreError`.

    Parameters
    ----------
    place : pathlib.Path
        What is written.
    needed : str
        How much space that takes, if it is known, as "; 1.5 GB are needed".

    Raises
    ------
    RestoreError
        If the disk is full, or the place cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise RestoreError(
                f"The disk is full: {place} cannot be written{needed}. Nothing half-written was "
                "left there. Free some space (`mlebench cache ls` shows what is cached), or name "
                "another place, and repeat the command: it goes on from where it was."
            ) from error
        where = "" if error.filename in (None, str(place)) else f" ({error.filename})"
        raise RestoreError(
            f"{place} cannot be written: {error.strerror or error}{where}."
        ) from error
