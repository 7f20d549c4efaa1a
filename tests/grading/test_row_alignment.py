"""How rows of a submission meet those of the answers."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from mlebench_data.grading import grade, validate

ROWS = {"a": 1.0, "b": 2.0, "c": 3.0}
SAME = [("a", 1.0), ("b", 2.0), ("c", 3.0)]


def _table(rows: list[tuple[Any, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["id", "value"])


@pytest.mark.parametrize(
    ("rule", "rows", "verdict"),
    [
        ("exact", SAME, 0.0),
        ("exact", SAME[::-1], 0.0),
        ("exact", SAME[:2], "1 of 3 rows missing, such as `id` 'c'"),
        ("exact", [*SAME, ("d", 9)], "row 4: `id` 'd' is not in the test set"),
        (
            "exact",
            [*SAME, ("d", 9), ("e", 9)],
            "row 4: `id` 'd' is not in the test set; 1 more such row",
        ),
        (
            "exact",
            [("d", 9), ("a", 1), ("a", 1)],
            "row 1: `id` 'd' is not in the test set; row 3: `id` 'a' appears a second time; "
            "2 of 3 rows missing, such as `id` 'b', 'c'",
        ),
        ("superset", [("x", 9), *SAME, ("y", 9), ("y", 8)], 0.0),
        ("superset", SAME[1:], "1 of 3 rows missing, such as `id` 'a'"),
        ("superset", [*SAME, ("a", 1)], "row 4: `id` 'a' appears a second time"),
        ("subset", SAME[1:], 0.0),
        ("subset", [("c", 4.0)], 1.0),
        ("subset", [*SAME, ("d", 9)], "row 4: `id` 'd' is not in the test set"),
        ("subset", [("a", 1), ("a", 1)], "row 2: `id` 'a' appears a second time"),
    ],
)
def test_rule(
    rule: str, rows: list[tuple[str, float]], verdict: float | str, graded: Any, answers: Any
) -> None:
    report = grade(graded({"rows": rule}), _table(rows), answers=answers)
    if isinstance(verdict, str):
        assert (report.status, report.reason) == ("invalid", verdict)
    else:
        assert (report.status, report.score) == ("valid", verdict)


def test_by_position(graded: Any, answers: Any) -> None:
    competition = graded({"align": "position"})
    assert grade(competition, answers[["value"]], answers=answers).score == 0.0
    other_ids = answers.assign(id=["z", "z", None])
    assert grade(competition, other_ids, answers=answers).score == 0.0
    assert grade(competition, answers[::-1], answers=answers).score == 1.63299
    report = grade(competition, answers[:2], answers=answers)
    assert (report.status, report.reason) == (
        "invalid",
        "has 2 rows, must have 3 (rows are paired in order)",
    )


@pytest.mark.parametrize(
    ("known", "submitted"),
    [
        ([1, 2, 3], [3, 2, 1]),
        ([1, 2, 3], [3.0, 2.0, 1.0]),
        ([1, 2, 3], ["3", "2", "1"]),
        ([1, 2, 3], ["003", " 2", "1.0"]),
        ([0.5, 1.5, 2.5], ["2.50", "1.5", "0.5"]),
        (["01", "b", "c"], ["c", "b", "01"]),
        (["é", "ü, v", 'say "x"'], ['say "x"', "ü, v", "é"]),
    ],
)
def test_ids_of_all_kinds(known: list[Any], submitted: list[Any], graded: Any) -> None:
    answers = pd.DataFrame({"id": known, "value": [1.0, 2.0, 3.0]})
    submission = pd.DataFrame({"id": submitted, "value": [3.0, 2.0, 1.0]})
    report = grade(graded(), submission, answers=answers)
    assert (report.status, report.score) == ("valid", 0.0)


@pytest.mark.parametrize(
    "submitted", [["1", "2", "x"], [1, 2, None], [1, 2, 2.5], [1, 2, "\uff11x"]]
)
def test_ids_that_are_no_numbers(submitted: list[Any], graded: Any) -> None:
    answers = pd.DataFrame({"id": [1, 2, 3], "value": [1.0, 2.0, 3.0]})
    submission = pd.DataFrame({"id": submitted, "value": [1.0, 2.0, 3.0]})
    report = grade(graded(), submission, answers=answers)
    assert report.status == "invalid"
    assert "1 of 3 rows missing, such as `id` 3" in str(report.reason)


def test_id_first(graded: Any, answers: Any) -> None:
    competition = graded({"id_first": True})
    assert grade(competition, answers, answers=answers).status == "valid"
    report = grade(competition, answers[["value", "id"]], answers=answers)
    assert report.reason == "the first column must be `id`, but it is column `value`"


def test_row_sums(graded: Any) -> None:
    competition = graded(
        {
            "columns": [{"names": ["p", "q"], "type": "number"}],
            "row_sum": {"to": 1, "tolerance": 0.01},
        },
        {"name": "columnwise_rmsle"},
    )
    answers = pd.DataFrame({"id": ["a", "b"], "p": [1, 0], "q": [0, 1]})
    near = answers.assign(p=[0.5, 0.495], q=[0.5, 0.5])
    assert grade(competition, near, answers=answers).status == "valid"
    far = answers.assign(p=[0.5, 0.4], q=[0.5, 0.5])
    report = grade(competition, far, answers=answers)
    assert report.reason == (
        "row 2: the values add up to 0.9 instead of 1 (tolerance 0.01); 1 such rows"
    )


def test_without_a_sample_ids_are_not_checked(graded: Any, answers: Any, tmp_path: Any) -> None:
    competition = graded()
    other = answers.assign(id=["x", "y", "z"])
    report = validate(competition, other, data_dir=tmp_path)
    assert (report.status, report.ids_checked) == ("valid", False)
    sample = tmp_path / "sample.csv"
    answers.to_csv(sample, index=False)
    report = validate(competition, other, sample_submission=sample)
    assert (report.status, report.ids_checked) == ("invalid", True)
