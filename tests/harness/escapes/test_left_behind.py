"""What agents leave for those who come after them: the record, its readers, the next try."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import Command, Finished, read_result, write_agent
from tiny_competition import PLAIN, PLAIN_SCORE, SECRET, Tiny

from mlebench_data.harness import collect
from mlebench_data.harness.remove_tree import remove_tree

pytestmark = pytest.mark.docker

LARGEST = 20_000_000

LITTERER = r"""
import io, json, socket, tarfile
logs = Path(os.environ["LOGS_DIR"])
# What looks like the harness's own, at every place that can be written.
forged = json.loads(FORGED)
for folder in (submission.parent, code, logs, logs / "gold-seed0"):
    folder.mkdir(exist_ok=True)
    for name in ("result.json", "state.json", "usage.json", "run.json"):
        (folder / name).write_text(json.dumps(forged))
    (folder / "snapshots").mkdir()
    (folder / "snapshots" / "1.csv").symlink_to(ANSWERS)
    (folder / ".result.json.partial").symlink_to(VICTIM)
    (folder / ".state.json.partial").symlink_to(VICTIM)
(logs / "time_left.txt").unlink(missing_ok=True)
(logs / "time_left.txt").symlink_to(VICTIM)
# Many files, odd names, odd times, odd kinds.
(code / "many").mkdir()
for number in range(20_000):
    os.close(os.open(code / "many" / str(number), os.O_CREAT))
for name in (b"line\nbreak", b"\xff\xfe", b"-rf", b"\x1b]0;owned\x07", "\u202e".encode(), b"%s"):
    os.mkdir(os.path.join(os.fsencode(code), name))
for times in ((-2**31, -2**31), (2**33, 2**33)):
    (code / str(times[0])).touch()
    os.utime(code / str(times[0]), times)
os.mkfifo(logs / "pipe")
os.chdir(logs)
socket.socket(socket.AF_UNIX).bind("socket")
(code / "loop").symlink_to(".")
(code / "root").symlink_to("/")
# Archives that would write elsewhere or become huge, if somebody unpacked them.
with tarfile.open(code / "bomb.tar.gz", "w:gz", compresslevel=1) as archive:
    member = tarfile.TarInfo("../../../../escaped")
    member.size = 30_000_000
    archive.addfile(member, io.BytesIO(bytes(member.size)))
# Output that would steer a terminal, and a last line without an end.
sys.stdout.write("\x1b[2J\x1b]0;owned\x07[bold]\x9b31m\u202e" * 2000 + "\n")
# Room must be left for what the harness says.
sys.stdout.write("\x1b]8;;file:///etc/passwd\x07" + "x" * 3_000_000)
submission.write_text(plain)
os.utime(submission, (2**33, 2**33))
# Until the harness has written its file, and copied the submission.
while (logs / "time_left.txt").is_symlink():
    time.sleep(0.05)
time.sleep(1.5)
for folder, mode in ((submission.parent, 0o100), (logs, 0), (code, 0)):
    folder.chmod(mode)
"""

#: Exchanges the submission all the time while copies of it are made.
RACER = r"""
last = time.monotonic() + 6
place = submission.with_name("next")
while time.monotonic() < last:
    for make in (
        lambda: place.write_text(plain),
        lambda: place.symlink_to(ANSWERS),
        lambda: place.symlink_to("/etc/passwd"),
        lambda: os.mkfifo(place),
    ):
        make()
        place.rename(submission)
    submission.unlink()
    submission.mkdir()
    submission.rmdir()
submission.write_text(plain)
"""

LARGE = "submission.write_bytes(os.urandom(1_000_000) * 25)"


@dataclass(frozen=True)
class Left:
    """A run of these agents."""

    out: Path
    victim: Path
    arguments: list[object]
    first: Finished


@pytest.fixture(scope="module")
def left(docker_image: str, tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Left]:
    root = tmp_path_factory.mktemp("left")
    victim = root / "victim"
    victim.write_text("as before")
    forged = {
        "format": 1, "competition_id": "tiny", "version": "v1", "agent": "gold", "seed": 0,
        "outcome": "scored", "reason": None, "ended": "exited", "exit_code": 0, "seconds": 1.0,
        "started_at": None, "ended_at": None, "isolated": True, "data_manifest_sha256": None,
        "metric_sha256": None, "grading": {"score": 1.0, "gold_medal": True, "any_medal": True},
    }  # fmt: skip
    preface = (
        f"FORGED = {json.dumps(forged)!r}\nVICTIM = {str(victim)!r}\n"
        f"ANSWERS = {str(tiny.answers)!r}\n"
    )
    agents = [
        write_agent(root / name, preface + code.strip())
        for name, code in (("litterer", LITTERER), ("racer", RACER), ("large", LARGE))
    ]
    out = root / "out"
    arguments: list[object] = ["run", "--competition", "tiny", "--runtime", "docker", "--out", out]
    arguments += ["--data-dir", tiny.data_dir, "--time-limit", "60s", "--jobs", "2"]
    arguments += ["--snapshot-every", "1s", "--warn-before", "58s", "50s", "--agent", *agents]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collect, "MAX_BYTES", LARGEST)
        first = Command(tiny, None)(*arguments)
        yield Left(out, victim, arguments, first)
    remove_tree(root)


@pytest.mark.parametrize("agent", ["litterer", "racer"])
def test_submission_is_scored(left: Left, agent: str):
    result = read_result(left.out, agent)
    assert left.first.code == 0
    assert (result["outcome"], result["exit_code"]) == ("scored", 0), result["reason"]
    assert (result["grading"]["score"], result["tries"]) == (PLAIN_SCORE, 1)
    assert result["usage"] is None
    runtime = result["environment"]["runtime"]
    assert runtime["warnings_given"] >= 1
    assert runtime["warnings_failed"] == []
    assert "failed_chores" not in runtime
    assert left.victim.read_text() == "as before"


def test_file_that_is_too_large(left: Left):
    result = read_result(left.out, "large")
    assert (result["outcome"], result["submission_sha256"]) == ("invalid", None)
    assert (
        result["reason"] == "submission.csv has 25,000,000 bytes, more than the 20,000,000 allowed"
    )


@pytest.mark.parametrize("agent", ["litterer", "racer"])
def test_snapshots_are_copies_of_plain_files(left: Left, agent: str):
    folder = left.out / "tiny" / f"{agent}-seed0"
    copies = list((folder / "snapshots").glob("*")) if (folder / "snapshots").exists() else []
    assert agent == "racer" or copies
    for path in copies:
        assert stat.S_ISREG(path.lstat().st_mode)
        assert path.read_text() in (PLAIN, "")
    recorded = read_result(left.out, agent)["snapshots"]
    assert len(recorded) == len(copies)
    assert {item["score"] for item in recorded} <= {PLAIN_SCORE, None}


def steers(text: str) -> bool:
    return any(mark in text for mark in ("\x1b", "\x9b", "\x07", "\u202e"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["status", "--all"],
        ["status", "--json"],
        ["tail", "tiny/litterer-seed0"],
        ["report"],
        ["report", "--format", "html"],
        ["report", "--format", "csv", "--table", "attempts"],
    ],
    ids=" ".join,
)
def test_readers(left: Left, mlebench: Command, arguments: list[str]):
    finished = mlebench(arguments[0], left.out, *arguments[1:])
    assert finished.code == 0, finished.err
    assert not steers(finished.out + finished.err)
    assert "litterer" in finished.out or arguments[0] == "tail"
    assert "gold-seed0" not in finished.out
    assert "".join(SECRET) not in finished.out


@pytest.mark.parametrize("part", ["tiny", "tiny/litterer-seed0"])
@pytest.mark.parametrize("command", ["report", "score"])
def test_forged_records_are_none(left: Left, mlebench: Command, command: str, part: str):
    """Given the folder of a competition or an attempt, the agent's own lie where records would."""
    finished = mlebench(command, left.out / part)
    assert finished.code == 1
    assert "There are no results" in finished.err
    assert left.victim.read_text() == "as before"


def test_scored_again_and_run_again(left: Left, mlebench: Command):
    before = {name: read_result(left.out, name) for name in ("litterer", "racer", "large")}
    assert mlebench("score", left.out, "--force").code == 0
    for name, record in before.items():
        again = read_result(left.out, name)
        for field in ("outcome", "reason", "submission_sha256", "snapshots"):
            assert again[field] == record[field]
        assert again["grading"]["score"] == record["grading"]["score"]
    finished = mlebench(*left.arguments)
    assert finished.code == 0
    assert finished.err.count("  kept ") == 3


def test_the_same_agent_is_run_anew(left: Left, mlebench: Command):
    folder = left.out / "tiny" / "litterer-seed0"
    for name in ("result.json", "state.json"):
        (folder / name).unlink()
    finished = mlebench(*left.arguments)
    assert (finished.code, finished.err.count("  started ")) == (0, 1), finished.err
    assert read_result(left.out, "litterer")["outcome"] == "scored"
    # What had been submitted is not thrown away.
    assert (folder / "earlier" / "1" / "submission" / "submission.csv").read_text() == PLAIN
    assert left.victim.read_text() == "as before"
    assert not [path for path in left.out.parent.rglob("escaped") if os.path.lexists(path)]
