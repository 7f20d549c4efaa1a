"""How a run tells all of its nodes at once that it is to stop."""

from __future__ import annotations

import asyncio
from typing import Any

from mlebench_data.harness.runtimes.base import Cancelled

#: How urgent it is to stop: agents get their grace, or none.
STOP, HURRY = 1, 2


class StopBoard:
    """A Ray actor beside the driver, which everybody who serves an attempt waits for."""

    def __init__(self) -> None:
        self._level = 0
        self._changed = asyncio.Condition()

    async def raise_to(self, level: int) -> None:
        """Ask for a stop of some urgency."""
        async with self._changed:
            self._level = max(self._level, level)
            self._changed.notify_all()

    async def reached(self, level: int) -> None:
        """Wait until a stop of that urgency is asked for."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._level >= level)


class StopOrders:
    """What one who serves an attempt looks at.

    Parameters
    ----------
    board : ray.actor.ActorHandle
        A `StopBoard`.
    """

    def __init__(self, board: Any) -> None:
        self._waits = {level: board.reached.remote(level) for level in (STOP, HURRY)}

    def hand_on(self, cancelled: Cancelled) -> None:
        """Set what was asked for until now. Where the board is lost, nothing more is asked for."""
        import ray

        for level, event in ((STOP, cancelled), (HURRY, cancelled.hurry)):
            reference = self._waits.get(level)
            if reference is None or not ray.wait([reference], timeout=0)[0]:
                continue
            del self._waits[level]
            try:
                ray.get(reference)
            except ray.exceptions.RayError:
                # Ray ends this process with its driver; and if only the board is lost, an agent's
                # work is not given up for it.
                continue
            event.set()
