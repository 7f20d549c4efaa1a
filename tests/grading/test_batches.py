"""Batches: every line of the list gets its line of the results, whatever happens to the others."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlebench_data.grading import batch, grade
from mlebench_data.grading.batch import BatchFileError, Job, grade_batch, parse_job

IRIS = "iris-species"


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    path = tmp_path / "answers.csv"
    path.write_text("id,species\n1,setosa\n2,virginica\n3,versicolor\n4,setosa\n")
    return path


@pytest.fixture
def submit(tmp_path: Path, answers: Path) -> Any:
    """Write a submission with one changed cell."""

    def write(name: str, old: str = "", new: str = "") -> str:
        path = tmp_path / name
        path.write_text(answers.read_text().replace(old, new, 1))
        return str(path)

    return write


@pytest.fixture
def batch_file(tmp_path: Path) -> Any:
    def write(*lines: Any) -> Path:
        path = tmp_path / "jobs.jsonl"
        texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
        path.write_bytes(b"\n".join(texts) + b"\n")
        return path

    return write


def run(path: Path, **options: Any) -> dict[int, dict[str, Any]]:
    results = list(grade_batch(path, **options))
    assert len({result["line"] for result in results}) == len(results)
    return {result["line"]: result for result in results}


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_line_has_its_result(
    jobs: int, submit: Any, answers: Path, batch_file: Any, tmp_path: Path
) -> None:
    perfect, half = submit("perfect.csv"), submit("half.csv", "virginica", "setosa")
    wrong, nowhere = submit("wrong.csv", "species", "kind"), str(tmp_path / "none.csv")
    path = batch_file(
        {"competition_id": IRIS, "submission_path": perfect, "answers": str(answers)},
        {"competition_id": IRIS, "submission_path": half, "answers": str(answers)},
        b"",
        {"competition_id": IRIS, "submission_path": wrong, "answers": str(answers)},
        {"competition_id": IRIS, "submission_path": nowhere, "answers": str(answers)},
        {"competition_id": IRIS, "submission_path": perfect},
        {"competition_id": "iris", "submission_path": perfect},
        b"{not json",
        {"competition_id": IRIS, "submission_path": perfect, "version": "v9"},
        {"competition_id": IRIS, "submission_path": perfect, "answers": wrong},
    )
    results = run(path, data_dir=tmp_path / "data", jobs=jobs)
    assert {line: (item["status"], item["score"]) for line, item in results.items()} == {
        1: ("valid", 1.0),
        2: ("valid", 0.75),
        4: ("invalid", None),
        5: ("missing", None),
        6: ("error", None),
        7: ("error", None),
        8: ("error", None),
        9: ("error", None),
        10: ("error", None),
    }
    for line, part in {
        6: "line 6: There are no answers at",
        7: "line 7: There is no competition 'iris'",
        8: "line 8: not valid JSON",
        9: "line 9: Competition 'iris-species' has no version 'v9'",
        10: "KeyError: 'species'",
    }.items():
        assert part in results[line]["reason"]
    assert results[2]["submission_path"] == half
    report = grade(IRIS, half, answers=answers).to_dict()
    assert results[2] == {"line": 2, **report}
    assert all(result.keys() == results[2].keys() for result in results.values())


def test_data_folder_and_version_hold_for_lines_that_name_none(
    submit: Any, answers: Path, batch_file: Any, tmp_path: Path
) -> None:
    private = tmp_path / "data" / IRIS / "v1" / "private"
    private.mkdir(parents=True)
    (private / "test.csv").write_bytes(answers.read_bytes())
    job = {"competition_id": IRIS, "submission_path": submit("perfect.csv")}
    path = batch_file(job, {**job, "version": "v1"}, {**job, "version": None, "answers": None})
    assert [item["score"] for item in grade_batch(path, data_dir=tmp_path / "data")] == [1.0] * 3
    results = run(path, data_dir=tmp_path / "data", version="v7")
    assert [results[line]["status"] for line in (1, 2, 3)] == ["error", "valid", "error"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"[1]", "must be a JSON object, not list"),
        (b"null", "must be a JSON object, not NoneType"),
        (b"\xff{}", "not UTF-8"),
        (b'{"a": 1}', "unknown key 'a'. Known: answers, competition_id, submission_path, version."),
        (b'{"competition_id": "a", "answer": "b"}', "unknown key 'answer'. Did you mean 'answers'"),
        (b"{}", "'competition_id' is missing"),
        (b'{"competition_id": "", "submission_path": "b"}', "'competition_id' is missing"),
        (b'{"competition_id": "a", "submission_path": null}', "'submission_path' is missing"),
        (b'{"competition_id": "a", "submission_path": 5}', "must be a string, found 5"),
        (b'{"competition_id": "a", "submission_path": "\\u0000"}', "must be a string, found"),
        (b"[" * 100_000, "not valid JSON"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_wrong_line_is_named(text: bytes, reason: str) -> None:
    with pytest.raises(BatchFileError, match=r"^line 7: ") as caught:
        parse_job(7, text)
    assert reason in str(caught.value)


@given(st.binary() | st.from_regex(r'\{"competition_id": ?.{0,20}\}').map(str.encode))
@example(b'{"competition_id": "a", "submission_path": "b"}')
def test_any_line_is_a_job_or_an_error(text: bytes) -> None:
    try:
        assert isinstance(parse_job(1, text), Job)
    except BatchFileError as error:
        assert str(error).startswith("line 1: ")


def test_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BatchFileError, match=r"none\.jsonl cannot be read: No such file"):
        list(grade_batch(tmp_path / "none.jsonl"))


def test_unexpected_fault_ends_no_batch(
    submit: Any, answers: Path, batch_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_first(competition: str, submission: str, **options: Any) -> Any:
        if submission.endswith("first.csv"):
            raise PermissionError("no")
        return grade(competition, submission, **options)

    monkeypatch.setattr(batch, "grade", fail_first)
    path = batch_file(
        *(
            {"competition_id": IRIS, "submission_path": submit(name), "answers": str(answers)}
            for name in ("first.csv", "second.csv")
        )
    )
    results = run(path)
    assert results[1]["reason"] == "line 1: PermissionError: no"
    assert results[2]["status"] == "valid"


def die_on_line_2(job: Job, *_: object) -> dict[str, Any]:
    """As when the system kills a process for its memory."""
    if job.line == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"line": job.line, "status": "valid"}


def test_killed_process_takes_no_other_submission_with_it(
    batch_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "grade_job", die_on_line_2)
    path = batch_file(*[{"competition_id": IRIS, "submission_path": "a.csv"}] * 5)
    results = run(path, jobs=2)
    assert [results[line]["status"] for line in range(1, 6)] == ["valid", "error", *["valid"] * 3]
    assert "line 2: the process that graded it died" in results[2]["reason"]
