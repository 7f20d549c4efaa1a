"""Columns under other names or in another order, ids that are not complete, places in the file."""

from __future__ import annotations

import sys
from typing import Any

import pandas as pd
import pytest

from mlebench_data.catalogue.submission import Submission
from mlebench_data.grading import grade


def _verdict(report: Any) -> float | str | None:
    return report.score if report.status == "valid" else report.reason


def test_other_name(graded: Any, answers: Any) -> None:
    competition = graded({"other_names": {"score": "value"}})
    renamed = answers.rename(columns={"value": "score"})
    assert _verdict(grade(competition, answers, answers=answers)) == 0.0
    assert _verdict(grade(competition, renamed, answers=answers)) == 0.0
    both = renamed.assign(value=1.0)
    assert _verdict(grade(competition, both, answers=answers)) == (
        "column `value` there more than once"
    )


@pytest.fixture
def two_columns() -> pd.DataFrame:
    return pd.DataFrame({"id": ["a", "b", "c"], "x": [1.0, 2.0, 3.0], "y": [3.0, 5.0, 9.0]})


def test_columns_by_position(graded: Any, two_columns: pd.DataFrame) -> None:
    names = [{"names": ["x", "y"], "type": "number"}]
    by_name = graded({"columns": names}, {"name": "columnwise_rmsle"})
    by_position = graded({"columns": names, "columns_by": "position"}, {"name": "columnwise_rmsle"})
    turned = two_columns[["y", "id", "x"]]
    wrong = two_columns.assign(x=two_columns["y"], y=two_columns["x"])
    assert grade(by_name, turned, answers=two_columns).score == 0.0
    score = grade(by_position, turned, answers=two_columns).score
    assert score == grade(by_name, wrong, answers=two_columns).score != 0.0
    assert grade(by_position, two_columns[["id", "x"]], answers=two_columns).reason == (
        "column `y` missing; the file has columns `id`, `x`"
    )


def test_columns_by_position_needs_all_columns() -> None:
    with pytest.raises(ValueError, match="columns_by: position needs extra_columns: forbid"):
        Submission.model_validate(
            {
                "id": "id",
                "columns": [{"names": ["x"], "type": "number"}],
                "columns_by": "position",
                "extra_columns": "ignore",
            }
        )


@pytest.mark.parametrize(
    ("ids", "verdict"),
    [
        (["c", "a", "b"], 0.0),
        # Both rows of `a` count, and are paired with `a` and `c`.
        (["a", "a", "b"], round(2**0.5, 5)),
        (["a", "b", "b"], "1 rows have the id of a row that counts, but 2 rows do"),
        (["a", "c", "c"], "3 rows have the id of a row that counts, but 2 rows do"),
        (["a", "b", "x"], "row 3: `id` 'x' is not in the test set"),
        (["a", "b"], "has 2 rows, must have 3 (rows are paired in the order of `id`)"),
    ],
)
def test_known_ids(ids: list[str], verdict: float | str, graded: Any) -> None:
    answers = pd.DataFrame({"id": ["a", "b", "c"], "value": [1.0, -1.0, 3.0]})
    rule = {"column": "value", "at_least": 0, "unscored_cells": "ignore", "chosen_by": "own_id"}
    competition = graded({"align": "sorted", "id_set": "known"}, {"scored_rows": rule})
    values = answers.set_index("id")["value"].reindex(ids).fillna(0.0).to_numpy()
    report = grade(competition, pd.DataFrame({"id": ids, "value": values}), answers=answers)
    if isinstance(verdict, str):
        assert report.status == "invalid"
        assert str(report.reason).startswith(verdict)
    else:
        assert (report.status, report.score) == ("valid", verdict)


@pytest.mark.parametrize("align", ["id", "sorted"])
def test_id_column_must_be_there(align: str, graded: Any, answers: Any) -> None:
    report = grade(graded({"align": align}), answers[["value"]], answers=answers)
    assert (report.status, report.reason) == (
        "invalid",
        "column `id` missing; the file has column `value`",
    )


def test_metric_is_given_columns_and_places(
    graded: Any, answers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}

    def metric(**arguments: Any) -> float:
        given.update(arguments)
        return 0.0

    monkeypatch.setattr(
        sys.modules["mlebench_data.grading.grade"], "load_function", lambda name: metric
    )
    known = answers.assign(p=[1, 2, 3], q=[4, 5, 6])
    competition = graded(
        metric={"inputs": {"one": "p", "both": ["q", "p"]}, "file_order": "places"}
    )
    grade(competition, answers[::-1], answers=known)
    assert given["one"].tolist() == [1, 2, 3]
    assert given["both"].tolist() == [[4, 1], [5, 2], [6, 3]]
    assert given["places"].tolist() == [2, 1, 0]
