"""What agents left is graded in processes with limits: same verdicts, and no file does harm."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import pickle
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from command_line import Command, read_result, wait_for
from tiny_competition import PLAIN, PLAIN_SCORE, SECRET, Tiny

from mlebench_data.catalogue import Competition, load_competition
from mlebench_data.catalogue.catalogue import read_competition
from mlebench_data.grading import grade
from mlebench_data.harness import limited_grading
from mlebench_data.harness.limited import client
from mlebench_data.harness.limited.client import Done, LimitedProcesses
from mlebench_data.harness.limited.limits import ProcessLimits
from mlebench_data.harness.limited.tasks import Task
from mlebench_data.harness.limited_grading import grade_within_limits, limits_for
from mlebench_data.harness.runtimes.failures import RuntimeFailure
from mlebench_data.harness.scoring import grade_submission, score_snapshots

MIB = 1024**2
LOW = ProcessLimits(256 * MIB, 30)
VECTORS = Path(__file__).parent.parent / "vectors"
#: Of all kinds: geometry, run lengths, text, tables of numbers, answers with a reader of their own.
SAME = [
    "3d-object-detection-for-autonomous-vehicles",
    "AI4Code",
    "denoising-dirty-documents",
    "facebook-recruiting-iii-keyword-extraction",
    "nomad2018-predict-transparent-conductors",
    "smartphone-decimeter-2022",
    "spooky-author-identification",
    "text-normalization-challenge-english-language",
    "tgs-salt-identification-challenge",
    "vesuvius-challenge-ink-detection",
]


@dataclass
class Watched:
    """Processes with limits of a test's choice, and how each of them ended."""

    processes: LimitedProcesses
    monkeypatch: pytest.MonkeyPatch
    endings: list[Done] = field(default_factory=list)

    def do(self, *arguments: Any, **keys: Any) -> Done:
        self.endings.append(self.processes.do(*arguments, **keys))
        return self.endings[-1]

    def allow(self, limits: ProcessLimits) -> None:
        self.monkeypatch.setattr(limited_grading, "limits_for", lambda size: limits)

    @property
    def helper(self) -> psutil.Process:
        assert self.processes._process is not None
        return psutil.Process(self.processes._process.pid)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched(client.PROCESSES, monkeypatch)
    monkeypatch.setattr(limited_grading, "PROCESSES", watched)
    return watched


@pytest.fixture
def own_helper(watched: Watched) -> Iterator[Watched]:
    """With a helper that no other test has, and that may be harmed."""
    watched.processes = LimitedProcesses()
    yield watched
    watched.processes.close()


@pytest.fixture
def competition(tiny: Tiny) -> Competition:
    return load_competition("tiny", tiny.catalogue)


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    path = tmp_path / "submission" / "submission.csv"
    path.parent.mkdir()
    path.write_text(PLAIN)
    return path


@pytest.fixture
def misbehaving(tiny: Tiny, tmp_path: Path) -> Callable[[str], Competition]:
    """Make the tiny competition with a reader of answers that does something else first."""

    def make(code: str) -> Competition:
        folder = tmp_path / "misbehaving" / "tiny"
        shutil.copytree(tiny.catalogue / "tiny", folder)
        first = tmp_path / "it-was-here"
        (folder / "answers.py").write_text(
            "import os, signal, time, warnings\nfrom pathlib import Path\n"
            "from mlebench_data.tables import read_csv\n"
            f"first = not Path({str(first)!r}).exists()\nPath({str(first)!r}).touch()\n"
            f"def read_answers(stream, version):\n    {code}\n"
            '    return read_csv(stream, missing_tokens="empty")\n'
        )
        return read_competition(folder)

    return make


@pytest.mark.parametrize("competition_id", SAME)
def test_same_reports(competition_id: str, tmp_path: Path) -> None:
    with tarfile.open(VECTORS / f"{competition_id}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    (answers,) = (path.read_bytes() for path in tmp_path.glob("answers.*"))
    competition = load_competition(competition_id)
    version = competition.versions[0]
    paths = sorted((tmp_path / "submissions").iterdir())
    assert paths
    for path in paths:
        expected = grade(competition, path, answers=answers)
        # As text, for NaN is not equal to itself.
        found = grade_within_limits(competition, version, path, answers)
        assert found.to_json() == expected.to_json()


@pytest.mark.parametrize(
    "content", [None, b"", b"\x00", b"id,label\n1,\xff\n", b"\n\n", PLAIN.encode() + b"9,plain\n"]
)
def test_same_reports_of_what_is_no_submission(
    content: bytes | None, competition: Competition, tiny: Tiny, submission: Path
) -> None:
    submission.unlink()
    if content is not None:
        submission.write_bytes(content)
    answers = tiny.answers.read_bytes()
    expected = grade(competition, submission, answers=answers)
    assert grade_within_limits(competition, "v1", submission, answers) == expected


def test_relative_path_with_half_a_character(
    competition: Competition, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("a\udcff.csv")
    path.write_text(PLAIN)
    report = grade_within_limits(competition, "v1", path, tiny.answers.read_bytes())
    assert (report.score, report.submission_path) == (PLAIN_SCORE, str(path))


#: Python for the bytes, and the reason.
HOSTILE: dict[str, tuple[Callable[[], Iterator[bytes]], str]] = {
    "separators": (
        lambda: itertools.repeat(b"," * MIB, 100),
        "the header has more than 10,000 columns",
    ),
    "separators in a row": (
        lambda: itertools.chain([b"id,label\n1"], itertools.repeat(b"," * MIB, 100)),
        "the first row has more than 10,000 columns",
    ),
    "lines of one character": (
        lambda: itertools.chain([b"id,label\n"], itertools.repeat(b"1\n" * 500_000, 100)),
        "takes more than 0.2 GiB of memory",
    ),
    "one long cell": (
        lambda: itertools.chain([b'id,label\n1,"'], itertools.repeat(b"x" * MIB, 300), [b'"\n']),
        "takes more than 0.2 GiB of memory",
    ),
    "nothing but quotes": (
        lambda: itertools.chain([b"id,label\n"], itertools.repeat(b'"' * MIB, 50)),
        "",
    ),
    "quotes in quotes": (
        lambda: itertools.chain([b"id,label\n"], itertools.repeat(b'"","""' * 100_000, 100)),
        "",
    ),
    "wide header": (
        lambda: (b"column%d," % number for number in range(1_000_000)),
        "the header has more than 10,000 columns",
    ),
    "long texts": (
        lambda: itertools.chain(
            [b"id,label\n"], (b"%d," % row + b"y" * 1000 + b"\n" for row in range(400_000))
        ),
        "takes more than 0.2 GiB of memory",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_invalid_within_bounds(
    name: str, competition: Competition, tiny: Tiny, submission: Path, watched: Watched
) -> None:
    blocks, reason = HOSTILE[name]
    with submission.open("wb") as stream:
        stream.writelines(blocks())
    watched.allow(LOW)
    before = psutil.Process().memory_info().rss
    report = grade_within_limits(competition, "v1", submission, tiny.answers.read_bytes())
    after = psutil.Process().memory_info().rss
    submission.unlink()
    assert (report.status, report.score) == ("invalid", None)
    assert reason in str(report.reason)
    assert len(str(report.reason)) < 1000
    (ending,) = watched.endings
    assert ending.seconds < 25
    # The file itself, mapped to be looked through, counts as memory while nobody needs the room.
    assert ending.peak_bytes < watched.helper.memory_info().rss + LOW.memory_bytes + 330 * MIB
    assert after - before < 64 * MIB


def test_too_much_memory_is_told(
    misbehaving: Callable[[str], Competition], tiny: Tiny, submission: Path, watched: Watched
) -> None:
    watched.allow(LOW)
    competition = misbehaving("bytearray(10**9)")
    report, digest = grade_submission(
        competition, "v1", submission.parent.parent, tiny.answers.read_bytes()
    )
    assert report.status == "invalid"
    assert "takes more than" in str(report.reason)
    assert f"{len(PLAIN)} bytes" in str(report.reason)
    assert "Hand in a plain CSV file" in str(report.reason)
    assert report.submission_path == "submission/submission.csv"
    assert report.submission_sha256 == digest is not None
    assert report.gold_threshold == 0.9
    assert len(watched.endings) == 1


def test_want_of_memory_by_another_name(
    misbehaving: Callable[[str], Competition], tiny: Tiny, submission: Path, watched: Watched
) -> None:
    watched.allow(LOW)
    competition = misbehaving("x = bytearray(b'x' * (110 << 20)); raise RuntimeError('no thread')")
    report = grade_within_limits(competition, "v1", submission, tiny.answers.read_bytes())
    assert "of memory" in str(report.reason)


def test_hanging(
    misbehaving: Callable[[str], Competition], tiny: Tiny, submission: Path, watched: Watched
) -> None:
    watched.allow(ProcessLimits(limited_grading.GIB, 1.0))
    competition = misbehaving("signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)")
    start = time.monotonic()
    report = grade_within_limits(competition, "v1", submission, tiny.answers.read_bytes())
    assert report.status == "invalid"
    assert "takes more than 1 seconds" in str(report.reason)
    assert time.monotonic() - start < 15
    assert watched.helper.children() == []


def test_interrupted(
    misbehaving: Callable[[str], Competition], tiny: Tiny, submission: Path, watched: Watched
) -> None:
    competition = misbehaving("time.sleep(60)")
    under_way = submission.parent.parent / "it-was-here"

    def interrupt() -> None:
        while not under_way.exists():
            time.sleep(0.05)
        watched.processes.cancel()

    thread = threading.Thread(target=interrupt, daemon=True)
    thread.start()
    start = time.monotonic()
    with pytest.raises(RuntimeFailure, match=r"submission\.csv was interrupted"):
        grade_within_limits(competition, "v1", submission, tiny.answers.read_bytes())
    assert time.monotonic() - start < 30


def test_killed_each_time(
    misbehaving: Callable[[str], Competition], tiny: Tiny, submission: Path, watched: Watched
) -> None:
    competition = misbehaving("os.kill(os.getpid(), signal.SIGKILL)")
    report = grade_within_limits(competition, "v1", submission, tiny.answers.read_bytes())
    assert report.status == "invalid"
    assert "ended the process that does it (SIGKILL), twice" in str(report.reason)
    assert [ending.how for ending in watched.endings] == ["died", "died"]


def test_killed_once(
    misbehaving: Callable[[str], Competition], tiny: Tiny, submission: Path, watched: Watched
) -> None:
    competition = misbehaving("first and os.kill(os.getpid(), signal.SIGKILL)")
    report = grade_within_limits(competition, "v1", submission, tiny.answers.read_bytes())
    assert (report.status, report.score) == ("valid", PLAIN_SCORE)
    assert [ending.how for ending in watched.endings] == ["died", "done"]


def test_faults_of_ours_stay_ours(
    misbehaving: Callable[[str], Competition],
    tiny: Tiny,
    submission: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    competition = misbehaving("raise LookupError('ours')")
    report = grade_within_limits(competition, "v1", submission, tiny.answers.read_bytes())
    assert (report.status, report.reason) == ("error", "LookupError: ours")
    assert "Grading of tiny failed" in caplog.text
    assert "answers.py" in caplog.text
    nonsense = functools.partial(dataclasses.replace, name="nonsense")
    monkeypatch.setattr(limited_grading, "Task", lambda *arguments: nonsense(Task(*arguments)))
    with pytest.raises(RuntimeFailure, match=r"submission.csv failed: KeyError: 'nonsense'"):
        grade_within_limits(competition, "v1", submission, tiny.answers.read_bytes())


def test_helper_dies_during_a_job(
    misbehaving: Callable[[str], Competition], tiny: Tiny, submission: Path, own_helper: Watched
) -> None:
    own_helper.allow(ProcessLimits(limited_grading.GIB, 30))
    competition = misbehaving("first and time.sleep(600)")
    answers = tiny.answers.read_bytes()
    with ThreadPoolExecutor(1) as pool:
        grading = pool.submit(grade_within_limits, competition, "v1", submission, answers)
        wait_for((submission.parent.parent / "it-was-here").exists)
        helper = own_helper.helper
        (orphan,) = helper.children()
        helper.kill()
        assert grading.result(60).score == PLAIN_SCORE
    assert psutil.wait_procs([orphan], timeout=10)[1] == []
    assert own_helper.helper.pid != helper.pid


def test_no_helper(
    competition: Competition,
    tiny: Tiny,
    submission: Path,
    own_helper: Watched,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = tiny.answers.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/nonexistent/python")
        with pytest.raises(RuntimeFailure, match=r"could be started: .*nonexistent"):
            grade_within_limits(competition, "v1", submission, answers)
    with monkeypatch.context() as patch:
        patch.setattr(client, "_SERVER", "no_such_module")
        with pytest.raises(RuntimeFailure, match="no_such_module"):
            grade_within_limits(competition, "v1", submission, answers)
    assert grade_within_limits(competition, "v1", submission, answers).score == PLAIN_SCORE


def test_all_ends_with_the_helper(
    misbehaving: Callable[[str], Competition], tiny: Tiny, submission: Path, own_helper: Watched
) -> None:
    competition = misbehaving("time.sleep(600)")
    own_helper.processes.start()
    task = Task("grade", competition, "v1", submission)
    code = (
        "import sys, pickle\n"
        "from mlebench_data.harness.limited.client import PROCESSES\n"
        "from mlebench_data.harness.limited.limits import ProcessLimits\n"
        "task = pickle.load(sys.stdin.buffer)\n"
        "PROCESSES.do(task, ProcessLimits(2**30, 600), b'')\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as harness:
        assert harness.stdin is not None
        harness.stdin.write(pickle.dumps(task))
        harness.stdin.close()
        wait_for((submission.parent.parent / "it-was-here").exists)
        below = psutil.Process(harness.pid).children(recursive=True)
        assert len(below) == 2
        harness.kill()
    _, alive = psutil.wait_procs(below, timeout=10)
    assert alive == []


def test_secrets_are_nowhere_to_be_seen(
    misbehaving: Callable[[str], Competition],
    tiny: Tiny,
    submission: Path,
    own_helper: Watched,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLEBENCH_KEY", "the-master-key")
    own_helper.allow(ProcessLimits(limited_grading.GIB, 3))
    competition = misbehaving("time.sleep(600)")
    answers = tiny.answers.read_bytes()
    with ThreadPoolExecutor(1) as pool:
        grading = pool.submit(grade_within_limits, competition, "v1", submission, answers)
        wait_for((submission.parent.parent / "it-was-here").exists)
        helper = own_helper.helper
        (child,) = helper.children()
        for process in (helper, child):
            shown = "\0".join([*process.cmdline(), *process.environ().values()])
            for secret in ("".join(SECRET), "the-master-key", str(tiny.answers)):
                assert secret not in shown
            opened = [file.path for file in process.open_files()]
            assert [path for path in opened if "test.csv" in path] == []
        # Whoever keeps a socket of another job keeps that one waiting.
        assert child.num_fds() < 6
        assert grading.result(30).status == "invalid"


def test_many_at_once(competition: Competition, tiny: Tiny, submission: Path) -> None:
    answers = tiny.answers.read_bytes()
    with ThreadPoolExecutor(8) as pool:
        reports = list(
            pool.map(
                lambda _: grade_within_limits(competition, "v1", submission, answers), range(40)
            )
        )
    assert {report.score for report in reports} == {PLAIN_SCORE}


def test_large_ones_wait_for_each_other(
    competition: Competition, tiny: Tiny, submission: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = tiny.answers.read_bytes()
    monkeypatch.setattr(limited_grading, "LARGE", len(PLAIN))
    running: list[int] = []
    most: list[int] = []

    class Counting:
        def do(self, *arguments: Any) -> Done:
            running.append(1)
            most.append(len(running))
            try:
                return client.PROCESSES.do(*arguments)
            finally:
                running.pop()

    monkeypatch.setattr(limited_grading, "PROCESSES", Counting())
    threads = [
        threading.Thread(target=grade_within_limits, args=(competition, "v1", submission, answers))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1, 1]


def test_helper_is_fit_to_fork(
    competition: Competition, tiny: Tiny, submission: Path, watched: Watched
) -> None:
    for _ in range(3):
        grade_within_limits(competition, "v1", submission, tiny.answers.read_bytes())
    helper = watched.helper
    assert helper.num_threads() == 1
    assert helper.children() == []
    assert helper.num_fds() < 12


def test_limits_grow_with_the_files() -> None:
    total = psutil.virtual_memory().total
    assert limits_for(0).memory_bytes == min(8 * 2**30, int(total * 0.9))
    assert limits_for(2**40).memory_bytes == int(total * 0.9)
    assert 600 == limits_for(0).seconds < limits_for(2**30).seconds < 1200


def test_a_run_goes_on(mlebench: Command, out: Path, make_agent: Any, watched: Watched) -> None:
    watched.allow(LOW)
    bomb = make_agent("bomb", "submission.write_bytes(b'id,label\\n' + b'1\\n' * 50_000_000)")
    good = make_agent("good", "submission.write_text(plain)")
    finished = mlebench(
        "run", "--agent", bomb, good, "--competition", "tiny", "--runtime", "local", "--out", out
    )
    assert finished.code == 0
    result = read_result(out, "bomb")
    assert (result["outcome"], result["tries"]) == ("invalid", 1)
    assert "of memory" in result["reason"]
    assert read_result(out, "good")["grading"]["score"] == PLAIN_SCORE
    # Scored again, it comes to the same.
    assert "invalid" in mlebench("score", out, "--force").err
    assert len([ending for ending in watched.endings if ending.how == "out_of_memory"]) == 2


def test_snapshots(competition: Competition, tiny: Tiny, tmp_path: Path, watched: Watched) -> None:
    watched.allow(LOW)
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots" / "60.csv").write_bytes(b"id,label\n" + b"1\n" * 50_000_000)
    (tmp_path / "snapshots" / "120.csv").write_text(PLAIN)
    found = score_snapshots(competition, "v1", tmp_path, tiny.answers.read_bytes())
    assert [(item["status"], item["score"]) for item in found] == [
        ("invalid", None),
        ("valid", PLAIN_SCORE),
    ]
