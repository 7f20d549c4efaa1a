"""A file that is written once from front to back, and hashed on the way."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_SLICE = 1 << 16
"""Bytes handed to the system at a time. For larger ones it looks for memory in large pieces, which
takes longer than the copying where these are rare, as in virtual machines."""


class HashedFile:
    """What `pyarrow.PythonFile` needs to write a file.

    Parameters
    ----------
    path : pathlib.Path
        The new file.

    Attributes
    ----------
    size : int
        Bytes written so far.
    closed : bool
        Whether the file is closed.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666
        )
        self._digest = hashlib.sha256()
        self._abandoned = False
        self.size = 0
        self.closed = False

    @property
    def sha256(self) -> str:
        """Digest of what was written so far."""
        return self._digest.hexdigest()

    def write(self, block: bytes) -> int:
        """Append bytes."""
        if self._abandoned:
            return len(block)
        left = memoryview(block)
        while left:
            left = left[os.write(self._descriptor, left[:_SLICE]) :]
        self._digest.update(block)
        self.size += len(block)
        return len(block)

    def abandon(self) -> None:
        """Write nothing from now on: a writer that is closed after an error still tries to."""
        self._abandoned = True

    def tell(self) -> int:
        """Return the number of bytes written so far."""
        return self.size

    def flush(self) -> None:
        """Do nothing: no bytes wait here."""

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self.closed = True
            os.close(self._descriptor)
