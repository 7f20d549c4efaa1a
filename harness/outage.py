"""Waiting for an engine that does not answer, as while it is restarted."""

from __future__ import annotations

import threading
import time

#: The pause before the engine is asked again is doubled each time up to this.
_LONGEST_PAUSE = 60.0


class Outage:
    """Since when an engine has not answered, and when it is to be asked again.

    Parameters
    ----------
    longest_seconds : float
        How long it is waited for.
    first_pause : float
        Seconds before it is asked again for the first time.
    """

    def __init__(self, longest_seconds: float, first_pause: float) -> None:
        self._longest = longest_seconds
        self._first_pause = first_pause
        self._lock = threading.Lock()
        self._since: float | None = None
        self._pause = 0.0
        self._until = 0.0

    @property
    def is_waiting(self) -> bool:
        """Tell whether it is too early to ask the engine again."""
        return time.monotonic() < self._until

    def noticed(self) -> tuple[bool, float | None]:
        """Take note that the engine did not answer.

        Returns
        -------
        is_new : bool
            Whether it answered the last time.
        seconds : float or None
            After how many seconds it is to be asked again; None if it has been waited for long
            enough.
        """
        with self._lock:
            now = time.monotonic()
            is_new = self._since is None
            if self._since is None:
                self._since, self._pause = now, self._first_pause
            elif now - self._since >= self._longest:
                return False, None
            elif now >= self._until:
                self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            # Those that were under way together find out one after the other.
            if now >= self._until:
                self._until = now + self._pause
            return is_new, self._until - now

    def over(self) -> float | None:
        """Take note that the engine answers; return for how many seconds it did not."""
        with self._lock:
            since, self._since, self._until = self._since, None, 0.0
            return None if since is None else time.monotonic() - since
