"""Columns of a submission: what is read as what, and what is said where it cannot be."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd
import pytest

from mlebench_data.catalogue.submission import Columns
from mlebench_data.grading.columns import InvalidSubmissionError, shorten, typed_column
from mlebench_data.tables import read_csv

NAN = float("nan")
INF = float("inf")
NUMBER = {"type": "number"}
INTEGER = {"type": "integer"}
BOOLEAN = {"type": "boolean"}
STRING = {"type": "string"}
ALLOW = {"missing": "allow"}


def _typed(spec: dict[str, Any], cells: list[str], tokens: Any = "empty") -> Any:
    """Read cells as the column `c` of a CSV file, beside a column that keeps empty rows."""
    text = "n,c\n" + "".join(f"{number},{cell}\n" for number, cell in enumerate(cells))
    table = read_csv(
        io.BytesIO(text.encode()),
        missing_tokens=tokens,
        columns_as_text=["c"] if spec["type"] == "string" else [],
    )
    return typed_column(table["c"], Columns(names=["c"], **spec))


@pytest.mark.parametrize(
    ("spec", "cells", "expected"),
    [
        (NUMBER, ["1", "-2.5", "1e3"], [1.0, -2.5, 1000.0]),
        (NUMBER, [str(2**64), "1"], [2.0**64, 1.0]),
        (NUMBER | {"minimum": 0, "maximum": 1}, ["0", "1", "0.5"], [0.0, 1.0, 0.5]),
        (NUMBER | {"booleans": "as_numbers"}, ["True", "false"], [1.0, 0.0]),
        (NUMBER | {"infinite": "allow"}, ["inf", "-inf", "1"], [INF, -INF, 1.0]),
        (NUMBER | {"infinite": "allow"}, ["1e400", "1"], [INF, 1.0]),
        # The nearest double, also where pandas gives the cells back as text.
        (NUMBER, ["1" * 25, "0.1"], [float("1" * 25), 0.1]),
        (NUMBER | ALLOW, ["", "2"], [NAN, 2.0]),
        (NUMBER | ALLOW | {"minimum": 0}, ["", "2"], [NAN, 2.0]),
        (INTEGER, ["1", "-2"], [1, -2]),
        (INTEGER | {"booleans": "as_numbers"}, ["True", "False"], [1, 0]),
        (INTEGER | {"text_column": "wrong"}, ["1", "x"], [-(2**63), -(2**63)]),
        (INTEGER | {"text_column": "wrong"}, ["1", "2"], [1, 2]),
        (STRING | {"missing": "empty_text"}, ["", "a"], ["", "a"]),
        (STRING | {"missing": "empty_text"}, ["", ""], ["", ""]),
        (STRING | {"missing": "nan_text"}, ["", "a"], ["nan", "a"]),
        (NUMBER | {"text_column": "ranked"}, ["0.5", "1e-5", "0.25"], [0.5, 1e-5, 0.25]),
        (NUMBER | {"text_column": "ranked"}, ["0.5", "x", "1e-5", "10"], [1, 4, 3, 2]),
        (NUMBER | ALLOW | {"text_column": "ranked"}, ["b", "", "a"], [2, NAN, 1]),
        (STRING | {"all_numbers": "forbid"}, ["1", "a"], ["1", "a"]),
        (STRING | {"all_numbers": "forbid_fractions"}, ["1", "2.0"], ["1", "2.0"]),
        (STRING | {"all_numbers": "forbid_fractions"}, ["1.5", "a"], ["1.5", "a"]),
        (INTEGER, ["1.0", "2e3"], [1, 2000]),
        (INTEGER, [str(2**63 - 1), str(-(2**63) + 1)], [2**63 - 1, -(2**63) + 1]),
        (INTEGER | {"values": [1, 2]}, ["2", "1"], [2, 1]),
        (INTEGER | ALLOW, ["", "2"], [NAN, 2.0]),
        (INTEGER | ALLOW | {"values": [2]}, ["", "2"], [NAN, 2.0]),
        (BOOLEAN, ["True", "False"], [1, 0]),
        (BOOLEAN, ["true", "FALSE"], [1, 0]),
        (BOOLEAN, ["1", "0"], [1, 0]),
        (BOOLEAN, ["1.0", "0.0"], [1, 0]),
        (BOOLEAN | {"other_integers": "wrong"}, ["7", "0", "-1"], [7, 0, -1]),
        (STRING, ["a", "1", "True", "1.50"], ["a", "1", "True", "1.50"]),
        (STRING, ["NA", "null"], ["NA", "null"]),
        (STRING | ALLOW, ["", "b"], [NAN, "b"]),
        (STRING | {"values": ["a", "b"]}, ["b", "a"], ["b", "a"]),
        (STRING | {"pattern": "[ab]+"}, ["ab", "ba"], ["ab", "ba"]),
        (
            STRING
            | ALLOW
            | {
                "pattern": "[ab]+",
            },
            ["", "ba"],
            [NAN, "ba"],
        ),
        (STRING | ALLOW | {"values": ["a"]}, ["", "a"], [NAN, "a"]),
    ],
)
def test_values(spec: dict[str, Any], cells: list[str], expected: list[Any]) -> None:
    values = _typed(spec, cells)
    kinds = {"number": "f", "integer": "fi", "boolean": "i", "string": "O"}
    assert values.dtype.kind in kinds[spec["type"]]
    assert len(values) == len(expected)
    for value, wanted in zip(values, expected, strict=True):
        assert value == wanted or (pd.isna(value) and pd.isna(wanted))


@pytest.mark.parametrize(
    ("spec", "cells", "reason"),
    [
        (NUMBER, ["1", "x", "y"], "2 values are not numeric, first in row 2: 'x'"),
        (INTEGER, ["True", "False"], "holds true/false, must hold whole numbers"),
        (INTEGER | {"text_column": "wrong"}, ["", "x"], "1 value is missing, first in row 1"),
        (STRING | {"all_numbers": "forbid"}, ["1", "2.5"], "holds nothing but numbers"),
        (STRING | {"all_numbers": "forbid"}, ["True", "false"], "holds nothing but true/false"),
        (
            STRING | {"all_numbers": "forbid_fractions"},
            ["1", "2.5"],
            "holds nothing but numbers that are not",
        ),
        (STRING | ALLOW | {"all_missing": "forbid"}, ["", ""], "every value is missing"),
        (NUMBER, ["1", "NA"], "1 value is not numeric, first in row 2: 'NA'"),
        (NUMBER, ["", "1"], "1 value is missing, first in row 1"),
        (NUMBER, ["", "", "1"], "2 values are missing, first in row 1"),
        (NUMBER, ["1", "inf"], "1 value is infinite, first in row 2: inf"),
        (NUMBER, ["1", "-1e999"], "1 value is infinite, first in row 2: -inf"),
        (NUMBER, ["True", "False"], "holds true/false, must hold numbers"),
        (NUMBER, ["True", "0.5"], "1 value is not numeric, first in row 1: 'True'"),
        (NUMBER | {"minimum": 0}, ["1", "-0.25"], "1 value is below 0, first in row 2: -0.25"),
        (NUMBER | {"maximum": 1}, ["2", "3", "1"], "2 values are above 1, first in row 1: 2.0"),
        (
            NUMBER | {"maximum": 1, "infinite": "allow"},
            ["inf"],
            "1 value is above 1, first in row 1: inf",
        ),
        (INTEGER, ["1", "2.5"], "1 value is not whole, first in row 2: 2.5"),
        (INTEGER, ["1", ""], "1 value is missing, first in row 2"),
        (INTEGER, ["a"], "1 value is not numeric, first in row 1: 'a'"),
        (INTEGER, ["True"], "holds true/false, must hold whole numbers"),
        (INTEGER, ["inf", "1"], "1 value is infinite, first in row 1: inf"),
        (INTEGER, ["1", "1e300"], "1 value is too large, first in row 2: 1e+300"),
        (INTEGER, [str(2**64 - 1)], f"1 value is too large, first in row 1: {2**64 - 1}"),
        (INTEGER | {"minimum": 1}, ["0"], "1 value is below 1, first in row 1: 0"),
        (INTEGER | {"maximum": 1}, ["2"], "1 value is above 1, first in row 1: 2"),
        (INTEGER | {"values": [1, 2]}, ["1", "3"], "1 value is none of 1, 2, first in row 2: 3"),
        (BOOLEAN, ["yes", "no"], "2 values are neither true/false nor 0/1, first in row 1: 'yes'"),
        (BOOLEAN, ["1", "2"], "1 value is neither true/false nor 0/1, first in row 2: 2"),
        (BOOLEAN, ["1", "0.5"], "1 value is neither true/false nor 0/1, first in row 2: 0.5"),
        (BOOLEAN, ["True", ""], "1 value is missing, first in row 2"),
        (
            BOOLEAN | {"other_integers": "wrong"},
            ["0", "0.5"],
            "1 value is neither true/false nor 0/1, first in row 2: 0.5",
        ),
        (BOOLEAN | {"other_integers": "wrong"}, ["inf"], "1 value is neither true/false nor 0/1"),
        (STRING, ["", "a"], "1 value is missing, first in row 1"),
        (STRING | {"values": ["a"]}, ["a", "b"], "1 value is none of a, first in row 2: 'b'"),
        (
            STRING | {"values": [f"v{number}" for number in range(12)]},
            ["x"],
            "1 value is none of v0, v1, v2, v3, v4, v5, v6, v7, ... (12 allowed values)",
        ),
        (
            STRING | {"pattern": "[ab]"},
            ["a", "ab"],
            "1 value is not of the form [ab], first in row 2: 'ab'",
        ),
    ],
)
def test_reason(spec: dict[str, Any], cells: list[str], reason: str) -> None:
    with pytest.raises(InvalidSubmissionError) as caught:
        _typed(spec, cells)
    assert str(caught.value).startswith(f"column `c`: {reason}")


@pytest.mark.parametrize("spec", [NUMBER, STRING])
def test_which_cells_are_missing_depends_on_the_tokens(spec: dict[str, Any]) -> None:
    with pytest.raises(InvalidSubmissionError, match="2 values are missing, first in row 2"):
        _typed(spec, ["1", "NA", "null"], tokens="pandas")


@pytest.mark.parametrize("kind", ["number", "integer"])
@pytest.mark.parametrize("cells", [[True, None], [1, "x"], [[1], 2]])
def test_odd_objects_in_memory(kind: Any, cells: list[Any]) -> None:
    series = pd.Series(cells, name="c", dtype="object")
    with pytest.raises((InvalidSubmissionError, TypeError)):
        typed_column(series, Columns(names=["c"], type=kind))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("é 漢", "é 漢"),
        ("a\nb\x1b", "a\\nb\\x1b"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 60 + "... (81 characters)"),
    ],
)
def test_text_of_submissions_is_shortened(text: str, expected: str) -> None:
    assert shorten(text) == expected
