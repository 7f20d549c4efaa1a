"""A file that Arrow writes from front to back, and that is hashed on the way."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK = 1 << 20


class HashedFile:
    """A new file and its digest.

    Arrow writes into the file itself, and a thread reads from the system's memory what was written:
    handing all blocks through Python would cost more.

    Parameters
    ----------
    path : pathlib.Path
        The new file.

    Attributes
    ----------
    sink : pyarrow.OSFile
        Where to write.
    size : int
        Bytes that are hashed; all of them once the file is closed.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        self.sink: pa.OSFile = pa.OSFile(str(path), "wb")
        self.size = 0
        self._reading = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._digest = hashlib.sha256()
        self._block = memoryview(bytearray(_BLOCK))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hashing")
        self._hashing: Future[None] | None = None
        self.closed = False

    @property
    def written(self) -> int:
        """Bytes that are in the file."""
        # Not sink.tell(), which waits until a write is over, and all other threads with it.
        return os.fstat(self._reading).st_size

    @property
    def sha256(self) -> str:
        """Digest of what is hashed."""
        return self._digest.hexdigest()

    def hash_written(self) -> None:
        """Begin to hash what was written so far."""
        if self._hashing is None or self._hashing.done():
            self._hashing = self._thread.submit(self._hash)

    def _hash(self) -> None:
        while count := os.preadv(self._reading, [self._block], self.size):
            self._digest.update(self._block[:count])
            self.size += count

    def close(self) -> None:
        """Close the file, and hash the rest of it."""
        try:
            self.sink.close()
            self._thread.shutdown()
            if self._hashing is not None:
                self._hashing.result()
            self._hash()
        finally:
            self.discard()

    def discard(self) -> None:
        """Close what is open; the digest is of no use any more."""
        if self.closed:
            return
        self.closed = True
        self._thread.shutdown()
        self.sink.close()
        os.close(self._reading)
