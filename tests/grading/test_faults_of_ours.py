"""A fault of ours is reported as one, and never as one of the submission."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlebench_data.errors import DataNotFoundError, UnknownNameError
from mlebench_data.grading import grade, validate


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda answers: answers.assign(id="a"), "the answers hold an id twice in column 'id'"),
        (lambda answers: answers.drop(columns="value"), "KeyError"),
        (lambda answers: answers.drop(columns="id"), "KeyError"),
        (
            lambda answers: answers.assign(value="x"),
            "the answers break the rules for submissions: column `value`: 3 values are not",
        ),
        (
            lambda answers: answers.assign(value=float("nan")),
            "the answers break the rules for submissions: column `value`: 3 values are mis",
        ),
    ],
)
def test_broken_answers(
    change: Any, expected: str, graded: Any, answers: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        report = grade(graded(), answers, answers=change(answers))
    assert report.status == "error"
    assert expected in str(report.reason)
    assert (report.score, report.any_medal) == (None, False)
    assert "Grading of graded failed" in caplog.text


def test_answers_that_are_no_table(graded: Any, answers: Any) -> None:
    assert grade(graded(), answers, answers=b"").status == "error"
    assert grade(graded(), answers, answers=b"\xff\x00").status == "error"


def test_unsuitable_metric_parameters(graded: Any, answers: Any) -> None:
    competition = graded(metric={"parameters": {"colour": "red"}})
    report = grade(competition, answers, answers=answers)
    assert report.status == "error"
    assert "colour" in str(report.reason)


def test_answers_as_bytes_file_and_table(graded: Any, answers: Any, tmp_path: Path) -> None:
    competition = graded()
    path = tmp_path / "answers.csv"
    answers.to_csv(path, index=False)
    for given in (answers, path, path.read_bytes()):
        report = grade(competition, path, answers=given)
        assert (report.status, report.score) == ("valid", 0.0)
        assert report.submission_path == str(path)
        assert report.submission_sha256 is not None
    assert grade(competition, answers, answers=answers).submission_path is None


def test_answers_of_the_data_folder(graded: Any, answers: Any, tmp_path: Path) -> None:
    competition = graded()
    with pytest.raises(DataNotFoundError, match="mlebench prepare graded"):
        grade(competition, answers, data_dir=tmp_path)
    for name in ("private/test.csv", "public/sample_submission.csv"):
        path = tmp_path / "graded" / "v1" / name
        path.parent.mkdir(parents=True)
        answers.to_csv(path, index=False)
    assert grade(competition, answers, data_dir=tmp_path).score == 0.0
    assert validate(competition, answers, data_dir=tmp_path).ids_checked


def test_what_is_not_there_is_said(graded: Any, answers: Any, tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="There is no answers file"):
        grade(graded(), answers, answers=tmp_path / "none.csv")
    with pytest.raises(DataNotFoundError, match="There is no sample submission"):
        validate(graded(), answers, sample_submission=tmp_path / "none.csv")
    with pytest.raises(UnknownNameError, match="no version 'v7'"):
        grade(graded(), answers, answers=answers, version="v7")
    with pytest.raises(UnknownNameError, match="There is no competition"):
        grade("no-such-competition", pd.DataFrame())


def test_row_that_a_metric_refuses_is_counted_as_in_the_file(graded: Any) -> None:
    """Metrics count from 0 in the order of the sorted ids; people from 1 in the file."""
    competition = graded(
        {"columns": [{"names": ["value", "other"], "type": "number"}]},
        {"name": "columnwise_rmsle"},
    )
    answers = pd.DataFrame(
        {"id": ["a", "b", "c"], "value": [1.0, 2.0, 3.0], "other": [0.0, 1.0, 2.0]}
    )
    submission = answers[::-1].reset_index(drop=True).assign(value=[3.0, 2.0, -5.0])
    report = grade(competition, submission, answers=answers)
    assert report.status == "invalid"
    assert "row 3" in str(report.reason)
