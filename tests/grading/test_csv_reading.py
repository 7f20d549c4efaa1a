"""Large files read through Arrow: what pandas makes of them, or left to pandas."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlebench_data.grading import csv_reading
from mlebench_data.grading.csv_reading import read_graded_csv, read_plain_csv
from mlebench_data.tables import MissingTokens, read_csv


def as_objects(table: pd.DataFrame) -> pd.DataFrame:
    """Return text as Python's, which pandas 3 has a type of its own for."""
    for name in table.columns[[isinstance(dtype, pd.StringDtype) for dtype in table.dtypes]]:
        table[name] = table[name].astype("object")
    return table


def assert_as_pandas(
    content: bytes, missing: MissingTokens = "pandas", text: tuple[str, ...] = ()
) -> bool:
    """Compare with pandas; tell whether Arrow was used at all."""
    table = read_plain_csv(content, missing, list(text))
    if table is None:
        return False
    expected = read_csv(io.BytesIO(content), missing_tokens=missing, columns_as_text=list(text))
    pd.testing.assert_frame_equal(as_objects(table), as_objects(expected), check_exact=True)
    return True


@pytest.mark.parametrize(
    "content",
    [
        "id,value\na,1\nb,-2\nc,007\n",
        "id,value\na,1.5\nb,-0.0\nc,1e-05\nd,3\n",
        "id,value\na,0.1\nb,\nc,nan\nd,NA\n",
        "id,value\na,1\nb,\n",
        "id,value\n1_1,0.30000000000000004\n1_2,0.1234567890123456789\n",
        "id,value\n1 5,\n,\n",
        'id,value\n"a,b",1\n"say ""yes""\n",2\n',
        '"id","value"\n"a",1\n"NA",2\n',
        "id,value\n\na,1\n\n\nb,2",
        "id,value\n0706016001,x\n0706016001 568601006,NULL\n",
        "id,value\né,1\n漢,2\n",
        "id,value\na,9007199254740993\nb,\n",
    ],
    ids=repr,
)
@pytest.mark.parametrize("missing", ["empty", "pandas"])
def test_plain_files_are_read_as_by_pandas(content: str, missing: MissingTokens) -> None:
    used = assert_as_pandas(content.encode(), missing)
    # With empty cells alone missing, tokens such as "nan" leave it open what a column holds.
    assert used or missing == "empty"


def test_columns_that_are_to_be_text_stay_so() -> None:
    assert assert_as_pandas(b"id,tags\n007,1\n8,\n", text=("id", "tags"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"id,value",
        b"id,value\n",
        b"id\na\nb\n",
        b"id,id\na,1\n",
        b"id,\na,1\n",
        b"\xef\xbb\xbfid,value\na,1\n",
        b"id,value\r\na,1\r\n",
        b"id,value\na,1,2\n",
        b"id,value\na\n",
        b"id,value\na,True\nb,False\n",
        b"id,value\na,1\nb,x\n",
        b"id,value\na, 1\n",
        b"id,value\na,+1\n",
        b"id,value\na,inf\n",
        b"id,value\na,1e999\n",
        b"id,value\na,123456789012345678901\nb,0.5\n",
        b"id,value\na,18446744073709551615\n",
        b"id,value\na\0,1\n",
        b"id,value\n\xff,1\n",
        b'id,value\na"b,1\n',
        b'id,value\n"a"b,1\n',
        b'id,value\n"a,1\n',
        b'i"d,value\na,1\n',
    ],
    ids=repr,
)
def test_what_is_not_certain_is_left_to_pandas(content: bytes) -> None:
    assert read_plain_csv(content, "pandas", []) is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b c", "1_1", "12", "", '"x,y"', '"z\n"', 'q"', "True"]),
            st.one_of(
                st.floats(allow_nan=False).map(repr),
                st.integers(-(2**70), 2**70).map(str),
                st.sampled_from(
                    ["", "NA", "nan", "1.", ".5", "-", "1e5", "1e999", "0x1F", "x", "+3", " 4"]
                ),
            ),
        ),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(["empty", "pandas"]),
    st.sampled_from([(), ("value",)]),
)
def test_any_file_is_read_as_by_pandas_or_left_to_it(
    rows: list[tuple[str, str]], missing: MissingTokens, text: tuple[str, ...]
) -> None:
    content = "id,value\n" + "".join(f"{first},{second}\n" for first, second in rows)
    assert_as_pandas(content.encode(), missing, text)


@given(st.text(alphabet='ab1,"\n -.e', max_size=30), st.sampled_from(["empty", "pandas"]))
def test_any_text_is_read_as_by_pandas_or_left_to_it(text: str, missing: MissingTokens) -> None:
    assert_as_pandas(f"id,value\n{text}".encode(), missing)


def test_large_files_give_the_same_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "submission.csv"
    path.write_bytes(b"id,value\n" + b"".join(b"x%d,%d.25\n" % (n, n) for n in range(2_000)))
    expected = read_csv(path, missing_tokens="pandas")
    monkeypatch.setattr(csv_reading, "LARGE", 1_000)
    for source in (path, io.BytesIO(path.read_bytes())):
        table = read_graded_csv(source, missing_tokens="pandas", columns_as_text=[])
        pd.testing.assert_frame_equal(table, expected)
