"""The fast writer gives the bytes of pandas' own, for any table it takes."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlebench_data.csv_writing import write_fast
from mlebench_data.tables import write_csv

TEXT = st.text(
    st.one_of(
        st.sampled_from(',"\n\t; \u00e9\U0001f600'), st.characters(exclude_categories=["Cs"])
    ),
    max_size=6,
    # A lone carriage return is quoted by some versions of Python's csv module and not by others.
).filter(lambda text: "\r" not in text)
FLOATS = st.one_of(
    st.floats(width=64),
    st.floats(-1e12, 1e12).map(lambda value: round(value, 2)),
    st.integers(-(10**17), 10**17).map(float),
    st.sampled_from([0.0, -0.0, 1e-4, 9.9e-5, 1e10, 9999999999.0, 1e15, 1e16, 5e-324, 0.1 + 0.2]),
)
CELLS = {
    "float64": FLOATS,
    "int64": st.integers(-(2**63), 2**63 - 1),
    "int8": st.integers(-128, 127),
    "bool": st.booleans(),
    "object": st.one_of(TEXT, st.none()),
}


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(0, 8))
    columns = {}
    for number in range(draw(st.integers(2, 5))):
        kind = draw(st.sampled_from(sorted(CELLS)))
        cells = draw(st.lists(CELLS[kind], min_size=rows, max_size=rows))
        columns[f"{draw(TEXT)}{number}"] = pd.Series(cells, dtype=kind)
    return pd.DataFrame(columns)


def by_pandas(table: pd.DataFrame, separator: str, quoting: int) -> bytes:
    stream = io.StringIO()
    table.to_csv(stream, index=False, lineterminator="\n", sep=separator, quoting=quoting)
    return stream.getvalue().encode()


@settings(max_examples=300, deadline=None)
@given(tables(), st.sampled_from([",", "\t"]), st.booleans())
def test_same_bytes_as_pandas(table: pd.DataFrame, separator: str, quote_all: bool) -> None:
    stream = io.BytesIO()
    assert write_fast(table, stream, separator=separator, quote_all=quote_all)
    quoting = csv.QUOTE_NONNUMERIC if quote_all else csv.QUOTE_MINIMAL
    assert stream.getvalue() == by_pandas(table, separator, quoting)


def test_many_blocks_keep_their_order(tmp_path: Path) -> None:
    count = 200_000
    numbers = np.random.default_rng(0).normal(size=count)
    table = pd.DataFrame({"id": np.arange(count), "x": numbers, "text": ["a,b"] * count})
    write_csv(table, tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_bytes() == by_pandas(table, ",", csv.QUOTE_MINIMAL)


WHOLE_NUMBERS = {
    kind: (int(np.iinfo(kind).min), int(np.iinfo(kind).max))
    for kind in ("int8", "int16", "int32", "int64", "uint8", "uint64")
}


@pytest.mark.parametrize("kind", WHOLE_NUMBERS)
@pytest.mark.parametrize("spread", [0, 1, 9, 100, 10_000])
@pytest.mark.parametrize("place", ["lowest", "around zero", "highest"])
@pytest.mark.parametrize("count", [1, 70_000])
def test_whole_numbers_of_every_range(kind: str, spread: int, place: str, count: int) -> None:
    lowest, highest = WHOLE_NUMBERS[kind]
    spread = min(spread, highest - lowest)
    low = {"lowest": lowest, "around zero": max(lowest, -spread // 2), "highest": highest - spread}
    steps = np.random.default_rng(0).integers(0, spread + 1, count)
    values = [low[place] + step for step in steps.tolist()]
    table = pd.DataFrame({"a": np.array(values, dtype=kind), "b": np.array(values, dtype=kind)})
    stream = io.BytesIO()
    assert write_fast(table, stream, separator=",", quote_all=False)
    assert stream.getvalue() == by_pandas(table, ",", csv.QUOTE_MINIMAL)


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"mixed": [True, None], "b": [1, 2]}),
        pd.DataFrame({"only": ["", "x"]}),
        pd.DataFrame({"day": pd.to_datetime(["2020-01-01", "2020-01-02"]), "b": [1, 2]}),
        pd.DataFrame({"small": np.array([0.1, 1e10], dtype="float32"), "b": [1, 2]}),
        pd.DataFrame({0: [1, 2], 1: [3, 4]}),
    ],
    ids=["mixed", "one column", "dates", "float32", "numbered columns"],
)
def test_other_tables_are_left_to_pandas(table: pd.DataFrame, tmp_path: Path) -> None:
    assert not write_fast(table, io.BytesIO(), separator=",", quote_all=False)
    write_csv(table, tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_bytes() == by_pandas(table, ",", csv.QUOTE_MINIMAL)


def test_kind_that_shows_late_is_started_over(tmp_path: Path) -> None:
    cells: list[object] = ["text"] * 100_000
    cells[-1] = 1.5
    table = pd.DataFrame({"late": pd.Series(cells, dtype=object), "b": range(100_000)})
    write_csv(table, tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_bytes() == by_pandas(table, ",", csv.QUOTE_MINIMAL)
