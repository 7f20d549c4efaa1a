"""`mlebench validate` and `grade`: verdicts, exit codes, and output for machines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def prepared(mlebench: Any, raw: Path, data_dir: Path) -> Path:
    """The prepared tiny competition."""
    assert mlebench("prepare", "tiny", "--raw", raw).code == 0
    return data_dir / "tiny" / "v1"


@pytest.fixture
def files(prepared: Path, tmp_path: Path) -> dict[str, Path]:
    """Submissions by what they are."""
    perfect = tmp_path / "perfect.csv"
    perfect.write_bytes((prepared / "private/test.csv").read_bytes())
    short = tmp_path / "short.csv"
    short.write_text("".join(perfect.read_text().splitlines(keepends=True)[:-1]))
    other = tmp_path / "other.csv"
    other.write_text(perfect.read_text().replace("label", "lable"))
    return {
        "perfect": perfect,
        "sample": prepared / "public/sample_submission.csv",
        "short": short,
        "other": other,
        "none": tmp_path / "none.csv",
    }


VERDICTS = [
    ("perfect", "valid", 0.0),
    ("sample", "valid", 0.5),
    ("short", "invalid", None),
    ("other", "invalid", None),
    ("none", "missing", None),
]


@pytest.mark.parametrize(("name", "status", "score"), VERDICTS)
def test_grade(
    name: str, status: str, score: float | None, files: dict[str, Path], mlebench: Any
) -> None:
    code = 0 if status == "valid" else 1
    done = mlebench("grade", "tiny", files[name])
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith(f"tiny v1: {status}\n")
    assert (f"rmse: {score} (lower is better)" in done.err) == (score is not None)
    assert "no human leaderboard" in done.err

    done = mlebench("grade", "tiny", files[name], "--json")
    report = done.json()
    assert (done.code, done.err) == (code, "")
    assert (report["status"], report["score"]) == (status, score)
    assert bool(report["reason"]) == (status != "valid")


@pytest.mark.parametrize(("name", "status", "score"), VERDICTS)
def test_validate(
    name: str, status: str, score: float | None, files: dict[str, Path], mlebench: Any
) -> None:
    done = mlebench("validate", "tiny", files[name])
    assert (done.code, done.out) == (0 if status == "valid" else 1, "")
    assert done.err.startswith(status)
    report = mlebench("validate", "tiny", files[name], "--json").json()
    assert (report["status"], report["ids_checked"]) == (status, True)


def test_validate_without_prepared_data(
    files: dict[str, Path], mlebench: Any, tmp_path: Path
) -> None:
    done = mlebench("validate", "tiny", files["short"], "--data-dir", tmp_path / "elsewhere")
    assert done.code == 0
    assert "row ids not checked" in done.err
    done = mlebench(
        "validate",
        "tiny",
        files["short"],
        "--sample-submission",
        files["sample"],
        "--data-dir",
        tmp_path / "elsewhere",
    )
    assert done.code == 1
    assert "1 of 6 rows missing" in done.err


def test_validate_reads_no_answers(files: dict[str, Path], mlebench: Any, prepared: Path) -> None:
    (prepared / "private/test.csv").unlink()
    assert mlebench("validate", "tiny", files["perfect"]).code == 0
    done = mlebench("grade", "tiny", files["perfect"])
    assert done.code == 1
    assert "mlebench: There are no answers at" in done.err
    assert mlebench("grade", "tiny", files["perfect"], "--answers", files["perfect"]).code == 0


def test_fault_of_ours_has_an_exit_code_of_its_own(files: dict[str, Path], mlebench: Any) -> None:
    done = mlebench("grade", "tiny", files["perfect"], "--answers", files["other"], "--json")
    assert done.code == 3
    assert done.json()["status"] == "error"


def test_batch(files: dict[str, Path], mlebench: Any, tmp_path: Path) -> None:
    jobs = [{"competition_id": "tiny", "submission_path": str(path)} for path in files.values()]
    path = tmp_path / "jobs.jsonl"
    path.write_text("".join(json.dumps(job) + "\n" for job in jobs))
    done = mlebench("grade", "--batch", path)
    assert done.code == 0
    assert done.err == "5 submissions: 2 valid, 2 invalid, 1 missing\n"
    results = [json.loads(line) for line in done.out.splitlines()]
    expected = {str(files[name]): (status, score) for name, status, score in VERDICTS}
    assert {
        item["submission_path"]: (item["status"], item["score"]) for item in results
    } == expected
    path.write_text(path.read_text() + "{}\n")
    done = mlebench("grade", "--batch", path)
    assert done.code == 1
    assert done.err == "6 submissions: 2 valid, 2 invalid, 1 missing, 1 error\n"
    reasons = {item["line"]: item["reason"] for item in map(json.loads, done.out.splitlines())}
    assert reasons[6] == "line 6: 'competition_id' is missing"
    done = mlebench("grade", "--batch", path, "--data-dir", tmp_path / "elsewhere")
    assert done.code == 1
    assert done.err == "6 submissions: 6 error\n"


def test_empty_batch(mlebench: Any, tmp_path: Path) -> None:
    path = tmp_path / "jobs.jsonl"
    path.touch()
    done = mlebench("grade", "--batch", path)
    assert (done.code, done.out, done.err) == (0, "", "0 submissions\n")
    done = mlebench("grade", "--batch", tmp_path / "none.jsonl")
    assert done.code == 1
    assert "none.jsonl cannot be read" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tiny"], "name a competition and a submission"),
        ([], "name a competition and a submission"),
        (["tiny", "a.csv", "--jobs", "2"], "--jobs goes with --batch"),
        (["tiny", "--batch", "a"], "--batch names submissions itself"),
        (["--batch", "a", "--answers", "b"], "--batch names submissions itself"),
        (["--batch", "a", "--jobs", "0"], "'0' is no whole number of at least 1"),
    ],
)
def test_wrong_command_line(arguments: list[str], message: str, mlebench: Any) -> None:
    done = mlebench("grade", *arguments)
    assert done.code == 2
    assert message in done.err


def test_medals_are_put_into_words(
    files: dict[str, Path], mlebench: Any, write_competition: Any
) -> None:
    board = {"teams": 10, "gold": 0.1, "silver": 0.4, "bronze": 0.5, "median": 0.7}
    write_competition(
        lambda facts: facts.update(leaderboard=board),
        leaderboard_csv="position,score\n0,1\n1,0\n",
    )
    done = mlebench("grade", "tiny", files["perfect"])
    assert "gold medal (gold 0.1, silver 0.4, bronze 0.5, median 0.7)" in done.err
    assert "better than 90.0% of the human teams" in done.err
    assert "bronze medal" in mlebench("grade", "tiny", files["sample"]).err
    report = mlebench("grade", "tiny", files["sample"], "--json").json()
    assert (report["bronze_medal"], report["gold_medal"], report["above_median"]) == (
        True,
        False,
        True,
    )
