"""How much an agent has written, looked at while it writes."""

from __future__ import annotations

import errno
import math
import os
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from mlebench_data.harness.runtimes.base import HowEnded

#: What each file or folder costs at least: its entry, and one block.
ENTRY_BYTES = 4096

_SHORTEST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0
#: A look may take this part of the time, unless the disk fills up quickly.
_SHARE = 0.05
_PATH_BYTES = 2000
#: Folders with longer paths than that; more of them can only serve to hide something.
_MOST_ANCHORS = 64


class DiskWatch:
    """Looks at how much has been written; the more seldom, the more files there are.

    Between two looks at all files, the free space of the file systems is looked at, which costs
    nothing. When it falls as if the limit were near, all files are looked at again.

    Parameters
    ----------
    folders : sequence of pathlib.Path
        Folders on the host that the agent may fill.
    limit : int
        Bytes that they may hold together.
    layer : callable, optional
        Returns the bytes that it has written elsewhere.
    """

    def __init__(
        self, folders: Sequence[Path], limit: int, *, layer: Callable[[], int] | None = None
    ) -> None:
        self.peak_bytes = 0
        self._folders = tuple(folders)
        self._limit = limit
        self._layer = layer
        self._looks = 0
        self._due = 0.0
        self._free = 0
        self._last: tuple[float, float] | None = None

    def __call__(self, elapsed: float) -> float | HowEnded:
        """Look; return when to look again, or that the limit is passed."""
        free = self._free_bytes()
        used, began = self.peak_bytes, time.monotonic()
        fallen = self._free - free > (self._limit - (self._last or (0, 0))[1]) / 2
        if elapsed < self._due and not fallen:
            return elapsed + min(_SHORTEST_PAUSE * 5, self._due - elapsed)
        found = sum(tree_bytes(folder) for folder in self._folders)
        if self._layer is not None and found <= self._limit:
            found += self._layer()
        if not math.isinf(found):
            self.peak_bytes = max(used, int(found))
        if found > self._limit:
            return "disk_limit"
        cost = time.monotonic() - began
        self._free = free
        self._looks += 1
        # Soon after the start, little is known of the agent yet.
        pause = min(_LONGEST_PAUSE, _SHORTEST_PAUSE * 2 ** min(self._looks, 10))
        if self._last is not None and found > self._last[1]:
            rate = (found - self._last[1]) / max(elapsed - self._last[0], 1e-3)
            pause = min(pause, (self._limit - found) / rate / 2)
        self._last = (elapsed, found)
        self._due = elapsed + max(pause, _SHORTEST_PAUSE, cost / _SHARE)
        return min(self._due, elapsed + max(_SHORTEST_PAUSE * 5, cost))

    def _free_bytes(self) -> int:
        """Return the free bytes of all file systems concerned, each once."""
        free = {}
        for folder in self._folders:
            # Without isolation, the agent may have removed it.
            with suppress(FileNotFoundError):
                status = os.statvfs(folder)
                free[folder.stat().st_dev] = status.f_bavail * status.f_frsize
        return sum(free.values())


def tree_bytes(folder: Path) -> float:
    """Return the bytes that a folder takes on its disk, with all that is in it.

    Holes in files cost nothing. Files with several names count once. Links are not followed, and
    other file systems not entered. What changes meanwhile may count or not.

    Parameters
    ----------
    folder : pathlib.Path
        A folder that other processes may be writing.

    Returns
    -------
    float
        Bytes; infinity where folders are nested so deep that they can only hide something.

    Raises
    ------
    OSError
        If something of this account cannot be read.
    """
    total = 0.0
    linked: set[int] = set()
    try:
        top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return 0.0
    device = os.fstat(top).st_dev
    # Paths are relative to an open folder, for a path may be longer than the system allows.
    anchors = [top]
    waiting = [(top, ".")]
    try:
        while waiting:
            anchor, path = waiting.pop()
            try:
                handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=anchor)
            except OSError as error:
                if error.errno in _GONE:
                    continue
                raise
            is_anchor = len(path) > _PATH_BYTES
            if is_anchor:
                anchors.append(handle)
                anchor, path = handle, "."
                if len(anchors) > _MOST_ANCHORS:
                    return math.inf
            try:
                if os.fstat(handle).st_dev != device:
                    continue
                with os.scandir(handle) as entries:
                    for entry in entries:
                        try:
                            status = entry.stat(follow_symlinks=False)
                        except FileNotFoundError:
                            continue
                        if stat.S_ISDIR(status.st_mode):
                            waiting.append((anchor, f"{path}/{entry.name}"))
                        elif status.st_nlink > 1:
                            if status.st_ino in linked:
                                continue
                            linked.add(status.st_ino)
                        total += max(status.st_blocks * 512, ENTRY_BYTES)
            finally:
                if not is_anchor:
                    os.close(handle)
    finally:
        for anchor in anchors:
            os.close(anchor)
    return total


#: Removed, made something else, or closed by an agent for everybody while it was looked at.
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES)
