"""Copies a program's output into its log while it runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Protocol

from mlebench_data.harness.runtimes.base import RuntimeFailure
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
        self._log = log
        self._error: RuntimeFailure | None = None
        self._thread = threading.Thread(target=self._copy, name="mlebench-log", daemon=True)
        self._thread.start()

    def _copy(self) -> None:
        try:
            for chunk in self._stream:
                self._take(chunk)
        except Exception as error:
            # The connection broke, or `finish` closed it. If that is the end of the machinery,
            # those who watch it say so; here, the log must not look complete.
            self._take(f"\n[mlebench: the output ends here: {error!r}]\n".encode())

    def _take(self, chunk: bytes) -> None:
        if self._error is None:
            try:
                self._log.write(chunk)
            except RuntimeFailure as error:
                # Reading goes on, or the agent would hang in its next print.
                self._error = error

    def check(self) -> None:
        """Raise if the log cannot be written.

        Raises
        ------
        RuntimeFailure
            Such as when the disk is full.
        """
        if self._error is not None:
            raise self._error

    def finish(self) -> None:
        """Take the rest of the output of a program that has ended.

        Raises
        ------
        RuntimeFailure
            If the log cannot be written.
        """
        self._thread.join(_DRAIN_SECONDS)
        if self._thread.is_alive():
            self._stream.close()
            self._thread.join(_DRAIN_SECONDS)
        self.check()
