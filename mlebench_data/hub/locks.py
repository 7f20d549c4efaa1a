"""Locks between processes: many may use a thing, one may change it; a killed process holds none."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.05


class Lock:
    """A lock on a file that was opened for it, held until it is closed or the process ends.

    Parameters
    ----------
    descriptor : int
        The open file.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def close(self) -> None:
        """Give the lock back; a second time does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except PermissionError:
        pass
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
    # A cache that others fill and this user only reads.
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _try(path: Path, kind: int) -> Lock | None:
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        # Whoever removed the thing has removed its lock file too: this is a lock on nothing then.
        status = os.fstat(descriptor)
        if status.st_nlink and os.path.samestat(status, path.stat()):
            return Lock(descriptor)
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def try_lock(path: Path, *, shared: bool) -> Lock | None:
    """Take a lock if nobody's lock stands against it.

    Parameters
    ----------
    path : pathlib.Path
        The lock file; it is made.
    shared : bool
        Whether others may hold shared locks at the same time.

    Returns
    -------
    Lock or None
        None if it is not to be had now.
    """
    return _try(path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)


def lock(path: Path, what: str, *, shared: bool, timeout: float | None = None) -> Lock | None:
    """Wait for a lock.

    Parameters
    ----------
    path : pathlib.Path
        The lock file; it is made.
    what : str
        What is locked, for the note that tells a person why nothing goes on.
    shared : bool
        Whether others may hold shared locks at the same time.
    timeout : float, optional
        Seconds to wait at most; without limit by default.

    Returns
    -------
    Lock or None
        None if the time was over.
    """
    begin = time.monotonic()
    told = False
    while True:
        taken = try_lock(path, shared=shared)
        if taken is not None:
            return taken
        waited = time.monotonic() - begin
        if timeout is not None and waited >= timeout:
            return None
        if waited > 2 and not told:
            logger.warning("Waiting for another process that has locked %s.", what)
            told = True
        time.sleep(_POLL_SECONDS)


@contextmanager
def exclusive(path: Path, what: str) -> Iterator[Lock]:
    """Hold a lock alone, waited for without limit."""
    taken = lock(path, what, shared=False)
    assert taken is not None
    with taken:
        yield taken
