"""What of an attempt is sent while its agent works, so that a lost node costs little."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from mlebench_data.harness.attempt import LOG_NAME
from mlebench_data.harness.cluster.messages import CHUNK_BYTES, FilePiece, LogPiece
from mlebench_data.harness.collect import FILE_NAME as SUBMISSION_NAME
from mlebench_data.harness.collect import UnsafeSubmissionError, find_submission
from mlebench_data.harness.executor import SNAPSHOTS
from mlebench_data.harness.runtimes.snapshots import seconds_of

SUBMISSION = f"submission/{SUBMISSION_NAME}"
_USAGE = "usage.json"
#: Seconds between two looks at the submission, and bytes for which there is one more.
_SUBMISSION_SECONDS = 10.0
_BYTES_A_SECOND = 1024 * 1024
#: Most that is read of a file that nothing else limits.
_SMALL = 1024 * 1024

_Mark = tuple[int, int, int]


class Mirror:
    """Tells what has changed in an attempt's folder since it was last asked.

    Parameters
    ----------
    folder : pathlib.Path
        The attempt's folder, in which an agent works.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log_offset = 0
        self._sent: dict[str, _Mark] = {}
        self._seen: _Mark | None = None
        self._next_look = 0.0

    def changes(self) -> Iterator[LogPiece | FilePiece]:
        """Yield what is new: of the log, of the copies of the submission, and the submission."""
        yield from self._log()
        for path in sorted((self._folder / SNAPSHOTS).glob("*.csv")):
            # An agent without isolation may have put others there, which nobody scores.
            if seconds_of(path.name) is not None:
                yield from self._file(path, f"{SNAPSHOTS}/{path.name}")
        usage = self._folder / _USAGE
        mark = _mark(usage)
        if mark is not None and mark[1] <= _SMALL:
            yield from self._file(usage, _USAGE)
        if time.monotonic() >= self._next_look:
            yield from self._submission()

    def _log(self) -> Iterator[LogPiece]:
        path = self._folder / LOG_NAME
        # A piece at a time: the rest comes with the next look, and everything at the end.
        handle = _open(path)
        if handle is None:
            return
        with os.fdopen(handle, "rb") as stream:
            if os.fstat(handle).st_size < self._log_offset:
                self._log_offset = 0
            stream.seek(self._log_offset)
            data = stream.read(CHUNK_BYTES)
        if data:
            yield LogPiece(self._log_offset, data)
            self._log_offset += len(data)

    def _submission(self) -> Iterator[FilePiece]:
        self._next_look = time.monotonic() + _SUBMISSION_SECONDS
        try:
            path = find_submission(self._folder / "submission")
        except UnsafeSubmissionError:
            return  # scoring will say so
        mark = None if path is None else _mark(path)
        if path is None or mark is None:
            return
        # One that is being written is waited for.
        if mark == self._seen:
            self._next_look += mark[1] / _BYTES_A_SECOND
            yield from self._file(path, SUBMISSION)
        self._seen = mark

    def _file(self, path: Path, name: str) -> Iterator[FilePiece]:
        mark = _mark(path)
        if mark is None or self._sent.get(name) == mark:
            return
        handle = _open(path)
        if handle is None:
            return
        with os.fdopen(handle, "rb") as stream:
            offset = 0
            while True:
                data = stream.read(min(CHUNK_BYTES, mark[1] - offset))
                # Without a last piece, what was sent is forgotten.
                last = offset + len(data) == mark[1] and _mark(path) == mark
                yield FilePiece(name, offset, data, last)
                offset += len(data)
                if last or not data:
                    break
        if last:
            self._sent[name] = mark


def _mark(path: Path) -> _Mark | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return (status.st_ino, status.st_size, status.st_mtime_ns)


def _open(path: Path) -> int | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    return None
