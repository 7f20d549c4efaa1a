"""What runs on a node, here in this process: attempts served, sent again, taken over, forgotten."""

from __future__ import annotations

import dataclasses
import tempfile
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest
from command_line import write_agent
from tiny_competition import PLAIN, Tiny

from mlebench_data.catalogue.catalogue import read_competition
from mlebench_data.errors import MlebenchError, SourceError
from mlebench_data.harness.agent import load_agent
from mlebench_data.harness.attempt import Attempt, Settings
from mlebench_data.harness.cluster import node, scratch
from mlebench_data.harness.cluster.archive import pack
from mlebench_data.harness.cluster.messages import (
    ArchivePiece,
    Ended,
    Failed,
    Gone,
    Message,
    Order,
    Reached,
    Started,
)
from mlebench_data.harness.cluster.receiver import RESERVED, Receiver
from mlebench_data.harness.cluster.scratch import AGENT, Scratch, look_around
from mlebench_data.harness.executor import Execution, Work
from mlebench_data.harness.runtimes.base import Cancelled, Ending, Runtime
from mlebench_data.harness.runtimes.failures import OutOfReach, RuntimeFailure
from mlebench_data.harness.runtimes.owner import Owner
from mlebench_data.harness.runtimes.sandbox import Limits, Sandbox
from mlebench_data.harness.sources import PreparedSource

ENDED = Ending("exited", 0, 1.0, "2026-01-01T00:00:00", "2026-01-01T00:00:01")


class FakeRuntime(Runtime):
    """Submits at once, or does what it is told."""

    name = "fake"
    isolates = True

    def __init__(self) -> None:
        self.behave: Callable[[Sandbox], Ending] = self.submit
        self.adoptable = True
        self.started = 0
        self.left: list[Any] = []
        self.cancelled: threading.Event | None = None

    @staticmethod
    def submit(sandbox: Sandbox) -> Ending:
        assert (sandbox.folders.agent / "agent.py").is_file()
        assert (sandbox.folders.data / "train.csv").is_file()
        assert sandbox.folders.instructions.read_bytes() == b"do it"
        (sandbox.folders.submission / "submission.csv").write_text(PLAIN)
        sandbox.log_file.write_text("submitted")
        return ENDED

    def describe(self) -> dict[str, Any]:
        return {"runtime": self.name}

    def run(self, sandbox: Sandbox, *, cancelled: threading.Event, started: Any = None) -> Ending:
        self.started += 1
        self.cancelled = cancelled
        started(f"token of {sandbox.name}")
        return self.behave(sandbox)

    def adopt(self, token: str, sandbox: Sandbox, *, cancelled: threading.Event) -> Ending | None:
        assert token == f"token of {sandbox.name}"
        return self.submit(sandbox) if self.adoptable else None

    def remove_leftovers(self, keep: Collection[str] = (), drop: Collection[str] = ()) -> list[str]:
        self.left = [set(keep), set(drop)]
        return []


class Board:
    """Never asks for a stop, unless told."""

    def __init__(self, board: Any) -> None:
        self._board = board

    def hand_on(self, cancelled: Cancelled) -> None:
        if self._board == "stop":
            cancelled.set()


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeRuntime:
    """The runtime of this node, whose folder of temporary files is a test's own."""
    temporary = tmp_path / "node"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    found = FakeRuntime()
    monkeypatch.setattr(node, "_runtime", lambda name: found)
    monkeypatch.setattr(node, "_node_id", lambda: "abc")
    monkeypatch.setattr(node, "StopOrders", Board)
    monkeypatch.setattr(node, "_PATIENCE", 0.5)
    return found


@pytest.fixture
def order(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Order:
    competition = read_competition(tiny.catalogue / "tiny")
    agent = load_agent(str(write_agent(tmp_path / "agents" / "a", "pass")))
    data = PreparedSource(tiny.data_dir).load(competition, "v1")
    attempt = Attempt(competition, "v1", agent, 0, tmp_path / "out" / "tiny" / "a-seed0")
    settings = Settings(Limits(time_seconds=100), validator=False)
    work = Work(attempt, data.public, settings, {}, None, data.manifest_sha256)
    chunks = tuple(pack(agent.folder, [], opens=False))
    monkeypatch.setattr(
        node,
        "_unpack_agent",
        lambda order, scratch: node.unpack(iter(chunks), scratch.folder / AGENT),
    )
    return Order("run-1", "run", work, b"do it", "fake", None)


def serve(order: Order, board: object = None) -> list[Message]:
    return list(node.serve(order, board))


def arrived(messages: list[Message], folder: Path) -> dict[str, str]:
    """Return the files that were sent in the end."""
    chunks = [item.data for item in messages if isinstance(item, ArchivePiece)]
    folder.mkdir()
    Receiver(folder, Cancelled()).everything(chunks)
    assert not set(RESERVED) & {path.name for path in folder.iterdir()}
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


FILES = {"agent.log": "submitted", "submission/submission.csv": PLAIN}


def test_attempt_is_served_and_sent_again_until_it_is_forgotten(
    order: Order, runtime: FakeRuntime, tmp_path: Path
):
    first = serve(order)
    assert [type(item) for item in first if not isinstance(item, ArchivePiece)] == [
        *(Reached, Started, Ended)
    ]
    assert arrived(first, tmp_path / "first") == FILES
    # The driver is lost before anything of it has arrived; the next one asks again.
    adopting = dataclasses.replace(order, adopts=True)
    second = serve(adopting)
    ends = [item for item in (first[-1], second[-1]) if isinstance(item, Ended)]
    assert Execution.from_dict(ends[0].execution) == Execution.from_dict(ends[1].execution)
    assert arrived(second, tmp_path / "second") == FILES
    assert runtime.started == 1
    node.forget(order.scratch)
    assert isinstance(serve(adopting)[-1], Gone)
    assert list(scratch.base_folder().iterdir()) == []


def lose(sandbox: Sandbox) -> Ending:
    raise OutOfReach("The engine is gone.")


def test_agent_out_of_reach_is_taken_over(order: Order, runtime: FakeRuntime, tmp_path: Path):
    runtime.behave = lose
    lost = serve(order)
    assert isinstance(lost[-1], Failed) and lost[-1].kind == "out_of_reach"
    assert "The engine is gone." in lost[-1].text
    found = serve(dataclasses.replace(order, adopts=True))
    assert isinstance(found[-1], Ended)
    assert arrived(found, tmp_path / "found") == FILES


def test_agent_that_is_gone_leaves_nothing(order: Order, runtime: FakeRuntime):
    runtime.behave = lose
    serve(order)
    runtime.adoptable = False
    assert isinstance(serve(dataclasses.replace(order, adopts=True))[-1], Gone)
    assert list(scratch.base_folder().iterdir()) == []


def test_agent_is_not_given_up_for_data_that_is_out_of_reach(
    order: Order, runtime: FakeRuntime, monkeypatch: pytest.MonkeyPatch
):
    runtime.behave = lose
    serve(order)

    def refuse(*_: object, **__: object) -> None:
        raise SourceError("The host does not answer.")

    monkeypatch.setattr("mlebench_data.hub.restoring.open_tree", refuse)
    elsewhere = dataclasses.replace(order, place="https://example.org", adopts=True)
    end = serve(elsewhere)[-1]
    assert isinstance(end, Failed) and end.kind == "out_of_reach"
    assert Scratch.find(order.scratch) is not None
    begun = dataclasses.replace(elsewhere, adopts=False, scratch="run-2")
    end = serve(begun)[-1]
    assert isinstance(end, Failed) and end.kind == "failure"


def fail(sandbox: Sandbox) -> Ending:
    FakeRuntime.submit(sandbox)
    raise RuntimeFailure("The disk is broken.")


def test_what_was_submitted_before_a_failure_is_kept(
    order: Order, runtime: FakeRuntime, tmp_path: Path
):
    runtime.behave = fail
    messages = serve(order)
    end = messages[-1]
    assert isinstance(end, Failed) and end.kind == "failure" and "On " in end.text
    assert arrived(messages, tmp_path / "kept") == FILES


def defect(sandbox: Sandbox) -> Ending:
    raise ZeroDivisionError("a defect")


def test_defect_is_told(order: Order, runtime: FakeRuntime):
    runtime.behave = defect
    end = serve(order)[-1]
    assert isinstance(end, Failed) and "ZeroDivisionError: a defect" in end.text


@pytest.mark.parametrize("change", ["manifest_sha256", "public"])
def test_other_data_than_the_driver_has(order: Order, runtime: FakeRuntime, change: str):
    value: Any = "0" * 64 if change == "manifest_sha256" else Path("/nowhere/v1/public")
    work = dataclasses.replace(order.work, **{change: value})
    end = serve(dataclasses.replace(order, work=work))[-1]
    assert isinstance(end, Failed) and end.kind == "lasting"
    assert "share" in end.text
    assert runtime.started == 0


def test_stop(order: Order, runtime: FakeRuntime):
    def wait(sandbox: Sandbox) -> Ending:
        assert runtime.cancelled is not None and runtime.cancelled.wait(10)
        return dataclasses.replace(ENDED, how="interrupted")

    runtime.behave = wait
    end = serve(order, "stop")[-1]
    assert isinstance(end, Ended) and end.execution["ending"]["how"] == "interrupted"
    # It is started anew, and not taken for one that has ended.
    found = Scratch.find(order.scratch)
    assert found is not None and found.execution() is None


def test_task_that_is_ended_stops_its_agent(order: Order, runtime: FakeRuntime):
    def wait(sandbox: Sandbox) -> Ending:
        assert runtime.cancelled is not None and runtime.cancelled.wait(10)
        return dataclasses.replace(ENDED, how="interrupted")

    runtime.behave = wait
    messages = node.serve(order, None)
    assert isinstance(next(messages), Reached)
    assert isinstance(next(messages), Started)
    messages.close()  # type: ignore[attr-defined]
    assert runtime.cancelled is not None and runtime.cancelled.is_set()
    names = [thread.name for thread in threading.enumerate()]
    assert f"serve-{order.scratch}" not in names


def make(name: str, run: str, token: str = "", *, deadline: float = 1e12) -> Scratch:
    made = Scratch.make(name, run, 0)
    if token:
        made.note_token(token)
    (made.folder / "record.json").write_text(f'{{"run": "{run}", "deadline": {deadline}}}')
    return made


def test_what_is_tidied_up(order: Order, runtime: FakeRuntime):
    make("mine-wanted", "mine", "t1")
    make("mine-unwanted", "mine", "t2")
    make("mine-never-started", "mine")
    make("other", "other", "t3")
    make("other-dropped", "other", "t4")
    make("other-old", "other", "t5", deadline=0)
    (scratch.base_folder() / "no-record").mkdir()
    lines = node.tidy("mine", "fake", ["mine-wanted"], ["other-dropped"])
    left = sorted(path.name for path in scratch.base_folder().iterdir())
    assert left == ["mine-wanted", "no-record", "other"]
    assert runtime.left == [{"t1", "t3"}, {"t2", "t4", "t5"}]
    assert len(lines) == 4


def test_folder_that_another_process_serves(
    order: Order, runtime: FakeRuntime, monkeypatch: pytest.MonkeyPatch
):
    served = make("mine-1", "mine", "t")
    here = Owner.current()
    parent = dataclasses.replace(here, pid=1, started=_start_of(1))
    (served.folder / "owner").write_text(str(parent))
    assert served.is_served()
    assert node.tidy("mine", "fake", [], []) == []
    end = serve(dataclasses.replace(order, scratch="mine-1", adopts=True))[-1]
    assert isinstance(end, Failed) and end.kind == "out_of_reach"
    (served.folder / "owner").write_text(str(dataclasses.replace(parent, started="0")))
    assert not served.is_served()
    assert [item.folder for item in look_around("mine", [], []).unwanted] == [served.folder]


def _start_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def test_folder_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    base = scratch.base_folder()
    assert base.stat().st_mode & 0o777 == 0o700
    base.chmod(0o777)
    with pytest.raises(MlebenchError, match="not this account's alone"):
        scratch.base_folder()
    base.rmdir()
    base.symlink_to(tmp_path)
    with pytest.raises(MlebenchError, match="not this account's alone"):
        scratch.base_folder()
