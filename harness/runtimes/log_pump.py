"""Copies a program's output into its log while it runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Protocol

from mlebench_data.harness.runtimes.log_file import CappedLog

_DRAIN_SECONDS = 10.0


class OutputStream(Protocol):
    """Chunks of output that another thread can cut off."""

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None:
        """End the stream."""


class LogPump:
    """Copies output into the log in a thread.

    Parameters
    ----------
    stream : OutputStream
        The output.
    log : CappedLog
        Where it goes.
    """

    def __init__(self, stream: OutputStream, log: CappedLog) -> None:
        self._stream = stream
        self.log = log
        self._thread = threading.Thread(target=self._copy, name="mlebench-log", daemon=True)
        self._thread.start()

    def _copy(self) -> None:
        try:
            for chunk in self._stream:
                self.log.write(chunk)
        except Exception as error:
            # The connection broke, or `finish` closed it. If that is the end of the machinery,
            # those who watch it say so; here, the log must not look complete.
            self.log.write(f"\n[mlebench: the output ends here: {error!r}]\n".encode())

    def finish(self) -> None:
        """Take the rest of the output of a program that has ended."""
        self._thread.join(_DRAIN_SECONDS)
        if self._thread.is_alive():
            self._stream.close()
            self._thread.join(_DRAIN_SECONDS)
