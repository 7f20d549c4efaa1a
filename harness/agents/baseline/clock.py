"""The time that is left, and a watchdog that ends the process before the harness has to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# Nothing here gets better with hours; the rest of a long limit is given back.
AMBITION_SECONDS = 900.0


class Clock:
    """Counts down to a deadline that keeps a reserve before the harness's own limit.

    Parameters
    ----------
    limit_seconds
        What the harness allows, from the start of the process.
    """

    def __init__(self, limit_seconds: float) -> None:
        self.started = time.monotonic()
        reserve = min(max(0.15 * limit_seconds, 0.75), 60.0)
        self.hard_seconds = max(limit_seconds - reserve, 0.5)
        self.work_seconds = min(self.hard_seconds, AMBITION_SECONDS)

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def remaining(self) -> float:
        """Seconds of work left; not below zero."""
        return max(0.0, self.work_seconds - self.elapsed())

    def start_watchdog(self, at_the_end: Callable[[], None]) -> threading.Timer:
        """Call ``at_the_end`` from another thread when the time that may be used is over.

        A single fit of a model cannot be interrupted from within, hence the thread.
        """
        timer = threading.Timer(max(0.0, self.hard_seconds - self.elapsed()), at_the_end)
        timer.daemon = True
        timer.start()
        return timer
