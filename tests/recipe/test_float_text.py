"""Numbers as pandas read them before its parser became exact."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from packaging.version import parse as parse_version

from mlebench_data.float_text import parse_float
from mlebench_data.tables import read_csv

old_pandas = pytest.mark.skipif(
    parse_version(pd.__version__) >= parse_version("3.1"), reason="this pandas parses exactly"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.1", 0.1),
        ("-122.2223312", -122.2223312),
        ("1e5", 1e5),
        ("37.422577870001232", 3742257787000123.0 * 10 + 2),
        ("123456789012345678901", 12345678901234567.0 * 1e4),
        ("1e400", float("inf")),
        ("1e-700", 0.0),
        ("inf", float("inf")),
    ],
)
def test_parse_float(text: str, expected: float) -> None:
    if text.startswith("37.4"):
        expected /= 1e15
    assert parse_float(text) == expected


@old_pandas
@given(st.from_regex(r"-?[0-9]{1,20}\.[0-9]{1,20}(e-?[0-9]{1,2})?", fullmatch=True))
@settings(max_examples=300, deadline=None)
def test_parser_equals_that_of_pandas(text: str) -> None:
    column = pd.read_csv(io.StringIO(f"x\n{text}\n0.5\n"))["x"]
    # Beyond 64 bits old versions leave some columns of whole numbers as text.
    assume(column.dtype == "float64")
    assert parse_float(text) == column[0]


def test_only_floats_are_read_anew() -> None:
    content = b"a,b,c,d\n1,0.5,x,37.422577870001232\n2,,y,1.5\n"
    table = read_csv(io.BytesIO(content), missing_tokens="pandas", float_parser="fast")
    assert list(table["a"]) == [1, 2]
    assert list(table["c"]) == ["x", "y"]
    assert table["b"].isna().tolist() == [False, True]
    assert list(table["d"]) == [parse_float("37.422577870001232"), 1.5]
