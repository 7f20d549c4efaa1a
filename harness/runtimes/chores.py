"""What is done beside a running sandbox: looks at its disk and its costs, copies, warnings."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, get_args

from mlebench_data.harness.runtimes.base import HowEnded
from mlebench_data.harness.runtimes.disk_watch import DiskWatch
from mlebench_data.harness.runtimes.sandbox import Sandbox
from mlebench_data.harness.runtimes.snapshots import SnapshotTaker
from mlebench_data.harness.runtimes.time_left import TimeLeft

Chore = Callable[[float], "float | HowEnded"]
"""Is given the seconds since the sandbox's start; returns at how many seconds it is to be called
again, infinity for never, or the way in which the sandbox must end."""

_BUDGET_SECONDS = 1.0
#: Seconds that a chore has to come to an end once the sandbox has ended.
_PATIENCE = 10.0
#: Ends that come without grace: until them, what the limit protects is used up further.
AT_ONCE: tuple[HowEnded, ...] = ("disk_limit",)


class Chores:
    """Calls each chore when it is due, in a thread of its own, while a block lasts.

    An agent's work is worth more than a chore: one that fails is given up, and `details` says why.

    Parameters
    ----------
    started : float
        When the sandbox started, on the clock of `time.monotonic`.
    chores : mapping of str to callable
        The chores by name.
    """

    def __init__(self, started: float, chores: Mapping[str, Chore]) -> None:
        #: How the sandbox must end, once a chore has found that it must.
        self.forced: HowEnded | None = None
        self.errors: dict[str, str] = {}
        self._started = started
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._repeat, args=(name, chore), name=f"mlebench-{name}", daemon=True
            )
            for name, chore in chores.items()
        ]

    def _repeat(self, name: str, chore: Chore) -> None:
        due = 0.0
        try:
            while True:
                wait = self._started + due - time.monotonic()
                # In parts, for a wait may be longer than the system allows.
                if wait > 0:
                    if self._stopped.wait(min(wait, 3600.0)):
                        return
                    continue
                if self._stopped.is_set():
                    return
                answer = chore(time.monotonic() - self._started)
                if isinstance(answer, str):
                    assert answer in get_args(HowEnded)
                    self.forced = answer
                    return
                if math.isinf(answer):
                    return
                due = answer
        except Exception as error:
            self.errors[name] = f"{type(error).__name__}: {error}"

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        last = time.monotonic() + _PATIENCE
        for thread in self._threads:
            thread.join(max(last - time.monotonic(), 0))


class SandboxChores(Chores):
    """All that a sandbox asks for.

    Parameters
    ----------
    sandbox : Sandbox
        What runs.
    started : float
        When it started, on the clock of `time.monotonic`.
    send_signal : callable
        Sends a signal, by its name, to the agent's process.
    folders : tuple of pathlib.Path
        What it may fill besides its writable folders.
    layer : callable, optional
        Returns the bytes that it has written elsewhere.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        started: float,
        *,
        send_signal: Callable[[str], None],
        folders: tuple[Path, ...] = (),
        layer: Callable[[], int] | None = None,
    ) -> None:
        limits, models = sandbox.limits, sandbox.models
        chores: dict[str, Chore] = {}
        self._disk: DiskWatch | None = None
        self._snapshots: SnapshotTaker | None = None
        self._time_left: TimeLeft | None = None
        if limits.disk_bytes is not None:
            self._disk = DiskWatch(
                (*sandbox.folders.writable, *folders), limits.disk_bytes, layer=layer
            )
            chores["disk"] = self._disk
        if sandbox.snapshots is not None:
            self._snapshots = SnapshotTaker(sandbox.snapshots, sandbox.folders.submission)
            chores["snapshots"] = self._snapshots
        if sandbox.warnings.before_seconds:
            self._time_left = TimeLeft(
                sandbox.warnings, limits.time_seconds, sandbox.folders.logs, send_signal
            )
            chores["warnings"] = self._time_left
        if models is not None:
            over_budget = models.over_budget

            def budget(elapsed: float) -> float | HowEnded:
                return "cost_limit" if over_budget() else elapsed + _BUDGET_SECONDS

            chores["budget"] = budget
        super().__init__(started, chores)

    def details(self) -> dict[str, Any]:
        """Return what a record says of them; fit for JSON."""
        found: dict[str, Any] = {}
        if self._disk is not None:
            found["peak_disk_bytes"] = self._disk.peak_bytes
        if self._snapshots is not None:
            found["snapshots_taken"] = self._snapshots.taken
            found["snapshots_missed"] = list(self._snapshots.missed)
        if self._time_left is not None:
            found["warnings_given"] = self._time_left.given
            found["warnings_failed"] = list(self._time_left.problems)
        if self.errors:
            found["failed_chores"] = dict(self.errors)
        return found
