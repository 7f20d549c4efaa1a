"""Running many attempts: some at a time, each once, with nothing done twice and nothing lost."""

from __future__ import annotations

import heapq
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.attempt import Attempt, Settings
from mlebench_data.harness.attempt_sandbox import make_folders
from mlebench_data.harness.earlier import set_aside
from mlebench_data.harness.executor import Execution, Executor, Work
from mlebench_data.harness.gold.self_test import expect_best, submit_answers
from mlebench_data.harness.limited.client import PROCESSES
from mlebench_data.harness.observer import Observer
from mlebench_data.harness.outage import Outage
from mlebench_data.harness.planning import Entry, make_entries
from mlebench_data.harness.result import FINAL, AttemptResult
from mlebench_data.harness.runtimes.base import Cancelled
from mlebench_data.harness.runtimes.failures import (
    EngineUnreachable,
    LastingFailure,
    OutOfReach,
    RuntimeFailure,
)
from mlebench_data.harness.runtimes.owner import Owner
from mlebench_data.harness.scoring import conclude, failed
from mlebench_data.harness.sources import Source
from mlebench_data.harness.state import AttemptState, patiently

_LONGEST_BACKOFF = 300.0

logger = logging.getLogger(__name__)


def run_all(
    attempts: Sequence[Attempt],
    source: Source,
    executor: Executor,
    settings: Settings,
    observer: Observer,
    *,
    workers: int,
    begin: Callable[[], None] = lambda: None,
) -> list[AttemptResult]:
    """Run attempts, as many at a time as there is room for.

    An attempt whose folder holds a final result is not repeated. One whose agent still runs,
    started by a harness that is gone, is taken over; one whose agent has ended is scored. One that
    failed by a fault that was not the agent's is made again from scratch, after a pause.

    Parameters
    ----------
    attempts : sequence of Attempt
        What is to be done.
    source : Source
        Where the data comes from.
    executor : Executor
        Where agents run.
    settings : Settings
        Limits, network and so on.
    observer : Observer
        Told how it goes.
    workers : int
        Attempts at a time, at most; there may be room for fewer.
    begin : callable
        Called when everything was found right, before anything is started or removed.

    Returns
    -------
    list of AttemptResult
        Results in the order of the attempts.

    Raises
    ------
    MlebenchError
        Before any agent starts: if data of a competition is missing or damaged (all of it is looked
        at), if GPUs are missing, or if a finished attempt was made under other settings. Later: if
        a record cannot be written.
    KeyboardInterrupt
        After all agents were stopped. A second one stops them without grace.
    """
    for agent in {attempt.agent.name: attempt.agent for attempt in attempts}.values():
        agent.check_needs(gpus=settings.gpus_per_run, network=settings.network)
        agent.secret_values()
    places = min(workers, executor.places(settings))
    entries = make_entries(attempts, source, settings, isolates=executor.isolates)
    description = executor.describe()
    begin()
    observer.planned(attempts)
    if places < min(workers, len(attempts)):
        observer.noted(
            None,
            f"{places} at a time: by the limits of an attempt, CPUs, memory or GPUs carry no more",
        )
    for entry in entries:
        if entry.result is not None:
            observer.kept(entry.attempt, entry.result)
    open_entries = [entry for entry in entries if entry.result is None]
    for line in _remove_leftovers(open_entries, executor):
        observer.noted(None, f"removed what an earlier run left: {line}")
    run = _Run(executor, settings, observer, description)
    run.work_off(open_entries, places)
    return [entry.result for entry in entries if entry.result is not None]


def _remove_leftovers(entries: Sequence[Entry], executor: Executor) -> list[str]:
    """Remove what harnesses that are gone left behind, but for what is going to be adopted."""
    tokens = {}
    for entry in entries:
        state = AttemptState.read(entry.attempt.folder)
        if state is not None and state.token:
            tokens[state.token] = entry.state().is_adoptable
    return executor.remove_leftovers(
        keep=[token for token, wanted in tokens.items() if wanted],
        drop=[token for token, wanted in tokens.items() if not wanted],
    )


class _Run:
    """A run under way."""

    def __init__(
        self,
        executor: Executor,
        settings: Settings,
        observer: Observer,
        description: dict[str, Any],
    ) -> None:
        self._executor = executor
        self._settings = settings
        self._observer = observer
        self._description = description
        self._owner = str(Owner.current())
        self._cancelled = Cancelled()
        self._outage = Outage(settings.engine_wait_seconds, settings.backoff_seconds)

    def work_off(self, entries: Sequence[Entry], places: int) -> None:
        """Run all attempts, `places` at a time; those that can be taken over first."""

        def is_under_way(entry: Entry) -> bool:
            state = entry.state()
            return state.is_adoptable or state.execution is not None

        waiting = [(0.0, not is_under_way(entry), entry.number) for entry in entries]
        heapq.heapify(waiting)
        by_number = {entry.number: entry for entry in entries}
        running: dict[Future[float | None], int] = {}
        with ThreadPoolExecutor(places, thread_name_prefix="attempt") as pool:
            try:
                while waiting or running:
                    now = time.monotonic()
                    while (
                        waiting
                        and len(running) < places
                        and waiting[0][0] <= now
                        and not self._outage.is_waiting
                    ):
                        number = heapq.heappop(waiting)[2]
                        running[pool.submit(self._attempt, by_number[number])] = number
                    # In short waits, so that Ctrl-C reaches this thread at once.
                    pause = 0.5
                    if waiting and len(running) < places and not self._outage.is_waiting:
                        pause = min(pause, max(waiting[0][0] - now, 0.001))
                    if not running:
                        time.sleep(pause)
                        continue
                    ended, _ = wait(running, timeout=pause, return_when=FIRST_COMPLETED)
                    for future in ended:
                        number = running.pop(future)
                        delay = future.result()
                        if delay is not None:
                            heapq.heappush(waiting, (time.monotonic() + delay, True, number))
            except BaseException:
                self._stop(running)
                raise

    def _stop(self, running: dict[Future[float | None], int]) -> None:
        """End all agents; without grace when Ctrl-C is pressed again."""
        self._cancelled.set()
        while running:
            try:
                ended, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            except KeyboardInterrupt:
                self._cancelled.hurry.set()
                PROCESSES.cancel()
                continue
            for future in ended:
                del running[future]

    def _attempt(self, entry: Entry) -> float | None:
        """Make an attempt; return after how many seconds it is to be made again, if it is."""
        if self._cancelled.is_set():
            return None
        attempt = entry.attempt
        state = entry.state()
        try:
            secrets = attempt.agent.secret_values()
            work = Work(
                attempt,
                entry.data.public,
                self._settings,
                secrets,
                entry.data.origin,
                entry.data.manifest_sha256,
            )
            state, execution = self._execute(work, state, entry)
            result = conclude(
                attempt,
                entry.data,
                self._settings,
                execution,
                facts=entry.facts,
                tries=state.tries,
            )
            if attempt.agent.self_test:
                result = expect_best(attempt.competition, result)
        except Exception as error:
            if isinstance(error, MlebenchError):
                reason = str(error)
            else:
                logger.exception("The attempt %s failed", attempt.label)
                reason = f"{type(error).__name__}: {error}"
            state = AttemptState.read(attempt.folder) or state
            if not isinstance(error, OutOfReach):
                state = state.changed("failed", token=None)
            delay = self._delay(entry, error)
            if delay is not None:
                self._observer.retried(attempt, reason, delay)
                self._write(attempt, state.changed("waiting", reason=reason))
                return delay
            result = failed(
                attempt,
                entry.data,
                self._settings,
                reason,
                facts=entry.facts,
                tries=state.tries,
                description=self._description,
            )
        entry.result = result
        self._record(attempt, state, result)
        self._observer.finished(attempt, result)
        return None

    def _delay(self, entry: Entry, error: Exception) -> float | None:
        if self._cancelled.is_set() or isinstance(error, LastingFailure):
            return None
        if isinstance(error, EngineUnreachable):
            is_new, pause = self._outage.noticed()
            if is_new:
                self._observer.noted(None, "the engine does not answer; waiting until it does")
            if pause is not None:
                return pause
        if entry.failures >= self._settings.retries:
            return None
        entry.failures += 1
        if isinstance(error, RuntimeFailure) and error.pause_seconds is not None:
            return error.pause_seconds
        return min(self._settings.backoff_seconds * 4.0 ** (entry.failures - 1), _LONGEST_BACKOFF)

    def _engine_answers(self) -> None:
        seconds = self._outage.over()
        if seconds is not None:
            self._observer.noted(None, f"the engine answers again, after {seconds:.0f} s")

    def _execute(
        self, work: Work, state: AttemptState, entry: Entry
    ) -> tuple[AttemptState, Execution]:
        """Run the agent, or go on with what an earlier harness has begun."""
        attempt = work.attempt
        execution = None
        if state.execution is not None:
            return state, Execution.from_dict(state.execution)
        if state.token is not None and state.is_adoptable:
            token = state.token
            self._observer.adopted(attempt)
            state = state.changed("running", owner=self._owner)
            self._write(attempt, state)
            execution = self._executor.adopt(token, state.gpus, work, cancelled=self._cancelled)
            state = state.changed("running", token=None)
            self._engine_answers()
        if execution is None:
            set_aside(attempt.folder)
            state = AttemptState("waiting").changed(
                "starting",
                tries=state.tries + 1,
                owner=self._owner,
                time_limit_seconds=self._settings.limits.time_seconds,
                facts_sha256=entry.facts_sha256,
            )
            self._write(attempt, state)
            make_folders(work)
            self._observer.started(attempt, state.tries)

            def started(token: str, gpus: Sequence[Any], node: str) -> None:
                nonlocal state
                self._engine_answers()
                state = state.changed(
                    "running", token=token, node=node, gpus=[gpu.uuid for gpu in gpus]
                )
                state = state.changed("running", started_at=state.since)
                self._write(attempt, state)

            if attempt.agent.self_test:
                execution = submit_answers(attempt, entry.data)
            else:
                execution = self._executor.execute(work, cancelled=self._cancelled, started=started)
        # An interrupted agent is started anew, so there is nothing to be scored later.
        ended = None if execution.ending.how == "interrupted" else execution.to_dict()
        state = state.changed("scoring", execution=ended, token=None)
        self._write(attempt, state)
        return state, execution

    def _write(self, attempt: Attempt, state: AttemptState) -> None:
        patiently(
            lambda: state.write(attempt.folder),
            self._cancelled,
            lambda text: self._observer.noted(attempt, text),
        )

    def _record(self, attempt: Attempt, state: AttemptState, result: AttemptResult) -> None:
        """Write the record, and only then that the attempt is done."""
        try:
            patiently(
                lambda: result.write(attempt.folder),
                self._cancelled,
                lambda text: self._observer.noted(attempt, text),
            )
            final = result.outcome in FINAL
            self._write(
                attempt,
                state.changed(
                    "done" if final else "failed",
                    token=None if final else state.token,
                    # Where grading failed, the agent's work is not done again once that is mended.
                    execution=None if final else state.execution,
                    reason=result.reason,
                ),
            )
        except OSError as error:
            raise MlebenchError(
                f"The record of {attempt.label} cannot be written: {error}. Nothing that its agent "
                "left is lost: once that is mended, the same command scores it."
            ) from error
