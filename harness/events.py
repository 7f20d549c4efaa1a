"""What happened in a run, as JSON lines: `events.jsonl`."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlebench_data.harness.attempt import Attempt
from mlebench_data.harness.result import AttemptResult

FILE_NAME = "events.jsonl"


class EventLog:
    """Appends events to a file, each in one write, so that lines of several writers stay whole.

    What cannot be written, as on a full disk, is left out: the run is worth more than its log.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, event: str, attempt: str | None = None, **facts: Any) -> None:
        """Append one event.

        Parameters
        ----------
        event : str
            What happened.
        attempt : str, optional
            Label of the attempt.
        **facts
            More about it, fit for JSON.
        """
        line = {"time": datetime.now(UTC).isoformat(), "event": event}
        if attempt is not None:
            line["attempt"] = attempt
        content = json.dumps({**line, **facts}, default=str).encode() + b"\n"
        with contextlib.suppress(OSError):
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                os.write(handle, content)
            finally:
                os.close(handle)


class EventObserver:
    """An observer that writes events.

    Parameters
    ----------
    log : EventLog
        Where to.
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log

    def planned(self, attempts: Sequence[Attempt]) -> None:  # noqa: D102
        self._log.write("run_started", attempts=len(attempts), process=os.getpid())

    def kept(self, attempt: Attempt, result: AttemptResult) -> None:  # noqa: D102
        self._log.write("attempt_kept", attempt.label, outcome=result.outcome)

    def started(self, attempt: Attempt, tries: int) -> None:  # noqa: D102
        self._log.write("attempt_started", attempt.label, tries=tries)

    def adopted(self, attempt: Attempt) -> None:  # noqa: D102
        self._log.write("attempt_adopted", attempt.label)

    def retried(self, attempt: Attempt, reason: str, delay_seconds: float) -> None:  # noqa: D102
        self._log.write(
            "attempt_retried", attempt.label, reason=reason, delay_seconds=delay_seconds
        )

    def finished(self, attempt: Attempt, result: AttemptResult) -> None:  # noqa: D102
        self._log.write(
            "attempt_finished",
            attempt.label,
            outcome=result.outcome,
            reason=result.reason,
            score=(result.grading or {}).get("score"),
            seconds=result.seconds,
        )

    def noted(self, attempt: Attempt | None, text: str) -> None:  # noqa: D102
        self._log.write("note", None if attempt is None else attempt.label, text=text)


def read_events(path: Path) -> Iterator[dict[str, Any]]:
    """Read events; a last line that is being written is left out.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    """
    with path.open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            with contextlib.suppress(ValueError):
                yield json.loads(line)
