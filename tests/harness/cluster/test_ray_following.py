"""One attempt seen from the driver: a task that waits, fails, breaks off, or is to stop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlebench_data.harness.cluster import following
from mlebench_data.harness.cluster.following import Follower, NodeLost
from mlebench_data.harness.cluster.messages import (
    ArchivePiece,
    Ended,
    Failed,
    Gone,
    LogPiece,
    Reached,
    Started,
)
from mlebench_data.harness.cluster.receiver import Receiver
from mlebench_data.harness.cluster.resources import Node, Request
from mlebench_data.harness.executor import Execution
from mlebench_data.harness.runtimes.base import Cancelled, Ending
from mlebench_data.harness.runtimes.failures import LastingFailure, OutOfReach, RuntimeFailure

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'mlebench-data[ray]'")

REACHED = Reached("host", "abc")
EXECUTION = Execution(Ending("exited", 0, 1.0, "then", "now"), "host")
ENDED = Ended(EXECUTION.to_dict(), ())


class Task:
    """Stands for a Ray task: gives messages, errors, or (None) keeps one waiting for ever."""

    def __init__(self, items: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
        self.items = list(items)
        self.cancelled = False
        monkeypatch.setattr(ray, "wait", self.wait)
        monkeypatch.setattr(ray, "get", lambda item: item)
        monkeypatch.setattr(ray, "cancel", self.cancel)

    def wait(self, waited: list[Any], **_: object) -> tuple[list[Any], list[Any]]:
        return ([], waited) if self.items[:1] == [None] else (waited, [])

    def cancel(self, task: Any) -> None:
        assert task is self
        self.cancelled = True

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if not self.items:
            raise StopIteration
        item = self.items.pop(0)
        if isinstance(item, Exception):
            raise item
        return item


class Board:
    """Stands for the actor; keeps how urgently a stop was asked for."""

    def __init__(self) -> None:
        self.levels: list[int] = []
        self.raise_to = self
        self.remote = self.levels.append


class Case:
    """A follower of a task."""

    def __init__(self, items: list[Any], monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.task = Task(items, monkeypatch)
        self.board = Board()
        self.cancelled = Cancelled()
        self.started: list[tuple[Any, ...]] = []
        self.folder = folder
        self.adopts = False

    def follow(self) -> Execution | None:
        self.follower = Follower(
            self.task, self.board, Request(1, 0, 0), 1.0, self.cancelled, adopts=self.adopts
        )
        try:
            return self.follower.see_to_the_end(
                Receiver(self.folder, self.cancelled),
                lambda *told: self.started.append(told),
            )
        finally:
            self.follower.close()


@pytest.fixture
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Case:
    monkeypatch.setattr(following, "_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(following, "machines", lambda: [Node("abc", "host", 1, 0, 0)])
    return Case(getattr(request, "param", []), monkeypatch, tmp_path)


def test_attempt_that_ends(case: Case):
    case.task.items = [REACHED, Started("host", ()), LogPiece(0, b"log"), ENDED]
    assert case.follow() == EXECUTION
    assert case.started == [("abc", "host", ())]
    assert (case.folder / "agent.log").read_bytes() == b"log"
    assert case.follower.concluded and not case.task.cancelled


@pytest.mark.parametrize(
    ("end", "kind", "concluded"),
    [
        (Failed("failure", "text"), RuntimeFailure, True),
        (Failed("lasting", "text"), LastingFailure, True),
        (Failed("out_of_reach", "text"), OutOfReach, False),
        (ray.exceptions.NodeDiedError("It is dead. More about it."), NodeLost, False),
        (ray.exceptions.WorkerCrashedError(), NodeLost, False),
        (ray.exceptions.ObjectLostError("00", None, "stack"), NodeLost, False),
        (ray.exceptions.OutOfMemoryError("killed"), NodeLost, False),
    ],
    ids=lambda item: getattr(item, "kind", type(item).__name__),
)
def test_attempt_that_fails(end: Any, kind: type[Exception], concluded: bool, case: Case):
    case.task.items = [REACHED, Started("host", ()), end]
    with pytest.raises(kind) as failure:
        case.follow()
    assert type(failure.value) is kind
    assert case.follower.concluded is concluded
    if kind is NodeLost:
        assert "host is lost, or the task on it" in str(failure.value)
        assert failure.value.pause_seconds == 1.0  # type: ignore[attr-defined]
        assert case.task.cancelled


def test_task_that_ends_without_a_word(case: Case):
    case.task.items = [REACHED]
    with pytest.raises(NodeLost, match="without telling how"):
        case.follow()


def test_archive_that_breaks_off(case: Case):
    case.task.items = [REACHED, ArchivePiece(b"\0" * 100, last=False)]
    with pytest.raises(NodeLost, match="broke off"):
        case.follow()
    assert not case.follower.concluded


def test_nothing_to_take_over(case: Case):
    case.adopts = True
    case.task.items = [REACHED, Gone()]
    assert case.follow() is None


def test_cluster_without_room(case: Case, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(following, "machines", list)
    case.task.items = [None]
    with pytest.raises(RuntimeFailure, match=r"No machine is left .* \(1 CPU\)"):
        case.follow()
    assert case.task.cancelled, "it must not start later"


def test_stop_of_what_waits_for_room(case: Case):
    case.task.items = [None]
    case.cancelled.set()
    found = case.follow()
    assert found is not None and found.ending.how == "interrupted"
    assert case.task.cancelled
    assert case.board.levels == []


@pytest.mark.parametrize("hurry", [False, True])
@pytest.mark.parametrize("adopts", [False, True])
def test_stop_of_what_runs(hurry: bool, adopts: bool, case: Case, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(following, "_PATIENCE", -1.0)
    case.adopts = adopts
    case.task.items = [None] if adopts else [REACHED, None]
    case.cancelled.set()
    if hurry:
        case.cancelled.hurry.set()
    with pytest.raises(OutOfReach, match="does not stop"):
        case.follow()
    assert case.board.levels == [2 if hurry else 1]
