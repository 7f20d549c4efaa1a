"""Files whose tables would be out of all proportion, and those that only look like it."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlebench_data.grading import csv_shape
from mlebench_data.grading.columns import InvalidSubmissionError
from mlebench_data.grading.csv_shape import check_shape

WIDE = ",".join(f"c{number}" for number in range(1000))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"," * 2_000_000, "the header has more than 10,000 columns"),
        (b"\n \n" + b"x," * 20_000, "the header has more than 10,000 columns"),
        (b"id,label\n1" + b"," * 2_000_000, "the first row has more than 10,000 columns"),
        (b'id,"a\n""b"\n1' + b"," * 20_000, "the first row has more than 10,000 columns"),
        # A quote within a cell hides nothing.
        (b'id,a"b' + b",x" * 20_000 + b'"\n', "the header has more than 10,000 columns"),
        (f"{WIDE}\n{'1' * 9}\n".encode() + b"1\n" * 20_000, "too few bytes"),
        (f"{WIDE}\r1\r".encode() + b"1\r" * 20_000, "too few bytes"),
    ],
)
def test_refused(tmp_path: Path, content: bytes, reason: str):
    path = tmp_path / "submission.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidSubmissionError, match=reason):
        check_shape(path)


@pytest.mark.parametrize(
    "content",
    [
        b"x",
        b"\n" * 2_000_000,
        b"id,label\n" + b",\n" * 1_000_000,
        b'id,label\n1,"' + b"," * 2_000_000 + b'"\n',
        b'id,label\n1,"' + b"\r\n" * 2_000_000 + b'"\n',
        b'id,label\n1,"' + b'"' * 100_000,
        f"{WIDE}\n".encode() * 9000,
    ],
)
def test_let_through(tmp_path: Path, content: bytes):
    path = tmp_path / "submission.csv"
    path.write_bytes(content)
    check_shape(path)


CELLS = st.text(alphabet='ab",\n\r ', max_size=5).map(lambda text: '"' + text + '"') | st.text(
    alphabet='ab" ', max_size=4
)


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(st.lists(CELLS, min_size=1, max_size=6), min_size=1, max_size=3))
def test_no_table_is_wider_than_was_found(
    rows: list[list[str]], tmp_path_factory: pytest.TempPathFactory
):
    path = tmp_path_factory.getbasetemp() / "shape.csv"
    path.write_bytes("\n".join(map(",".join, rows)).encode() + b"\n")
    try:
        content = io.BytesIO(path.read_bytes())
        table = pd.read_csv(content, keep_default_na=False, low_memory=False)
    except ValueError:
        return
    width = len(table.columns)
    if not isinstance(table.index, pd.RangeIndex):
        width += table.index.nlevels
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_shape, "MAX_COLUMNS", width - 1)
        with pytest.raises(InvalidSubmissionError, match="columns"):
            check_shape(path)
