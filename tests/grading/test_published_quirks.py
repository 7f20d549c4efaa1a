"""Switches that make grading as lenient, or as odd, as the published benchmark's."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from mlebench_data.errors import CatalogueError
from mlebench_data.grading import grade, validate

FRAME = dict[str, list[Any]]
VALUE = {"names": ["value"], "type": "number"}
ANSWERS = {"id": ["a", "b", "c"], "value": [1.0, 2.0, 3.0]}
SCORED = {"column": "counts", "equals": 1}


def _grade(graded: Any, submission: Any, metric: Any, answers: FRAME, submitted: FRAME) -> Any:
    report = grade(
        graded(submission, metric), pd.DataFrame(submitted), answers=pd.DataFrame(answers)
    )
    return report.score if report.status == "valid" else report.reason


@pytest.mark.parametrize(
    ("submission", "submitted", "verdict"),
    [
        ({"align": "sorted"}, {"id": ["c", "a", "b"], "value": [3, 1, 2]}, 0.0),
        # The ids are never compared: only their order counts.
        ({"align": "sorted"}, {"id": ["z", "x", "y"], "value": [3, 1, 2]}, 0.0),
        ({"align": "sorted"}, {"id": [9, 7, 8], "value": [3, 1, 2]}, 0.0),
        (
            {"align": "sorted"},
            {"id": ["a"], "value": [1]},
            "has 1 rows, must have 3 (rows are paired in the order of `id`)",
        ),
        (
            {"align": "sorted", "id_set": "equal"},
            {"id": ["a", "b", "x"], "value": [1, 2, 3]},
            "row 3: `id` 'x' is not in the test set",
        ),
        (
            {"align": "sorted", "id_set": "equal"},
            {"id": ["a", "b", "b"], "value": [1, 2, 3]},
            "1 of 3 rows missing, such as `id` 'c'",
        ),
        # Errors 0, 0, 0 and twice 1.
        (
            {"repeated_ids": "count"},
            {"id": ["a", "b", "c", "a", "a"], "value": [1, 2, 3, 2, 0]},
            round(0.4**0.5, 5),
        ),
        (
            {"repeated_ids": "count"},
            {"id": ["a", "b", "b"], "value": [1, 2, 2]},
            "1 of 3 rows missing, such as `id` 'c'",
        ),
        (
            {"extra_columns": "zeros"},
            {**ANSWERS, "zero": [0, 0.0, None], "empty": [None, None, None]},
            "column `empty` not allowed; only columns `id`, `value`",
        ),
        ({"extra_columns": "zeros"}, {**ANSWERS, "zero": [0, 0.0, float("nan")]}, 0.0),
        (
            {"extra_columns": "zeros"},
            {**ANSWERS, "one": [0, 1, 0]},
            "column `one` not allowed; only columns `id`, `value`",
        ),
        (
            {"column_order": "fixed"},
            {"value": [1, 2, 3], "id": ["a", "b", "c"]},
            "the columns must stand in a fixed order: number 1 must be `id`, but is `value`",
        ),
        ({"column_order": "fixed"}, ANSWERS, 0.0),
        (
            {"columns": [{"names": ["note"], "type": "integer", "scored": False}, VALUE]},
            {**ANSWERS, "note": ["x", None, 1.5]},
            0.0,
        ),
        (
            {"columns": [{"names": ["note"], "type": "integer", "scored": False}, VALUE]},
            ANSWERS,
            "column `note` missing; the file has columns `id`, `value`",
        ),
    ],
)
def test_submission_switch(submission: Any, submitted: FRAME, verdict: Any, graded: Any) -> None:
    assert _grade(graded, submission, None, ANSWERS, submitted) == verdict


@pytest.mark.parametrize(
    ("rule", "submitted", "verdict"),
    [
        ({}, {"id": ["a", "b", "c"], "value": [1, 9, 3]}, 0.0),
        (
            {},
            {"id": ["a", "b", "c"], "value": [1, "x", 3]},
            "column `value`: 1 value is not numeric, first in row 2: 'x'",
        ),
        ({"unscored_cells": "ignore"}, {"id": ["a", "b", "c"], "value": [1, "x", 3]}, 0.0),
        ({"unscored_cells": "ignore"}, {"id": ["a", "b", "c"], "value": [1, None, 3]}, 0.0),
        (
            {"unscored_cells": "ignore"},
            {"id": ["b", "a", "c"], "value": ["x", 1, "y"]},
            "column `value`: 1 value is not numeric, first in row 3: 'y'",
        ),
        # By position: the answers' second row does not count, so neither does the second here.
        ({"chosen_by": "position"}, {"id": ["a", "b", "c"], "value": [1, 9, 3]}, 0.0),
        ({"chosen_by": "position"}, {"id": ["b", "a", "c"], "value": [1, 9, 3]}, 0.0),
        ({"chosen_by": "position"}, {"id": ["c", "b", "a"], "value": [3, 9, 1]}, 0.0),
        (
            {"chosen_by": "position"},
            {"id": ["a", "c", "b"], "value": [1, 3, 2]},
            round(0.5**0.5, 5),
        ),
    ],
)
def test_rows_that_do_not_count(rule: Any, submitted: FRAME, verdict: Any, graded: Any) -> None:
    answers = {**ANSWERS, "counts": [1, 0, 1]}
    metric = {"scored_rows": SCORED | rule}
    assert _grade(graded, None, metric, answers, submitted) == verdict
    if rule.get("unscored_cells") == "ignore":
        # Which rows count is not known without the answers.
        assert validate(graded(None, metric), pd.DataFrame(submitted)).status == "valid"


def test_row_sum_of_the_cells_that_are_there(graded: Any) -> None:
    columns = [{"names": ["x", "y"], "type": "number", "missing": "allow"}]
    submission = {"columns": columns, "row_sum": {"missing": "skip"}}
    metric = {"name": "kl_divergence", "parameters": {"missing": "skip"}}
    answers = {"id": ["a", "b"], "x": [1.0, 0.5], "y": [0.0, 0.5]}
    submitted = {"id": ["a", "b"], "x": [1.0, 0.5], "y": [None, 0.5]}
    assert _grade(graded, submission, metric, answers, submitted) == 0.0
    submitted["x"] = [0.9, 0.5]
    assert "row 1: the values add up to 0.9" in _grade(
        graded, submission, metric, answers, submitted
    )


def test_columns_without_a_counterpart_in_the_answers(graded: Any) -> None:
    columns = [{"names": ["value", "deviation"], "type": "number"}]
    metric = {"name": "laplace_log_likelihood", "higher_is_better": True, "references": ["value"]}
    submitted = {**ANSWERS, "deviation": [70, 70, 70]}
    score = _grade(graded, {"columns": columns}, metric, ANSWERS, submitted)
    assert score == pytest.approx(-4.59507)


@pytest.mark.parametrize(
    "submission",
    [
        {"align": "sorted", "rows": "subset"},
        {"align": "position", "repeated_ids": "count"},
        {"id_set": "equal"},
        {"columns": [VALUE | {"scored": False}]},
    ],
)
def test_switches_that_do_not_go_together(submission: Any, graded: Any) -> None:
    with pytest.raises(CatalogueError, match=r"needs|no column is scored"):
        graded(submission)


MASKS = {
    "columns": [{"names": ["mask"], "type": "string", "missing": "empty_text"}],
    "align": "position",
    "rows": "any",
    "ids_as": "predicted_ids",
}
VOLUMES = {
    "name": "dice_hausdorff",
    "higher_is_better": True,
    "inputs": {"ids": "id"},
    "parameters": {"fewer_predictions": "allow", "nothing_to_average": "nan"},
}
STACK = {"id": ["a_slice_1", "a_slice_2"], "mask": ["1 2", "1 2"]}


@pytest.mark.parametrize(
    ("submitted", "verdict"),
    [
        (STACK, 1.0),
        # Further rows are ignored, whatever they hold.
        ({"id": [*STACK["id"], "b"], "mask": ["1 2", "1 2", "x"]}, 1.0),
        # The true volume has a slice more, half the volume away.
        ({"id": ["a_slice_1"], "mask": ["1 2"]}, round(0.4 + 0.6 * (1 - 0.5 / 3**0.5), 5)),
        # The second row makes a volume of its own, which no true one is paired with.
        ({"id": ["a_slice_1", "b"], "mask": ["1 2", "1 2"]}, round(1 - 0.3 / 3**0.5, 5)),
        ({"mask": ["1 2", "1 2"]}, "column `id` missing; the file has column `mask`"),
        ({"id": [1, 2], "mask": ["1 2", "1 2"]}, "predicted_ids: must be text; row 1 holds 1"),
        (
            {"id": ["a_slice_1", math.nan], "mask": ["1 2", "1 2"]},
            "predicted_ids: must not be missing; row 2 holds nan (1 such row)",
        ),
        (
            {"id": STACK["id"], "mask": ["1 2", "3 x"]},
            "predictions: must be whole numbers with blanks between them; row 2 holds '3 x' "
            "(1 such row)",
        ),
    ],
)
def test_rows_of_any_number(graded: Any, submitted: FRAME, verdict: float | str) -> None:
    assert _grade(graded, MASKS, VOLUMES, STACK, submitted) == verdict


def test_no_rows_may_have_a_score(graded: Any) -> None:
    report = grade(
        graded(MASKS, VOLUMES),
        pd.DataFrame({"id": [], "mask": []}),
        answers=pd.DataFrame(STACK),
    )
    assert report.status == "valid"
    assert math.isnan(report.score)


@pytest.mark.parametrize(
    ("submission", "message"),
    [
        ({"rows": "any"}, "rows: any needs align: position"),
        ({"ids_as": "ids"}, "ids_as needs align: position"),
        (
            {"rows": "any", "align": "position", "align_within": "group"},
            "align_within needs rows: exact",
        ),
    ],
)
def test_rows_of_any_number_need_position(
    graded: Any, submission: dict[str, Any], message: str
) -> None:
    with pytest.raises(CatalogueError, match=message):
        graded(submission)


@pytest.mark.parametrize(
    ("submitted", "truth", "verdict"),
    [
        (["x", "y", "x"], [0, 1, 0], "column `value`: holds text, must hold whole numbers"),
        (["1", "x", "1"], [1, 1, 1], "column `value`: holds text, must hold whole numbers"),
        # Three labels on either side are no binary problem.
        (["x", "y", "z"], [0, 1, 0], 0.0),
        (["x", "y", "x"], [0, 1, 2], 0.0),
        ([True, False, False], [1, 0, 1], round(2 / 3, 5)),
    ],
)
def test_text_for_two_labels(
    submitted: list[Any], truth: list[int], verdict: Any, graded: Any
) -> None:
    column = {"names": ["value"], "type": "integer", "text_column": "wrong"}
    column["booleans"] = "as_numbers"
    answers = {"id": ["a", "b", "c"], "value": truth}
    result = _grade(
        graded,
        {"columns": [column]},
        {"name": "accuracy", "higher_is_better": True},
        answers,
        {"id": ["a", "b", "c"], "value": submitted},
    )
    assert result == verdict if isinstance(verdict, float) else result.startswith(verdict)


SOME_COUNT = {**ANSWERS, "counts": [1, 1, 0]}


@pytest.mark.parametrize(
    ("ids", "values", "verdict"),
    [
        # Row c does not count.
        ("abcc", [1, 2, 9, 8], 0.0),
        ("abb", [1, 2, 2], "row 3: `id` 'b' appears a second time"),
        ("abbcc", [1, 2, 2, 9, 9], "row 3: `id` 'b' appears a second time"),
        # One alone is compared as often as it is there.
        ("bbc", [2, 4, 9], round(2**0.5, 5)),
        ("cc", [9, 9], None),
    ],
)
def test_repeated_ids_that_do_not_count(graded, ids: str, values: list[int], verdict: Any):
    metric = {"scored_rows": SCORED}
    submission = {"rows": "subset", "repeated_ids": "unscored"}
    submitted = {"id": list(ids), "value": values}
    found = _grade(graded, submission, metric, SOME_COUNT, submitted)
    if verdict is None:
        assert isinstance(found, str), "nothing is left to be scored"
    else:
        assert found == verdict


@pytest.mark.parametrize(
    ("first", "second", "is_valid"),
    [([True, False], [False, True], False), ([True, False], [0, 1], True), ([1, 0], [0, 1], True)],
)
def test_true_and_false_beside_numbers(graded, first: list[Any], second: list[Any], is_valid: bool):
    columns = [{"names": ["p", "q"], "type": "number", "booleans": "not_all"}]
    answers = {"id": ["a", "b"], "p": [1.0, 0.0], "q": [0.0, 1.0]}
    submitted = {"id": ["a", "b"], "p": first, "q": second}
    metric = {"name": "columnwise_rmse"}
    found = _grade(graded, {"columns": columns}, metric, answers, submitted)
    if is_valid:
        assert found == 0.0
    else:
        assert found == "column `p` and all 2 scored columns hold true/false, must hold numbers"
