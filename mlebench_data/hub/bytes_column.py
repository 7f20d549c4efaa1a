"""A column of large values, gathered without copying them once more."""

from __future__ import annotations

import weakref
from array import array
from typing import TYPE_CHECKING

from mlebench_data.hub.source import read_checked

if TYPE_CHECKING:
    import pyarrow as pa

    from mlebench_data.prepare.manifest import FileEntry

_SMALLEST = 1 << 20
_LARGEST_KEPT = 1 << 27
"""Bytes of the smallest piece of memory, and of the largest that is used again."""


class Buffers:
    """Memory that is used again as soon as nothing refers to it any more.

    Fresh memory comes from the system page by page, which takes as long as reading the files that
    go into it.
    """

    def __init__(self) -> None:
        self._free: list[bytearray] = []
        self._usual = _SMALLEST

    def take(self, size: int) -> bytearray:
        """Return memory of at least `size` bytes, with anything in it."""
        while self._free:
            found = self._free.pop()
            if len(found) >= size:
                return found
        if size <= _LARGEST_KEPT:
            # What was needed once will be needed again: growing means copying.
            self._usual = max(self._usual, size)
        return bytearray(max(size, self._usual))

    def lend(self, memory: bytearray, size: int) -> pa.Buffer:
        """Return the first bytes of memory as a buffer, and take it back when that is gone."""
        import pyarrow as pa

        shown = memoryview(memory)[:size]
        if _SMALLEST <= len(memory) <= _LARGEST_KEPT:
            weakref.finalize(shown, self._free.append, memory).atexit = False
        return pa.py_buffer(shown)


class BytesColumn:
    """Values of a binary column, one after the other in one piece of memory.

    Parameters
    ----------
    buffers : Buffers, optional
        Where the memory comes from; columns of one table may share it.
    """

    def __init__(self, buffers: Buffers | None = None) -> None:
        self._buffers = buffers or Buffers()
        self._start()

    def _start(self) -> None:
        self._memory = bytearray()
        self._ends = array("i", [0])
        self._missing: set[int] = set()

    def __len__(self) -> int:
        return len(self._ends) - 1

    @property
    def nbytes(self) -> int:
        """Bytes of all values so far."""
        return self._ends[-1]

    def _room(self, size: int) -> memoryview:
        """Return `size` bytes of memory after the values so far."""
        used = self.nbytes
        if used + size > len(self._memory):
            larger = self._buffers.take(max(used + size, 2 * len(self._memory)))
            larger[:used] = memoryview(self._memory)[:used]
            self._memory = larger
        return memoryview(self._memory)[used : used + size]

    def append(self, value: bytes | None) -> None:
        """Append one value."""
        if value is None:
            self._missing.add(len(self))
            self._ends.append(self.nbytes)
            return
        self._room(len(value))[:] = value
        self._ends.append(self.nbytes + len(value))

    def append_file(self, path: str, entry: FileEntry) -> None:
        """Append the content of a prepared file, refused if it is not the manifest's.

        Parameters
        ----------
        path : str
            Where it lies.
        entry : FileEntry
            What the manifest says of it.

        Raises
        ------
        IntegrityError
            If the content is another.
        """
        read_checked(path, entry, self._room(entry.size + 1))
        self._ends.append(self.nbytes + entry.size)

    def finish(self) -> pa.Array:
        """Return the values as an array, and begin anew."""
        import pyarrow as pa

        count = len(self)
        valid = None
        if self._missing:
            present = pa.array([row not in self._missing for row in range(count)], pa.bool_())
            valid = present.buffers()[1]
        values = self._buffers.lend(self._memory, self.nbytes)
        found = pa.Array.from_buffers(
            pa.binary(), count, [valid, pa.py_buffer(self._ends), values], len(self._missing)
        )
        self._start()
        return found
