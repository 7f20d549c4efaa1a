"""Copies of the submission while the agent goes on writing it."""

from __future__ import annotations

import hashlib
import math
import os
import re
import secrets
import stat
import time
from pathlib import Path

from mlebench_data.harness.collect import MAX_BYTES, UnsafeSubmissionError, find_submission
from mlebench_data.harness.runtimes.sandbox import Snapshots

#: Copies are called `<seconds since start>.csv`.
_NAME = re.compile(r"([0-9]{1,12}(?:\.[0-9]+)?)\.csv")
_TRIES = 5
_PAUSE = 1.0
_CHUNK = 1024 * 1024


def seconds_of(name: str) -> float | None:
    """Return when a copy was made, by the name of its file; None where it is no copy's name."""
    match = _NAME.fullmatch(name)
    return None if match is None else float(match[1])


class SnapshotTaker:
    """Copies the submission now and then, when it has changed, from outside of the sandbox.

    The agent has no part in it and is not held up. What may not be collected at the end is not
    copied either, and a file that is being written is tried again a few times.

    Parameters
    ----------
    snapshots : Snapshots
        When and whereto.
    submission : pathlib.Path
        The submission folder.
    """

    def __init__(self, snapshots: Snapshots, submission: Path) -> None:
        #: Number of copies made.
        self.taken = 0
        #: Why there is no copy of a time: one text each.
        self.missed: list[str] = []
        self._every = snapshots.every_seconds
        self._folder = snapshots.folder
        self._submission = submission
        self._last = self._last_digest()

    def __call__(self, elapsed: float) -> float:
        """Take a copy if it is time to; return when it is time again."""
        turn = math.floor(elapsed / self._every)
        if turn > 0:
            try:
                self._take(elapsed)
            except (OSError, UnsafeSubmissionError) as error:
                self.missed.append(f"{elapsed:.0f} s: {error}")
        return (turn + 1) * self._every

    def _last_digest(self) -> str | None:
        """Return the digest of the newest copy, which an earlier harness may have made."""
        copies = {
            seconds: path
            for path in self._folder.glob("*.csv")
            if (seconds := seconds_of(path.name)) is not None
        }
        if not copies:
            return None
        with copies[max(copies)].open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def _take(self, elapsed: float) -> None:
        if find_submission(self._submission) is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = self._folder / f".{secrets.token_hex(8)}.partial"
        try:
            for attempt in range(_TRIES):
                if attempt:
                    time.sleep(_PAUSE)
                path = find_submission(self._submission)
                if path is None:
                    return
                digest = _copy_unchanged(path, partial)
                if digest is not None:
                    break
            else:
                raise UnsafeSubmissionError("it was being written all the time")
            if digest != self._last:
                partial.replace(self._folder / f"{elapsed:.0f}.csv")
                self._last = digest
                self.taken += 1
        finally:
            partial.unlink(missing_ok=True)


def _copy_unchanged(source: Path, target: Path) -> str | None:
    """Copy a file that others may write; return its SHA-256, or None if it changed meanwhile."""
    # Between the look at it and this, the agent may have put something else in its place.
    handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as stream:
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode) or before.st_nlink != 1:
            return None
        digest = hashlib.sha256()
        left = MAX_BYTES
        with target.open("wb") as copy:
            while chunk := stream.read(min(_CHUNK, left)):
                digest.update(chunk)
                copy.write(chunk)
                left -= len(chunk)
        after = os.fstat(handle)
        try:
            named = os.lstat(source)
        except FileNotFoundError:
            return None
    same = all(
        (item.st_ino, item.st_size, item.st_mtime_ns)
        == (before.st_ino, before.st_size, before.st_mtime_ns)
        for item in (after, named)
    )
    complete = MAX_BYTES - left == before.st_size
    return digest.hexdigest() if same and complete else None
