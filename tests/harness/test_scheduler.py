"""The scheduler on a runtime that is no runtime: what it makes, keeps, records and refuses."""

from __future__ import annotations

import errno
import shutil
import sys
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from command_line import read_result, write_agent
from tiny_competition import PLAIN, Tiny

from mlebench_data.catalogue import load_competition
from mlebench_data.errors import DataNotFoundError, IntegrityError, MlebenchError
from mlebench_data.harness.agent import load_agent
from mlebench_data.harness.attempt import Attempt, Settings
from mlebench_data.harness.executor import LocalExecutor
from mlebench_data.harness.progress_lines import ProgressLines
from mlebench_data.harness.remove_tree import remove_tree
from mlebench_data.harness.result import AttemptResult
from mlebench_data.harness.runtimes.base import (
    Ending,
    LastingFailure,
    Limits,
    Runtime,
    RuntimeFailure,
    Sandbox,
)
from mlebench_data.harness.scheduler import plan, run_all
from mlebench_data.harness.sources import PreparedSource
from mlebench_data.harness.state import AttemptState


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

    def plan(self) -> list[Attempt]:
        competition = load_competition("tiny", self.tiny.catalogue)
        agents = [load_agent(str(self.agents / name)) for name in ("one", "two")]
        return plan([competition], agents, seeds=self.seeds, version=None, out=self.out)

    def __call__(self, behave: Callable[..., str | None], **changes: Any) -> list[AttemptResult]:
        self.told.clear()
        self.runtime = FakeRuntime(behave)
        return run_all(
            self.plan(),
            changes.get("source", PreparedSource(self.tiny.data_dir)),
            LocalExecutor(self.runtime),
            changes.get("settings", self.settings),
            Told(self.told),
            workers=self.jobs,
        )


@pytest.fixture
def run(tiny: Tiny, tmp_path: Path) -> Run:
    for name in ("one", "two"):
        write_agent(tmp_path / "agents" / name, "")
    return Run(tiny, tmp_path / "out", tmp_path / "agents")


def test_results_come_in_the_order_of_the_plan(run: Run):
    run.seeds, run.jobs = 3, 4
    results = run(submit)
    assert [(item.agent, item.seed) for item in results] == [
        (agent, seed) for agent in ("one", "two") for seed in range(3)
    ]
    assert results == [AttemptResult.read(attempt.folder) for attempt in run.plan()]


def test_jobs_run_side_by_side(run: Run):
    run.jobs = 2
    together = threading.Barrier(2)

    def meet(sandbox: Sandbox, cancelled: threading.Event) -> None:
        together.wait(timeout=20)

    assert [item.outcome for item in run(meet)] == ["no_submission"] * 2


def test_one_job_runs_one_by_one(run: Run):
    run.seeds = 2
    run(submit)
    words = [word for word, _ in run.told]
    assert words == ["started", "scored"] * 4


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeFailure("the engine is gone"), "the engine is gone"),
        (OSError(28, "No space left on device"), "OSError: [Errno 28] No space left on device"),
        (AssertionError("a defect"), "AssertionError: a defect"),
    ],
)
def test_failure_of_one_attempt_lets_the_others_go_on(run: Run, error: Exception, reason: str):
    def fail(sandbox: Sandbox, cancelled: threading.Event) -> None:
        if sandbox.log_file.parent.name == "one-seed0":
            raise error
        submit(sandbox, cancelled)

    assert [item.outcome for item in run(fail)] == ["infra_error", "scored"]
    assert read_result(run.out, "one")["reason"] == reason
    run(submit)
    assert run.told == [
        ("kept", "tiny/two-seed0"),
        ("started", "tiny/one-seed0"),
        ("scored", "tiny/one-seed0"),
    ]


@pytest.mark.parametrize("cause", ["interrupted", KeyboardInterrupt()])
def test_interrupted_attempt_is_not_scored(run: Run, cause: object):
    def interrupt(sandbox: Sandbox, cancelled: threading.Event) -> str:
        submit(sandbox, cancelled)
        if isinstance(cause, BaseException):
            raise cause
        return str(cause)

    if isinstance(cause, BaseException):
        with pytest.raises(KeyboardInterrupt):
            run(interrupt)
        assert AttemptResult.read(run.out / "tiny" / "one-seed0") is None
    else:
        assert [item.outcome for item in run(interrupt)] == ["infra_error"] * 2
    assert [item.outcome for item in run(submit)] == ["scored"] * 2


def test_grading_that_fails_is_not_the_agents_fault(run: Run, monkeypatch: pytest.MonkeyPatch):
    def fail(**_: object) -> float:
        raise ZeroDivisionError("a defect of the metric")

    # By its name in sys.modules: `mlebench_data.grading.grade` is the function of that name.
    module = sys.modules["mlebench_data.grading.grade"]
    monkeypatch.setattr(module, "load_function", lambda name: fail)
    results = run(submit)
    assert {item.outcome for item in results} == {"infra_error"}
    assert "a defect of the metric" in str(results[0].reason)


def test_missing_data_is_told_before_any_agent_starts(run: Run, tmp_path: Path):
    with pytest.raises(DataNotFoundError, match="mlebench prepare tiny"):
        run(submit, source=PreparedSource(tmp_path / "empty"))
    assert run.runtime.sandboxes == [] and run.told == []
    assert not run.out.exists()


def test_damaged_data_is_told_before_any_agent_starts(run: Run, tmp_path: Path):
    shutil.copytree(run.tiny.data_dir, tmp_path / "data")
    (tmp_path / "data/tiny/v1/public/test.csv").write_text("changed")
    with pytest.raises(IntegrityError, match=r"public/test.csv .*prepare tiny"):
        run(submit, source=PreparedSource(tmp_path / "data"))
    assert run.runtime.sandboxes == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda run: write_agent(run.agents / "two", "changed"), "agent_sha256"),
        (lambda run: write_agent(run.agents / "two", "", image="other"), "agent_sha256"),
        (lambda run: setattr(run, "settings", Settings(Limits(60, cpus=1))), "limits"),
        (lambda run: setattr(run, "settings", Settings(Limits(60), "full")), "network"),
    ],
)
def test_attempts_that_cannot_be_compared_are_not_mixed(run: Run, change: Any, named: str):
    run(submit)
    change(run)
    with pytest.raises(MlebenchError, match=f"differs from this command in .*{named}"):
        run(submit)
    assert run.runtime.sandboxes == []


def test_bytecode_does_not_change_an_agent(run: Run):
    run(submit)
    (run.agents / "one" / "__pycache__").mkdir()
    (run.agents / "one" / "__pycache__" / "agent.pyc").touch()
    run(submit)
    assert run.told == [("kept", "tiny/one-seed0"), ("kept", "tiny/two-seed0")]


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"format": 99}', '{"format": 1, "x": 2}'])
def test_damaged_record_is_told_before_any_agent_starts(run: Run, content: str):
    folder = run.out / "tiny" / "two-seed0"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(content)
    with pytest.raises(IntegrityError, match=r"result\.json"):
        run(submit)
    assert run.runtime.sandboxes == []


def test_agent_that_removes_its_folder_leaves_a_record(run: Run):
    # Only one without isolation can.
    results = run(lambda sandbox, cancelled: remove_tree(sandbox.log_file.parent))
    assert [item.outcome for item in results] == ["no_submission"] * 2
    assert read_result(run.out, "one")["outcome"] == "no_submission"


def test_submission_folder_replaced_by_a_link_is_refused(run: Run, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "submission.csv").write_text(PLAIN)

    def replace(sandbox: Sandbox, cancelled: threading.Event) -> None:
        sandbox.folders.submission.rmdir()
        sandbox.folders.submission.symlink_to(elsewhere)

    (first, _) = run(replace)
    assert (first.outcome, first.reason) == (
        "invalid",
        "the submission folder was replaced by a symbolic link",
    )


def test_record_that_cannot_be_written_ends_the_run(run: Run):
    def replace(sandbox: Sandbox, cancelled: threading.Event) -> None:
        (sandbox.log_file.parent / "result.json").mkdir()

    with pytest.raises(MlebenchError, match="cannot be written"):
        run(replace)
    assert len(run.runtime.sandboxes) == 1


def patient(**changes: Any) -> Settings:
    return Settings(Limits(60), **{"retries": 3, "backoff_seconds": 0.01, **changes})


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


class AdoptingRuntime(FakeRuntime):
    def adopt(self, token: str, sandbox: Sandbox, *, cancelled: threading.Event) -> Ending | None:
        self.adopted = [*getattr(self, "adopted", []), token]
        if self._behave(sandbox, cancelled) == "gone":
            return None
        return Ending("exited", 0, 5.0, "2026-01-01T00:00:00", "2026-01-01T00:00:05")


def test_running_agent_is_taken_over(run: Run, monkeypatch: pytest.MonkeyPatch):
    kill(run, "running", monkeypatch)
    monkeypatch.setattr(sys.modules[__name__], "FakeRuntime", AdoptingRuntime)
    first, _ = run(submit)
    assert (first.outcome, first.tries, first.seconds) == ("scored", 1, 5.0)
    assert run.told[0] == ("adopted", "tiny/one-seed0")
    assert run.runtime.adopted == [run.runtime.sandboxes[0].name.replace("two", "one")]
    assert run.runtime.left == (set(run.runtime.adopted), set())


def test_agent_that_is_gone_is_started_anew(run: Run, monkeypatch: pytest.MonkeyPatch):
    kill(run, "running", monkeypatch)
    (run.plan()[0].folder / "submission" / "submission.csv").write_text(PLAIN)
    monkeypatch.setattr(sys.modules[__name__], "FakeRuntime", AdoptingRuntime)
    first, _ = run(lambda sandbox, cancelled: submit(sandbox, cancelled) or "gone")
    assert (first.outcome, first.tries) == ("scored", 2)
    assert (run.plan()[0].folder / "earlier" / "1" / "submission" / "submission.csv").is_file()


def test_agent_of_another_command_is_not_taken_over(run: Run, monkeypatch: pytest.MonkeyPatch):
    kill(run, "running", monkeypatch)
    monkeypatch.setattr(sys.modules[__name__], "FakeRuntime", AdoptingRuntime)
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


def test_every_state_is_written(run: Run, monkeypatch: pytest.MonkeyPatch):
    seen = []
    write = AttemptState.write

    def keep(state: AttemptState, folder: Path) -> None:
        seen.append((folder.name, state.state))
        write(state, folder)

    monkeypatch.setattr(AttemptState, "write", keep)
    run(submit)
    assert [state for name, state in seen if name == "one-seed0"] == [
        "starting", "running", "scoring", "done",
    ]  # fmt: skip
    state = AttemptState.read(run.plan()[0].folder)
    assert (state.tries, state.token, state.execution) == (1, None, None)
    assert state.time_limit_seconds == 60 and state.started_at and state.node


def test_submission_while_working_is_scored_afterwards(run: Run):
    def twice(sandbox: Sandbox, cancelled: threading.Event) -> None:
        sandbox.snapshots.folder.mkdir()
        (sandbox.snapshots.folder / "60.csv").write_text(PLAIN)
        (sandbox.snapshots.folder / "7.5.csv").write_text("nonsense\n")
        submit(sandbox, cancelled)

    result = run(twice, settings=patient(snapshot_every=30.0))[0]
    assert [(item["seconds"], item["status"]) for item in result.snapshots] == [
        (7.5, "invalid"), (60.0, "valid"),
    ]  # fmt: skip
    assert result.snapshots[1]["score"] == result.grading["score"]
    assert result.snapshots[1]["sha256"] == result.submission_sha256
