"""The scheduler on a runtime that is no runtime: what it makes, keeps, records and refuses."""

from __future__ import annotations

import shutil
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from command_line import read_result, write_agent
from scheduled_runs import Run, new_run, patient, submit
from tiny_competition import PLAIN, Tiny

from mlebench_data.errors import DataNotFoundError, IntegrityError, MlebenchError
from mlebench_data.harness.attempt import Settings
from mlebench_data.harness.remove_tree import remove_tree
from mlebench_data.harness.result import AttemptResult
from mlebench_data.harness.runtimes.failures import RuntimeFailure
from mlebench_data.harness.runtimes.sandbox import Limits, Sandbox
from mlebench_data.harness.sources import PreparedSource
from mlebench_data.harness.state import AttemptState


@pytest.fixture
def run(tiny: Tiny, tmp_path: Path) -> Run:
    return new_run(tiny, tmp_path)


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


@pytest.mark.usefixtures("grading_in_this_process")
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
