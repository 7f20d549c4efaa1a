"""Who is told how a run goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mlebench_data.harness.attempt import Attempt
from mlebench_data.harness.result import AttemptResult


class Observer(Protocol):
    """Is told of everything that happens to attempts, from the threads that serve them."""

    def planned(self, attempts: Sequence[Attempt]) -> None:
        """Take note of all attempts of the run, once, before anything else."""

    def kept(self, attempt: Attempt, result: AttemptResult) -> None:
        """Take note that an attempt has its result from an earlier run of the command."""

    def started(self, attempt: Attempt, tries: int) -> None:
        """Take note that an agent is about to be started, for the `tries`-th time."""

    def adopted(self, attempt: Attempt) -> None:
        """Take note that an agent is taken over, started by a harness that is gone."""

    def retried(self, attempt: Attempt, reason: str, delay_seconds: float) -> None:
        """Take note of an infrastructure failure; the attempt is made again after a delay."""

    def finished(self, attempt: Attempt, result: AttemptResult) -> None:
        """Take note that an attempt has its result."""

    def noted(self, attempt: Attempt | None, text: str) -> None:
        """Take note of what a person should know, of an attempt or of the run."""


class Observers:
    """Several observers, told one after the other."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)

    def planned(self, attempts: Sequence[Attempt]) -> None:  # noqa: D102
        for observer in self._observers:
            observer.planned(attempts)

    def kept(self, attempt: Attempt, result: AttemptResult) -> None:  # noqa: D102
        for observer in self._observers:
            observer.kept(attempt, result)

    def started(self, attempt: Attempt, tries: int) -> None:  # noqa: D102
        for observer in self._observers:
            observer.started(attempt, tries)

    def adopted(self, attempt: Attempt) -> None:  # noqa: D102
        for observer in self._observers:
            observer.adopted(attempt)

    def retried(self, attempt: Attempt, reason: str, delay_seconds: float) -> None:  # noqa: D102
        for observer in self._observers:
            observer.retried(attempt, reason, delay_seconds)

    def finished(self, attempt: Attempt, result: AttemptResult) -> None:  # noqa: D102
        for observer in self._observers:
            observer.finished(attempt, result)

    def noted(self, attempt: Attempt | None, text: str) -> None:  # noqa: D102
        for observer in self._observers:
            observer.noted(attempt, text)
