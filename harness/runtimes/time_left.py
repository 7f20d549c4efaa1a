"""Telling an agent that its time runs out."""

from __future__ import annotations

import math
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mlebench_data.harness.runtimes.failures import RuntimeFailure
from mlebench_data.harness.runtimes.sandbox import Warnings

#: In the agent's folder of logs.
FILE_NAME = "time_left.txt"


class TimeLeft:
    """Writes how much time is left into the folder of logs, and sends a signal if one is wanted.

    Parameters
    ----------
    warnings : Warnings
        When, and which signal. Those from before the start are left out.
    time_seconds : float
        The time limit.
    logs : pathlib.Path
        The folder of logs on the host.
    send_signal : callable
        Sends a signal, by its name, to the agent's process.
    """

    def __init__(
        self,
        warnings: Warnings,
        time_seconds: float,
        logs: Path,
        send_signal: Callable[[str], None],
    ) -> None:
        #: Number of warnings given.
        self.given = 0
        #: Why the file could not be written or the signal not be sent: one text for each.
        self.problems: list[str] = []
        self._signal = warnings.signal
        self._limit = time_seconds
        self._due = sorted(
            time_seconds - before for before in warnings.before_seconds if before < time_seconds
        )
        self._logs = logs
        self._send_signal = send_signal

    def __call__(self, elapsed: float) -> float:
        """Warn if it is time to; return when it is time again."""
        passed = [due for due in self._due if due <= elapsed]
        if passed:
            del self._due[: len(passed)]
            try:
                write_time_left(self._logs, self._limit - elapsed)
            except OSError as error:
                self.problems.append(f"{FILE_NAME}: {error}")
            try:
                if self._signal is not None:
                    self._send_signal(self._signal)
            except RuntimeFailure as failure:
                self.problems.append(f"{self._signal}: {failure}")
            self.given += 1
        return self._due[0] if self._due else math.inf


def write_time_left(logs: Path, seconds: float) -> None:
    """Write the file that says how much time is left.

    Parameters
    ----------
    logs : pathlib.Path
        A folder that the agent may write, so that anything may stand in the file's place. It is
        replaced at once, and never written through.
    seconds : float
        Time left.

    Raises
    ------
    OSError
        If it cannot be written, such as when a folder stands there.
    """
    end = datetime.now(UTC) + timedelta(seconds=seconds)
    text = f"{seconds:.0f} seconds left, until {end.isoformat(timespec='seconds')}\n"
    partial = f".{secrets.token_hex(8)}.partial"
    folder = os.open(logs, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        handle = os.open(
            partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=folder
        )
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            # Whatever the umask here, the agent may read it.
            os.fchmod(handle, 0o644)
            stream.write(text)
        os.rename(partial, FILE_NAME, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with suppress(FileNotFoundError):
            os.unlink(partial, dir_fd=folder)
        raise
    finally:
        os.close(folder)
