"""What arrives of an attempt while its agent works, and what is put in its place in the end."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mlebench_data.errors import IntegrityError
from mlebench_data.harness.cluster import mirror as mirror_module
from mlebench_data.harness.cluster.archive import pack
from mlebench_data.harness.cluster.messages import FilePiece, LogPiece
from mlebench_data.harness.cluster.mirror import Mirror
from mlebench_data.harness.cluster.receiver import LEFT_OUT, Receiver
from mlebench_data.harness.runtimes.base import Cancelled


class Sides:
    """A node's folder and the driver's."""

    def __init__(self, tmp_path: Path) -> None:
        self.node, self.driver = tmp_path / "node", tmp_path / "driver"
        for name in ("submission", "snapshots"):
            (self.node / name).mkdir(parents=True)
        self.driver.mkdir()
        self.mirror = Mirror(self.node)
        self.receiver = Receiver(self.driver, Cancelled())

    def send(self) -> list[LogPiece | FilePiece]:
        pieces = list(self.mirror.changes())
        for piece in pieces:
            if isinstance(piece, LogPiece):
                self.receiver.log(piece)
            else:
                self.receiver.file(piece)
        return pieces

    def arrived(self, name: str) -> str:
        return (self.driver / name).read_text()


@pytest.fixture
def sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sides:
    monkeypatch.setattr(mirror_module, "_SUBMISSION_SECONDS", 0.0)
    monkeypatch.setattr(mirror_module, "CHUNK_BYTES", 10)
    return Sides(tmp_path)


def test_log_grows_as_it_is_written(sides: Sides):
    assert sides.send() == []
    log = sides.node / "agent.log"
    log.write_text("first ")
    sides.send()
    assert sides.arrived("agent.log") == "first "
    log.write_text("first and then more")
    sides.send()
    sides.send()
    assert sides.arrived("agent.log") == "first and then more"
    assert sides.send() == []
    log.write_text("anew")
    sides.send()
    assert sides.arrived("agent.log") == "anew"


def test_submission_that_is_being_written_is_waited_for(sides: Sides):
    path = sides.node / "submission" / "submission.csv"
    path.write_text("id,label\n1,")
    assert sides.send() == [], "seen once"
    path.write_text("id,label\n1,plain\n")
    assert sides.send() == [], "another than before"
    assert len(sides.send()) == 2, "in pieces"
    assert sides.arrived("submission/submission.csv") == "id,label\n1,plain\n"
    assert sides.send() == [], "once only"


def test_file_that_changes_while_it_is_sent_does_not_appear(sides: Sides):
    path = sides.node / "submission" / "submission.csv"
    path.write_text("a" * 25)
    sides.send()
    pieces = sides.mirror.changes()
    first = next(pieces)
    assert isinstance(first, FilePiece)
    path.write_text("b" * 25)
    rest = list(pieces)
    for piece in (first, *rest):
        assert isinstance(piece, FilePiece) and not piece.last
        sides.receiver.file(piece)
    assert not (sides.driver / "submission").exists()
    sides.send()
    sides.send()
    assert sides.arrived("submission/submission.csv") == "b" * 25


def test_copies_and_use_of_models(sides: Sides):
    (sides.node / "snapshots" / "60.csv").write_text("id\n1\n")
    for name in (".x.partial", "a.csv", "-1.csv", "1e9.csv", "60.csv.csv", "\u0661.csv"):
        (sides.node / "snapshots" / name).write_text("id")
    (sides.node / "usage.json").write_text("{}")
    (sides.node / "snapshots" / "90.csv").write_text("")
    sides.send()
    assert sides.arrived("snapshots/60.csv") == "id\n1\n"
    assert sides.arrived("snapshots/90.csv") == ""
    assert sides.arrived("usage.json") == "{}"
    assert len(list((sides.driver / "snapshots").iterdir())) == 2


def link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


@pytest.mark.parametrize("make", [link, os.mkfifo, os.mkdir])
@pytest.mark.parametrize("name", ["agent.log", "submission/submission.csv", "usage.json"])
def test_odd_files_are_not_touched(make: Callable[[Path], None], name: str, sides: Sides):
    make(sides.node / name)
    assert sides.send() == sides.send() == []


@pytest.mark.parametrize(
    "path",
    [
        "result.json",
        "state.json",
        "../other/agent.log",
        "snapshots/../state.json",
        "snapshots/a/b.csv",
        "snapshots/1/2.csv",
        "snapshots/best.csv",
        "/etc/passwd",
        "submission/other.csv",
        "",
    ],
)
def test_files_that_no_node_may_send(path: str, sides: Sides):
    with pytest.raises(IntegrityError):
        sides.receiver.file(FilePiece(path, 0, b"x", last=True))
    assert list(sides.driver.iterdir()) == []


def test_file_that_is_too_large(sides: Sides):
    with pytest.raises(IntegrityError, match="more than"):
        sides.receiver.file(FilePiece("usage.json", 1024**3, b"x", last=False))


def test_everything_replaces_what_was_sent_before(sides: Sides):
    (sides.driver / "state.json").write_text("{}")
    (sides.driver / "submission").mkdir()
    (sides.driver / "submission" / "submission.csv").write_text("old")
    (sides.driver / "agent.log").write_text("old")
    (sides.node / "submission" / "submission.csv").symlink_to("/etc/passwd")
    (sides.node / "agent.log").write_text("new")
    sides.receiver.everything(pack(sides.node, []))
    assert sides.arrived("agent.log") == "new"
    assert sides.arrived("state.json") == "{}"
    assert (sides.driver / "submission" / "submission.csv").is_symlink()
    assert sorted(path.name for path in sides.driver.iterdir()) == [
        *("agent.log", "snapshots", "state.json", "submission")
    ]


def test_archive_with_a_forged_record_changes_nothing(sides: Sides):
    (sides.driver / "agent.log").write_text("old")
    (sides.node / "agent.log").write_text("new")
    (sides.node / "result.json").write_text('{"outcome": "scored"}')
    with pytest.raises(IntegrityError, match=r"result\.json"):
        sides.receiver.everything(pack(sides.node, []))
    assert [path.name for path in sides.driver.iterdir()] == ["agent.log"]
    assert sides.arrived("agent.log") == "old"


def test_list_of_what_stayed_on_the_node(sides: Sides):
    sides.receiver.left_out([])
    assert list(sides.driver.iterdir()) == []
    sides.receiver.left_out(["code/\udcff: too large", "logs"])
    assert sides.arrived(LEFT_OUT) == "code/\\udcff: too large\nlogs\n"
