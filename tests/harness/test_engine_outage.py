"""An engine that does not answer is waited for; attempts are not given up for it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from scheduled_runs import FakeRuntime, Run, new_run, patient, submit
from tiny_competition import Tiny

from mlebench_data.harness.outage import Outage
from mlebench_data.harness.runtimes.base import Ending
from mlebench_data.harness.runtimes.failures import EngineUnreachable
from mlebench_data.harness.runtimes.sandbox import Sandbox


class Engine(FakeRuntime):
    """Does not answer for the first calls."""

    silent_calls = 0

    def run(self, sandbox: Sandbox, **options: Any) -> Ending:
        if len(self.sandboxes) < self.silent_calls:
            self.sandboxes.append(sandbox)
            raise EngineUnreachable("No engine answers.")
        return super().run(sandbox, **options)


class Flaky(Engine):
    """As while it is restarted."""

    silent_calls = 9


class Gone(Engine):
    """Never comes back."""

    silent_calls = 1000


@pytest.fixture
def run(tiny: Tiny, tmp_path: Path) -> Run:
    return new_run(tiny, tmp_path)


def test_an_engine_is_waited_for_longer_than_an_attempt_is_tried(run: Run) -> None:
    run.runtime_class = Flaky
    results = run(submit, settings=patient(retries=0))
    assert [item.outcome for item in results] == ["scored"] * 2
    # Others are not begun while the engine is away: it would be the same for them.
    assert len(run.runtime.sandboxes) == 9 + 2


def test_the_wait_ends(run: Run) -> None:
    run.runtime_class = Gone
    results = run(submit, settings=patient(retries=1, engine_wait_seconds=0.2))
    assert [item.outcome for item in results] == ["infra_error"] * 2
    assert "No engine answers" in (results[0].reason or "")
    assert len(run.runtime.sandboxes) < 20
    # Nothing is lost: the same command makes them.
    run.runtime_class = FakeRuntime
    assert [item.outcome for item in run(submit)] == ["scored"] * 2


def test_pauses_grow_and_are_shared() -> None:
    outage = Outage(longest_seconds=60, first_pause=0.05)
    assert outage.over() is None
    is_new, first = outage.noticed()
    assert is_new and first is not None and outage.is_waiting
    # Another attempt that was under way finds out too.
    again, rest = outage.noticed()
    assert not again and rest is not None and rest <= first
    time.sleep(0.06)
    assert not outage.is_waiting
    _, second = outage.noticed()
    assert second is not None and second > first
    assert (outage.over() or 0) >= 0.05
    assert not outage.is_waiting
    assert outage.noticed()[0]
