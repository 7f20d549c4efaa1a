"""Runs of the tiny competition on a runtime that is no runtime."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from command_line import write_agent
from tiny_competition import PLAIN, Tiny

from mlebench_data.catalogue import load_competition
from mlebench_data.harness.agent import load_agent
from mlebench_data.harness.attempt import Attempt, Settings
from mlebench_data.harness.local_executor import LocalExecutor
from mlebench_data.harness.planning import plan
from mlebench_data.harness.progress_lines import ProgressLines
from mlebench_data.harness.result import AttemptResult
from mlebench_data.harness.runtimes.base import Ending, Runtime
from mlebench_data.harness.runtimes.sandbox import Limits, Sandbox
from mlebench_data.harness.scheduler import run_all
from mlebench_data.harness.sources import PreparedSource


class FakeRuntime(Runtime):
    """Does what it is told instead of running an agent."""

    name = "fake"
    isolates = False

    def __init__(self, behave: Callable[[Sandbox, threading.Event], str | None]) -> None:
        self._behave = behave
        self.sandboxes: list[Sandbox] = []

    def describe(self) -> dict[str, Any]:
        return {"runtime": self.name}

    def run(
        self,
        sandbox: Sandbox,
        *,
        cancelled: threading.Event,
        started: Callable[[str], None] = lambda token: None,
    ) -> Ending:
        self.sandboxes.append(sandbox)
        started(sandbox.name)
        how = self._behave(sandbox, cancelled) or "exited"
        return Ending(how, 0, 0.1, "2026-01-01T00:00:00", "2026-01-01T00:00:01")  # type: ignore[arg-type]

    def remove_leftovers(self, keep: Collection[str] = (), drop: Collection[str] = ()) -> list[str]:
        self.left = (set(keep), set(drop))
        return []


class AdoptingRuntime(FakeRuntime):
    """One whose sandboxes outlive their harness."""

    def adopt(self, token: str, sandbox: Sandbox, *, cancelled: threading.Event) -> Ending | None:
        self.adopted = [*getattr(self, "adopted", []), token]
        if self._behave(sandbox, cancelled) == "gone":
            return None
        return Ending("exited", 0, 5.0, "2026-01-01T00:00:00", "2026-01-01T00:00:05")


class Told(ProgressLines):
    """Keeps what it is told of, as pairs of a word and an attempt."""

    def __init__(self, told: list[tuple[str, str]]) -> None:
        super().__init__(lambda line: None)
        self._told = told

    def kept(self, attempt: Attempt, result: AttemptResult) -> None:
        self._told.append(("kept", attempt.label))

    def started(self, attempt: Attempt, tries: int) -> None:
        self._told.append(("started", attempt.label))

    def adopted(self, attempt: Attempt) -> None:
        self._told.append(("adopted", attempt.label))

    def retried(self, attempt: Attempt, reason: str, delay_seconds: float) -> None:
        self._told.append(("retried", attempt.label))

    def finished(self, attempt: Attempt, result: AttemptResult) -> None:
        self._told.append((result.outcome, attempt.label))


def submit(sandbox: Sandbox, cancelled: threading.Event) -> None:
    (sandbox.folders.submission / "submission.csv").write_text(PLAIN)


@dataclass
class Run:
    """A run of the tiny competition with two agents."""

    tiny: Tiny
    out: Path
    agents: Path
    seeds: int = 1
    jobs: int = 1
    settings: Settings = field(default_factory=lambda: Settings(Limits(60), retries=0))
    told: list[tuple[str, str]] = field(default_factory=list)
    runtime_class: type[FakeRuntime] = FakeRuntime

    def plan(self) -> list[Attempt]:
        competition = load_competition("tiny", self.tiny.catalogue)
        agents = [load_agent(str(self.agents / name)) for name in ("one", "two")]
        return plan([competition], agents, seeds=self.seeds, version=None, out=self.out)

    def __call__(self, behave: Callable[..., str | None], **changes: Any) -> list[AttemptResult]:
        self.told.clear()
        self.runtime = self.runtime_class(behave)
        return run_all(
            self.plan(),
            changes.get("source", PreparedSource(self.tiny.data_dir)),
            LocalExecutor(self.runtime),
            changes.get("settings", self.settings),
            Told(self.told),
            workers=self.jobs,
        )


def new_run(tiny: Tiny, folder: Path) -> Run:
    """Return a run that has not begun."""
    for name in ("one", "two"):
        write_agent(folder / "agents" / name, "")
    return Run(tiny, folder / "out", folder / "agents")


def patient(**changes: Any) -> Settings:
    """Return settings with which failures of the machinery are tried again, soon."""
    return Settings(Limits(60), **{"retries": 3, "backoff_seconds": 0.01, **changes})
