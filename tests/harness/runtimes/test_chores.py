"""What is done beside a running agent: snapshots, warnings, looks at its costs."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mlebench_data.harness.runtimes import snapshots as module
from mlebench_data.harness.runtimes.chores import Chores
from mlebench_data.harness.runtimes.failures import RuntimeFailure
from mlebench_data.harness.runtimes.sandbox import ModelAccess, Snapshots, Warnings
from mlebench_data.harness.runtimes.snapshots import SnapshotTaker
from mlebench_data.harness.runtimes.time_left import FILE_NAME, TimeLeft, write_time_left

# ---------------------------------------------------------------- chores


def test_chores_are_called_when_due():
    calls = []

    def chore(elapsed: float) -> float:
        calls.append(elapsed)
        return elapsed + 0.1 if len(calls) < 3 else float("inf")

    with Chores(time.monotonic(), {"some": chore}) as chores:
        time.sleep(0.6)
    assert len(calls) == 3
    assert chores.forced is None and chores.errors == {}


def test_chore_can_force_the_end():
    with Chores(time.monotonic(), {"some": lambda elapsed: "cost_limit"}) as chores:
        time.sleep(0.2)
    assert chores.forced == "cost_limit"


def test_failing_chore_is_told_and_harms_nothing():
    def fails(elapsed: float) -> float:
        raise OSError("no luck")

    with Chores(time.monotonic(), {"some": fails}) as chores:
        time.sleep(0.1)
    assert chores.errors == {"some": "OSError: no luck"}
    assert chores.forced is None


def test_chores_end_with_their_block():
    begin = time.monotonic()
    with Chores(begin, {"far": lambda elapsed: 1e9}):
        time.sleep(0.1)
    assert time.monotonic() - begin < 5


# ---------------------------------------------------------------- snapshots


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "submission").mkdir()
    return tmp_path / "submission", tmp_path / "snapshots"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_snapshots_are_taken_when_something_has_changed(folders: tuple[Path, Path]):
    submission, copies = folders
    taker = SnapshotTaker(Snapshots(10, copies), submission)
    assert taker(0.0) == 10
    assert taker(10.2) == 20
    assert names(copies) == [], "there is no submission"
    for elapsed, text in ((20.1, "a"), (30.0, "a"), (40.0, "b")):
        (submission / "submission.csv").write_text(text)
        taker(elapsed)
    assert names(copies) == ["20.csv", "40.csv"]
    assert (copies / "40.csv").read_text() == "b"
    assert taker.taken == 2
    # A harness that takes over knows the last copy.
    later = SnapshotTaker(Snapshots(10, copies), submission)
    assert later(55.0) == 60
    assert names(copies) == ["20.csv", "40.csv"]


def link(path: Path) -> None:
    (path.parent.parent / "answers").write_text("secret")
    path.symlink_to(path.parent.parent / "answers")


def hard_link(path: Path) -> None:
    (path.parent.parent / "answers").write_text("secret")
    os.link(path.parent.parent / "answers", path)


def sparse(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(10**8)


@pytest.mark.parametrize("make", [link, hard_link, os.mkfifo, Path.mkdir, sparse])
def test_hostile_submissions_are_not_copied(
    folders: tuple[Path, Path], make: Callable[[Path], None]
):
    submission, copies = folders
    make(submission / "submission.csv")
    taker = SnapshotTaker(Snapshots(10, copies), submission)
    assert taker(10.0) == 20
    assert names(copies) == []
    assert taker.missed[0].startswith("10 s: submission.csv ")


def test_file_too_large(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch):
    from mlebench_data.harness import collect

    monkeypatch.setattr(collect, "MAX_BYTES", 1000)
    submission, copies = folders
    (submission / "submission.csv").write_bytes(b"x" * 1001)
    taker = SnapshotTaker(Snapshots(10, copies), submission)
    taker(10.0)
    assert names(copies) == [] and "allowed" in taker.missed[0]


def test_file_that_changes_while_it_is_looked_at(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
):
    """What passes the look may be exchanged before it is opened."""
    submission, copies = folders
    path = submission / "submission.csv"
    path.write_text("mine")
    other = submission / "other"
    link(other)
    real = module.find_submission

    def exchanged(folder: Path) -> Path | None:
        found = real(folder)
        path.unlink()
        other.rename(path)
        return found

    taker = SnapshotTaker(Snapshots(10, copies), submission)
    monkeypatch.setattr(module, "find_submission", exchanged)
    taker(10.0)
    assert names(copies) == []
    assert len(taker.missed) == 1


def test_file_that_is_being_written_is_tried_again(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
):
    submission, copies = folders
    path = submission / "submission.csv"
    path.write_text("half")
    monkeypatch.setattr(module, "_PAUSE", 0.0)
    real, turns = module.hashlib.sha256, []

    def sha256(*arguments):
        # Called once the copy has begun.
        turns.append(1)
        if len(turns) <= 2:
            path.write_text("half" * (1 + len(turns)))
        return real(*arguments)

    monkeypatch.setattr(module.hashlib, "sha256", sha256)
    taker = SnapshotTaker(Snapshots(10, copies), submission)
    taker(10.0)
    assert (copies / "10.csv").read_text() == "half" * 3
    assert taker.missed == []
    monkeypatch.setattr(module.hashlib, "sha256", lambda: path.write_text("x" * 9) and real())
    path.write_text("always")
    monkeypatch.setattr(module, "_copy_unchanged", lambda source, target: None)
    taker(20.0)
    assert "being written" in taker.missed[0]


def test_snapshots_of_a_running_agent(runtime, make_case, tmp_path: Path):
    case = make_case(
        """
        import os, time
        from pathlib import Path
        target = Path(os.environ["SUBMISSION_DIR"], "submission.csv")
        for number in range(8):
            partial = target.with_suffix(".partial")
            partial.write_text(f"{number}\\n" * 1000)
            partial.rename(target)
            time.sleep(0.5)
        print(sorted(os.listdir(target.parent)))
        """,
        snapshots=Snapshots(1.0, tmp_path / "copies"),
    )
    ending = case.run(runtime)
    assert ending.exit_code == 0, case.log
    found = names(tmp_path / "copies")
    assert 2 <= len(found) == ending.details["snapshots_taken"] <= 5
    texts = [(tmp_path / "copies" / name).read_text() for name in found]
    assert all(text == text[:2] * 1000 for text in texts)
    assert len(set(texts)) == len(texts)
    assert case.log == "['submission.csv']\n"


# ---------------------------------------------------------------- warnings


def test_warnings_come_once_each(tmp_path: Path):
    sent = []
    chore = TimeLeft(Warnings((3600, 60, 10), "SIGUSR1"), 100, tmp_path, sent.append)
    assert chore(0.0) == 40, "that from before the start is left out"
    assert sent == [] and names(tmp_path) == []
    assert chore(40.1) == 90
    assert (tmp_path / FILE_NAME).read_text().startswith("60 seconds left, until 20")
    assert chore(90.0) == float("inf")
    assert (tmp_path / FILE_NAME).read_text().startswith("10 seconds left")
    assert sent == ["SIGUSR1"] * 2 and chore.given == 2


def test_taken_over_late_there_is_one_warning(tmp_path: Path):
    chore = TimeLeft(Warnings((60, 10)), 100, tmp_path, lambda name: None)
    assert chore(95.0) == float("inf")
    assert chore.given == 1


def test_planted_link_is_replaced_not_followed(tmp_path: Path):
    logs, target = tmp_path / "logs", tmp_path / "of-root"
    logs.mkdir()
    target.write_text("precious")
    (logs / FILE_NAME).symlink_to(target)
    write_time_left(logs, 60)
    assert target.read_text() == "precious"
    assert not (logs / FILE_NAME).is_symlink()
    assert (logs / FILE_NAME).stat().st_mode & 0o777 == 0o644


def test_folder_in_the_place_of_the_file(tmp_path: Path):
    (tmp_path / FILE_NAME).mkdir()
    sent = []

    def send(name: str) -> None:
        sent.append(name)
        raise RuntimeFailure("no way")

    chore = TimeLeft(Warnings((60, 10), "SIGUSR1"), 100, tmp_path, send)
    chore(40)
    assert sent == ["SIGUSR1"]
    assert [line.split(":")[0] for line in chore.problems] == [FILE_NAME, "SIGUSR1"]
    assert names(tmp_path) == [FILE_NAME]


def test_replaced_folder_of_logs_is_not_written_to(tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "logs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        write_time_left(tmp_path / "logs", 60)
    assert names(tmp_path / "elsewhere") == []


WARNED = """
    import os, signal, subprocess, sys, time
    from pathlib import Path
    # Children that are not asked: the signal would end them.
    children = [subprocess.Popen(["sleep", "60"]) for _ in range(2)]
    orphan = subprocess.run(["sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!"],
                            capture_output=True, text=True)
    seen = []
    signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
    print("ready", flush=True)
    end = time.monotonic() + 20
    while len(seen) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    assert [child.poll() for child in children] == [None, None]
    os.kill(int(orphan.stdout), 0)
    print(Path(os.environ["LOGS_DIR"], "time_left.txt").read_text())
    """


def test_warned_agent(runtime, make_case):
    case = make_case(WARNED, time_seconds=20, warnings=Warnings((18, 16), "SIGUSR1"))
    ending = case.run(runtime)
    assert (ending.how, ending.exit_code) == ("exited", 0), case.log
    assert ending.seconds < 15
    assert case.log.splitlines()[1].startswith("16 seconds left, until 20")
    assert (ending.details["warnings_given"], ending.details["warnings_failed"]) == (2, [])


def test_agent_that_asks_for_no_signal_gets_none(runtime, make_case):
    case = make_case("import time; time.sleep(2)", time_seconds=20, warnings=Warnings((19,)))
    ending = case.run(runtime)
    assert (ending.how, ending.exit_code) == ("exited", 0)
    assert (case.sandbox.folders.logs / FILE_NAME).exists()


# ---------------------------------------------------------------- costs


def test_spent_budget_ends_the_agent_with_grace(local_runtime, make_case):
    spent = threading.Event()
    case = make_case(
        """
        import os, signal, time
        from pathlib import Path
        def finish(*_):
            Path(os.environ["SUBMISSION_DIR"], "submission.csv").write_text(os.environ["KEY"])
            raise SystemExit(0)
        signal.signal(signal.SIGTERM, finish)
        Path("ready").touch()
        time.sleep(60)
        """,
        network="llm",
        models=ModelAccess({"KEY": "throw-away"}, spent.is_set),
        grace_seconds=10,
    )
    ready = case.sandbox.folders.code / "ready"

    def spend() -> None:
        while not ready.exists():
            time.sleep(0.05)
        spent.set()

    thread = threading.Thread(target=spend)
    thread.start()
    ending = case.run(local_runtime)
    thread.join()
    assert (ending.how, ending.exit_code) == ("cost_limit", 0)
    assert case.submission().read_text() == "throw-away"


@pytest.mark.docker
def test_spent_budget_ends_a_container(docker_runtime, make_case):
    case = make_case("import time; time.sleep(60)")
    sandbox = replace(case.sandbox, models=ModelAccess({}, lambda: True))
    ending = docker_runtime.run(sandbox, cancelled=threading.Event())
    assert (ending.how, ending.exit_code) == ("cost_limit", 143)
