"""A log file that a flood of output cannot grow past its cap."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from mlebench_data.harness.runtimes.failures import RuntimeFailure

#: Room kept for the last output, which is where a traceback stands.
TAIL_BYTES = 64 * 1024
_NOTE_BYTES = 512


class CappedLog:
    """Write bytes to a file as they come, but never more than a cap.

    The first output is written at once. Once the file is full, only the last output is
    remembered, and written when the log is closed, after a note that says what is missing.

    Parameters
    ----------
    path : pathlib.Path
        The file; it is replaced if it exists, and its folder is made.
    cap : int
        Size in bytes that the file never exceeds.
    resume : bool
        Go on with the file that a harness which is gone had begun.

    Raises
    ------
    RuntimeFailure
        If the file cannot be opened. If it cannot be written later, such as when the disk is full,
        output is left out: an agent's work is worth more than its log.
    """

    def __init__(self, path: Path, cap: int, *, resume: bool = False) -> None:
        self._path = path
        #: Why output could not be written, the first time that happened.
        self.error: str | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab" if resume else "wb", buffering=0)
        except OSError as error:
            raise RuntimeFailure(f"The log {path} cannot be made: {error}.") from error
        self._cap = cap
        self._tail_size = min(TAIL_BYTES, cap // 4)
        self._head_size = max(cap - self._tail_size - _NOTE_BYTES, 0)
        self._written = self._file.tell()
        self._tail = bytearray()
        self._lock = threading.Lock()
        #: Bytes received, whether kept or not.
        self.received = self._written
        #: Whether some output was left out.
        self.cut = False

    def head(self, size: int) -> bytes:
        """Return the first bytes of the file."""
        with self._path.open("rb") as stream:
            return stream.read(size)

    def write(self, data: bytes) -> None:
        """Take more output."""
        with self._lock, self._file_errors():
            if self._file.closed:
                return
            self.received += len(data)
            kept = data[: max(self._head_size - self._written, 0)]
            if self.error is None and kept:
                self._write_all(kept)
                self._written += len(kept)
            rest = data[len(kept) :]
            if rest:
                self._tail += rest
                if len(self._tail) > self._tail_size:
                    del self._tail[: len(self._tail) - self._tail_size]

    def close(self) -> None:
        """Write what was held back, with a note if anything is missing, and close the file."""
        with self._lock, self._file_errors():
            if self._file.closed:
                return
            try:
                if self.error is not None:
                    self.cut = True
                    return
                missing = self.received - self._written - len(self._tail)
                if missing:
                    self.cut = True
                    note = (
                        f"\n[mlebench: the log is capped at {self._cap} bytes; {missing} bytes "
                        f"are left out here, the last {len(self._tail)} follow]\n"
                    ).encode()
                    self._write_all(note[: max(self._cap - self._written - len(self._tail), 0)])
                self._write_all(bytes(self._tail))
            finally:
                self._file.close()

    @contextmanager
    def _file_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.error = self.error or str(error)

    def _write_all(self, data: bytes) -> None:
        # An unbuffered file may take only part of the data.
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
