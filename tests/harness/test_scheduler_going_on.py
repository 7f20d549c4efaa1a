"""The scheduler after failures: tries again, takes over, scores what lies there, waits."""

from __future__ import annotations

import errno
import threading
from pathlib import Path
from typing import Any

import pytest
from command_line import write_agent
from scheduled_runs import AdoptingRuntime, Run, new_run, patient, submit
from tiny_competition import PLAIN, Tiny

from mlebench_data.harness.result import AttemptResult
from mlebench_data.harness.runtimes.failures import LastingFailure, RuntimeFailure
from mlebench_data.harness.runtimes.sandbox import Sandbox
from mlebench_data.harness.state import AttemptState


@pytest.fixture
def run(tiny: Tiny, tmp_path: Path) -> Run:
    return new_run(tiny, tmp_path)


def test_failures_of_the_machinery_are_tried_again(run: Run):
    behaviours = [RuntimeFailure("engine lost"), RuntimeFailure("engine lost"), None]

    def sometimes(sandbox: Sandbox, cancelled: threading.Event) -> None:
        submit(sandbox, cancelled)
        if "one" in sandbox.name and (failure := behaviours.pop(0)):
            raise failure

    first, second = run(sometimes, settings=patient())
    assert (first.outcome, first.tries) == ("scored", 3)
    assert (second.outcome, second.tries) == ("scored", 1)
    words = [word for word, label in run.told if "one" in label]
    assert words == ["started", "retried"] * 2 + ["started", "scored"]
    # What the failed tries had left is still there.
    earlier = run.plan()[0].folder / "earlier"
    assert sorted(path.name for path in earlier.iterdir()) == ["1", "2"]
    assert (earlier / "1" / "submission" / "submission.csv").read_text() == PLAIN


@pytest.mark.parametrize(
    ("error", "tries"), [(RuntimeFailure("lost"), 3), (LastingFailure("no such image"), 1)]
)
def test_tries_are_limited(run: Run, error: RuntimeFailure, tries: int):
    def fail(sandbox: Sandbox, cancelled: threading.Event) -> None:
        raise error

    results = run(fail, settings=patient(retries=2))
    assert [(item.outcome, item.tries) for item in results] == [("infra_error", tries)] * 2
    assert AttemptState.read(run.plan()[0].folder).state == "failed"
    # The next run goes on counting, and makes them all.
    assert [item.tries for item in run(submit)] == [tries + 1] * 2


def test_others_go_on_while_one_waits_for_its_next_try(run: Run):
    run.seeds = 3

    def fail_first(sandbox: Sandbox, cancelled: threading.Event) -> None:
        if len(run.runtime.sandboxes) == 1:
            raise RuntimeFailure("lost")
        submit(sandbox, cancelled)

    run(fail_first, settings=patient(backoff_seconds=0.5))
    finished = [label for word, label in run.told if word == "scored"]
    assert finished[-1] == "tiny/one-seed0" and len(finished) == 6


class Killed(BaseException):
    """Stands for the end of the harness's process."""


def kill(run: Run, at: str, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Run the tiny competition until the harness 'dies' in the state given."""
    write = AttemptState.write

    def die(state: AttemptState, folder: Path) -> None:
        write(state, folder)
        if state.state == at:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(AttemptState, "write", die)
        with pytest.raises(Killed):
            run(submit, **changes)


def test_running_agent_is_taken_over(run: Run, monkeypatch: pytest.MonkeyPatch):
    kill(run, "running", monkeypatch)
    run.runtime_class = AdoptingRuntime
    first, _ = run(submit)
    assert (first.outcome, first.tries, first.seconds) == ("scored", 1, 5.0)
    assert run.told[0] == ("adopted", "tiny/one-seed0")
    assert run.runtime.adopted == [run.runtime.sandboxes[0].name.replace("two", "one")]
    assert run.runtime.left == (set(run.runtime.adopted), set())


def test_agent_that_is_gone_is_started_anew(run: Run, monkeypatch: pytest.MonkeyPatch):
    kill(run, "running", monkeypatch)
    (run.plan()[0].folder / "submission" / "submission.csv").write_text(PLAIN)
    run.runtime_class = AdoptingRuntime
    first, _ = run(lambda sandbox, cancelled: submit(sandbox, cancelled) or "gone")
    assert (first.outcome, first.tries) == ("scored", 2)
    assert (run.plan()[0].folder / "earlier" / "1" / "submission" / "submission.csv").is_file()


def test_agent_of_another_command_is_not_taken_over(run: Run, monkeypatch: pytest.MonkeyPatch):
    kill(run, "running", monkeypatch)
    run.runtime_class = AdoptingRuntime
    write_agent(run.agents / "one", "changed = True")
    first, _ = run(submit)
    assert first.tries == 2 and not hasattr(run.runtime, "adopted")
    assert len(run.runtime.left[1]) == 1


def test_agent_that_had_ended_is_only_scored(run: Run, monkeypatch: pytest.MonkeyPatch):
    kill(run, "scoring", monkeypatch)
    first, _ = run(submit)
    assert (first.outcome, first.tries) == ("scored", 1)
    assert [word for word, label in run.told if "one" in label] == ["scored"]


def test_agent_is_not_run_again_because_grading_failed(run: Run, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("in the metric")

    with monkeypatch.context() as patched:
        patched.setattr("mlebench_data.harness.scheduler.conclude", broken)
        assert [item.outcome for item in run(submit)] == ["infra_error"] * 2
    results = run(submit)
    assert [(item.outcome, item.tries) for item in results] == [("scored", 1)] * 2
    assert run.runtime.sandboxes == []


def test_full_disk_is_waited_for(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("mlebench_data.harness.state._FULL_DISK_PAUSE", 0.01)
    write = AttemptResult.write
    failures = [OSError(errno.ENOSPC, "No space left on device")] * 3

    def full(result: AttemptResult, folder: Path) -> None:
        if failures:
            raise failures.pop()
        write(result, folder)

    monkeypatch.setattr(AttemptResult, "write", full)
    assert [item.outcome for item in run(submit)] == ["scored"] * 2
    assert not failures
