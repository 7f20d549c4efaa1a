"""`mlebench run`, end to end: every outcome, every kind of hostile submission, in one run."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import Command, read_result, write_agent
from tiny_competition import PLAIN_SCORE, SECRET, Tiny

from mlebench_data.harness.remove_tree import remove_tree
from mlebench_data.harness.result import AttemptResult

NO_IMAGE = "mlebench-no-such-image:1"


@dataclass(frozen=True)
class Case:
    """An agent and what must come of it."""

    name: str
    code: str
    outcome: str
    reason: str | None = None
    ended: str = "exited"
    exit_code: int | None = 0


CASES = [
    Case("good", "submission.write_text(plain)", "scored"),
    Case(
        "garbage",
        "submission.write_text(plain.replace('3,plain', '3,!'))",
        "invalid",
        "column `label`: 1 value is not of the form [A-Za-z]+, first in row 3: '!'",
    ),
    Case(
        "noise", "submission.write_bytes(bytes(range(128, 256)) * 9)", "invalid", "cannot be read"
    ),
    Case("idle", "print('nothing to do')", "no_submission", "without a submission"),
    Case("slow", "time.sleep(60)", "timeout", "time limit", "time_limit", 143),
    Case(
        "runaway",
        """
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        submission.write_text(plain)
        time.sleep(60)
        """,
        "scored",
        None,
        "time_limit",
        137,
    ),
    Case(
        "crash",
        "raise KeyError('of the agent')",
        "agent_error",
        "exit code 1; see agent.log",
        exit_code=1,
    ),
    Case("late_crash", "submission.write_text(plain)\nraise KeyError", "scored", exit_code=1),
    Case(
        "eater",
        """
        hoard = []
        while True:
            hoard.append(b"x" * 10_000_000)
            time.sleep(0.01)
        """,
        "agent_error",
        "out of memory",
        "out_of_memory",
        137,
    ),
    Case("link", "submission.symlink_to(ANSWERS)", "invalid", "symbolic link"),
    Case("passwd", "submission.symlink_to('/etc/passwd')", "invalid", "symbolic link"),
    Case("dangling", "submission.symlink_to('nowhere')", "invalid", "symbolic link"),
    # Where the harness itself could be made to look instead.
    Case(
        "decoy",
        """
        submission.symlink_to("nowhere")
        for name in ("refused", "submission", "private", "data"):
            submission.with_name(name).mkdir()
            submission.with_name(name).joinpath("submission.csv").symlink_to(ANSWERS)
        """,
        "invalid",
        "symbolic link",
    ),
    Case("pipe", "os.mkfifo(submission)", "invalid", "not a plain file"),
    Case(
        "socket",
        """
        import socket
        os.chdir(submission.parent)
        socket.socket(socket.AF_UNIX).bind("submission.csv")
        """,
        "invalid",
        "not a plain file",
    ),
    Case("folder", "submission.mkdir()", "invalid", "not a plain file"),
    Case(
        "hard_link",
        "submission.write_text(plain)\nos.link(submission, submission.with_name('b'))",
        "invalid",
        "hard link",
    ),
    Case(
        "huge",
        "submission.write_text(plain)\nos.truncate(submission, 1 << 40)",
        "invalid",
        "bytes, more than the",
    ),
    Case(
        "sparse",
        "submission.write_text(plain)\nos.truncate(submission, 900 << 20)",
        "invalid",
        "sparse",
    ),
    Case("closed", "submission.write_text(plain)\nsubmission.chmod(0)", "invalid", "mode is 0000"),
    Case(
        "odd_files",
        """
        logs = os.fsencode(os.environ["LOGS_DIR"])
        for name in (b"line\\nbreak", b"\\xff\\xfe", b"-rf", b" ", "\\u202e".encode(), b"[bold]"):
            open(os.path.join(logs, name), "w").close()
        os.chdir(logs)
        for _ in range(3000):
            os.mkdir("deep")
            os.chdir("deep")
        os.chdir(logs)
        os.makedirs("closed/closed")
        os.chmod("closed/closed", 0)
        os.chmod("closed", 0)
        os.mkdir("read-only")
        open("read-only/file", "w").close()
        os.chmod("read-only", 0o500)
        submission.write_text(plain)
        """,
        "scored",
    ),
]


@dataclass(frozen=True)
class Gallery:
    """The run of all cases."""

    out: Path
    runtime: str
    arguments: list[str]
    code: int


@pytest.fixture(scope="module", params=[pytest.param("docker", marks=pytest.mark.docker), "local"])
def gallery(
    request: pytest.FixtureRequest, tiny: Tiny, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gallery]:
    """All cases in one run, and with Docker one whose image does not exist."""
    root = tmp_path_factory.mktemp("gallery")
    answers = f"ANSWERS = {str(tiny.answers)!r}\n"
    agents = []
    for case in CASES:
        agents.append(write_agent(root / case.name, ""))
        code = (root / case.name / "agent.py").read_text()
        (root / case.name / "agent.py").write_text(code + answers + textwrap.dedent(case.code))
    if request.param == "docker":
        request.getfixturevalue("docker_image")
        agents.insert(1, write_agent(root / "no_image", "", image=NO_IMAGE))
    out = root / "out"
    arguments = ["run", "--competition", "tiny", "--runtime", request.param, "--jobs", "2"]
    arguments += ["--time-limit", "6s", "--grace", "1s", "--memory", "150m"]
    arguments += ["--data-dir", str(tiny.data_dir), "--out", str(out), "--agent", *map(str, agents)]
    try:
        code = Command(tiny, None)(*arguments).code
        yield Gallery(out, request.param, arguments, code)
    finally:
        # Whatever happens: pytest removes old folders with shutil.rmtree, which ends in a
        # RecursionError (from posixpath.join) where one is as deep as an agent made it here.
        remove_tree(out)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_outcome(gallery: Gallery, case: Case):
    result = read_result(gallery.out, case.name)
    assert (result["outcome"], result["ended"]) == (case.outcome, case.ended), result["reason"]
    assert result["exit_code"] == case.exit_code
    if case.reason is None:
        assert result["reason"] is None
    else:
        assert case.reason in result["reason"]
    score = PLAIN_SCORE if case.outcome == "scored" else None
    assert result["grading"]["score"] == score
    assert result["grading"]["any_medal"] is (score is not None)


def test_traceback_of_a_crash_is_kept(gallery: Gallery):
    log = (gallery.out / "tiny" / "crash-seed0" / "agent.log").read_text()
    assert "Traceback" in log and "KeyError: 'of the agent'" in log


def test_answers_are_in_no_file_of_the_run(gallery: Gallery, tiny: Tiny):
    secret = "".join(SECRET).encode()
    assert secret in tiny.answers.read_bytes()
    looked_at = 0
    # Not into the depths that an agent made.
    for path in [*gallery.out.glob("*/*/*"), *gallery.out.glob("*/*/*/*")]:
        if path.is_file() and not path.is_symlink() and path.stat().st_size < 1 << 20:
            looked_at += 1
            assert secret not in path.read_bytes(), path
    assert looked_at > 3 * len(CASES)


def test_failure_of_the_machinery_stops_no_other_attempt(gallery: Gallery, capsys):
    if gallery.runtime == "local":
        assert gallery.code == 0
        return
    assert gallery.code == 1
    result = read_result(gallery.out, "no_image")
    assert result["outcome"] == "infra_error"
    assert NO_IMAGE in result["reason"] and "docker pull" in result["reason"]
    # The fields of the agent's run are there, and empty.
    assert result["ended"] is result["grading"] is result["seconds"] is None


def test_repeated_command_makes_only_what_failed(
    gallery: Gallery, mlebench: Command, monkeypatch: pytest.MonkeyPatch
):
    def identities() -> dict[str, int]:
        paths = gallery.out.glob("*/*/result.json")
        return {path.parent.name: path.stat().st_mtime_ns for path in paths}

    before = identities()
    finished = mlebench(*gallery.arguments)
    after = identities()
    failed = {"no_image-seed0"} if gallery.runtime == "docker" else set()
    assert {name for name in before if before[name] != after[name]} == failed
    assert finished.code == gallery.code
    assert finished.err.count("  kept ") == len(CASES)
    assert finished.err.count("  started ") == len(failed)
    assert ("repeat the command with --out" in finished.err) is bool(failed)


def test_half_made_attempts_are_made_again(gallery: Gallery, mlebench: Command):
    folder = gallery.out / "tiny" / "odd_files-seed0"
    (folder / "result.json").unlink()
    (folder / "logs" / "of-the-first-try").touch()
    finished = mlebench(*gallery.arguments)
    assert finished.err.count("  started ") == 1 + (gallery.runtime == "docker")
    assert read_result(gallery.out, "odd_files")["outcome"] == "scored"
    assert not (folder / "logs" / "of-the-first-try").exists()


def test_record_is_complete(gallery: Gallery):
    result = read_result(gallery.out, "good")
    assert set(result) == {"format", *AttemptResult.__dataclass_fields__}
    assert result["isolated"] is (gallery.runtime == "docker")
    assert result["seconds"] > 0
    assert result["started_at"] < result["ended_at"]
    for name in ("data_manifest_sha256", "metric_sha256"):
        assert len(result[name]) == 64
    settings = result["settings"]
    assert len(settings["agent_sha256"]) == 64
    assert settings["limits"]["time_seconds"] == 6
    assert settings["environment"]["SEED"] == str(result["seed"]) == "0"
    environment = result["environment"]
    assert {"python", "mlebench-data", "numpy", "pandas"} <= set(environment["versions"])
    runtime = environment["runtime"]
    assert runtime["runtime"] == gallery.runtime
    assert runtime["hardware"]["cpu_count"] >= 1
    if gallery.runtime == "docker":
        assert settings["image"] == "mlebench-agent:base"
        assert runtime["image_id"].startswith("sha256:")
    # It can be moved: it names no folder of this machine.
    assert str(gallery.out) not in str(result)


def test_report_begins_with_the_table(gallery: Gallery, mlebench: Command):
    table = mlebench(*gallery.arguments).out
    report = mlebench("report", gallery.out)
    assert report.code == 0
    assert report.out.startswith(table)
    rows = {line.split()[1]: line for line in table.splitlines() if line.startswith(" tiny")}
    assert set(rows) >= {case.name for case in CASES}
    assert "0.75 ↑" in rows["good"] and "silver" in rows["good"]
    assert "ended: time_limit" in rows["runaway"]
    assert "exit code 1" in rows["late_crash"]
    scored = sum(case.outcome == "scored" for case in CASES)
    assert f"{scored} scored; {scored} with a medal" in table
    assert ("without isolation" in table) is (gallery.runtime == "local")


def test_report_as_json(gallery: Gallery, mlebench: Command):
    attempts = json.loads(mlebench("report", gallery.out, "--json").out)["attempts"]
    assert {attempt["agent"] for attempt in attempts} >= {case.name for case in CASES}
    for attempt in attempts:
        result = read_result(gallery.out, attempt["agent"])
        assert {"format": result["format"], **attempt["record"]} == result


def test_other_settings_are_not_mixed_in(gallery: Gallery, mlebench: Command):
    finished = mlebench(*gallery.arguments, "--time-limit", "9s")
    assert finished.code == 1
    assert "differs from this command in limits" in finished.err
    assert "started" not in finished.err
