"""`take_rows` against what pandas makes of the same positions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlebench_data.recipe import row_selection
from mlebench_data.recipe.row_selection import take_rows

COLUMNS = {
    "number": [3, 1, 2, 5],
    "float": [0.5, np.nan, -0.0, np.inf],
    "flag": [True, False, True, True],
    "text": ["a", None, "", "ü"],
    "mixed": [1, "x", None, 2.5],
    "small": np.array([1, 2, 3, 4], dtype="int8"),
    "kind": pd.Categorical(["a", "b", None, "a"]),
    "time": pd.to_datetime(["2020-01-01", None, "2020-01-03", "2020-01-04"]),
}


@pytest.mark.parametrize("threads_from", [0, 1 << 20], ids=["threads", "no threads"])
@given(
    names=st.lists(st.sampled_from(sorted(COLUMNS)), max_size=6),
    positions=st.lists(st.integers(0, 3), max_size=8),
)
def test_same_as_pandas(threads_from: int, names: list[str], positions: list[int]) -> None:
    parts = [pd.DataFrame({name: COLUMNS[name]}) for name in names]
    # Names may occur twice; other indexes than 0, 1, ... come from tables that were filtered.
    table = pd.concat([pd.DataFrame(index=range(4)), *parts], axis=1).set_index(
        pd.Index([7, 5, 5, 0])
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_selection, "_WORTH_THREADS", threads_from)
        taken = take_rows(table, positions)
    pd.testing.assert_frame_equal(
        taken, table.iloc[positions].reset_index(drop=True), check_column_type=bool(names)
    )


def test_rows_are_copies() -> None:
    table = pd.DataFrame({"number": [1, 2, 3]})
    taken = take_rows(table, [0, 1])
    taken.loc[0, "number"] = 9
    assert table["number"].tolist() == [1, 2, 3]


def test_position_outside_the_table() -> None:
    with pytest.raises(IndexError):
        take_rows(pd.DataFrame({"number": [1, 2, 3]}), [3])
