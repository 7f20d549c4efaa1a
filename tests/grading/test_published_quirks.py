"""Switches that let in what the published benchmark lets in: off by default, exact when on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from mlebench_data.catalogue.submission import Columns, Submission
from mlebench_data.grading import grade, validate
from mlebench_data.grading.columns import InvalidSubmissionError, typed_column

INTEGER = {"names": ["value"], "type": "integer"}
STRING = {"names": ["value"], "type": "string"}
MAP = {"name": "map_at_k", "parameters": {"blanks": "single"}, "higher_is_better": True}
ANSWERS = pd.DataFrame({"id": ["a", "b", "c"], "value": ["7", "8", "9"]})


@pytest.mark.parametrize(
    ("cells", "expected"),
    [([1.9, -1.9, 0.0], [1, -1, 0]), ([1, 2], [1, 2]), ([2.0**53 + 2, 1e-300], [2**53 + 2, 0])],
)
def test_fractions_are_cut_off(cells: list[float], expected: list[int]) -> None:
    column = pd.Series(cells, name="value")
    values = typed_column(column, Columns(**INTEGER, fractions="truncate"))
    assert values.dtype == "int64"
    assert values.tolist() == expected


@pytest.mark.parametrize("cells", [[float("nan")], [float("inf")], [1e300], ["x"]])
def test_what_is_no_integer_even_then(cells: list[Any]) -> None:
    with pytest.raises(InvalidSubmissionError):
        typed_column(pd.Series(cells, name="value"), Columns(**INTEGER, fractions="truncate"))


@pytest.mark.parametrize(
    ("cells", "as_written", "as_read"),
    [
        (["7", "08", "009"], 1 / 3, 1.0),
        (["7", "08", "x"], 1 / 3, 1 / 3),
        (["7.0", "8", "9"], 2 / 3, 0.0),
        # A missing cell makes fractions of all numbers.
        (["7", "8", ""], 2 / 3, 0.0),
        (["7 1", "8", ""], 2 / 3, 2 / 3),
        (["True", "False", "True"], 0.0, 0.0),
        (["", "", ""], 0.0, 0.0),
    ],
)
def test_column_of_numbers_as_read(
    cells: list[str], as_written: float, as_read: float, graded: Any, csv_file: Callable[..., Path]
) -> None:
    rows = "".join(f"{key},{cell}\n" for key, cell in zip("abc", cells, strict=True))
    for switch, expected in (("allow", as_written), ("as_read", as_read)):
        column = STRING | {"all_numbers": switch, "missing": "empty_text"}
        report = grade(
            graded({"columns": [column]}, MAP), csv_file("id,value\n" + rows), answers=ANSWERS
        )
        assert report.raw_score == pytest.approx(expected)


@pytest.mark.parametrize(
    ("ids", "values", "expected"),
    [
        ("abc", "789", 1.0),
        ("cba", "987", 1.0),
        # The second row of `a` is paired with `b`, and the one of `b` with `c`.
        ("aabc", "7789", 1 / 3),
        ("abcc", "7899", 1.0),
        ("xabxc", "17819", 1.0),
    ],
)
def test_repeated_ids_shift(ids: str, values: str, expected: float, graded: Any) -> None:
    rule = {"columns": [STRING], "rows": "superset", "repeated_ids": "shift"}
    table = pd.DataFrame({"id": list(ids), "value": list(values)})
    assert grade(graded(rule, MAP), table, answers=ANSWERS).raw_score == pytest.approx(expected)
    if len(set(ids) & set("abc")) < sum(key in "abc" for key in ids):
        strict = graded(rule | {"repeated_ids": "forbid"}, MAP)
        assert grade(strict, table, answers=ANSWERS).status == "invalid"


def test_shift_still_needs_every_id(graded: Any) -> None:
    rule = {"columns": [STRING], "rows": "superset", "repeated_ids": "shift"}
    table = pd.DataFrame({"id": ["a", "a", "b"], "value": ["7", "7", "8"]})
    report = grade(graded(rule, MAP), table, answers=ANSWERS)
    assert (report.status, report.reason) == (
        "invalid",
        "1 of 3 rows missing, such as `id` 'c'",
    )


def test_shift_is_for_supersets_only() -> None:
    with pytest.raises(ValidationError, match="repeated_ids: shift needs rows: superset"):
        Submission(id="id", columns=[Columns(**STRING)], repeated_ids="shift")


@pytest.mark.parametrize(("switch", "status"), [("scored", "invalid"), ("all", "valid")])
def test_sample_with_more_rows_than_answers(
    switch: str, status: str, graded: Any, tmp_path: Path
) -> None:
    sample = tmp_path / "sample.csv"
    sample.write_text("id,value\na,1\nb,1\nc,1\nd,1\n")
    rule = {"columns": [STRING], "rows": "superset", "sample_rows": switch}
    report = validate(graded(rule, MAP), ANSWERS, sample_submission=sample)
    assert (report.status, report.ids_checked) == (status, switch == "scored")
