"""Ids go the fast way through Arrow or the plain way through Python, with the same results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlebench_data.grading import row_ids
from mlebench_data.grading.row_ids import RowIds

texts = st.lists(st.text(max_size=4), max_size=12, unique=True)
wanted_texts = st.lists(st.text(max_size=4), max_size=12)


def both_ways(known: list[Any], wanted: list[Any], dtype: str) -> list[Any]:
    """What all operations return, by the fast and by the plain way."""
    outcomes = []
    for convert in (row_ids._arrow_text, lambda series: None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(row_ids, "_arrow_text", convert)
            ids = RowIds(pd.Series(known, dtype=dtype))
            others = RowIds(pd.Series(wanted, dtype=dtype))
            order = ids.order()
            outcomes.append(
                {
                    "equals": (ids.equals(others), ids.equals(ids)),
                    "order": order.tolist(),
                    "other order": others.order().tolist(),
                    "repeated": (ids.repeated(order), others.repeated(others.order())),
                    "find": ids.find(others).tolist(),
                }
            )
    return outcomes


@pytest.mark.parametrize("dtype", ["object", "string", "str"])
@given(known=texts, wanted=wanted_texts)
@example(known=["é", "z", "\U0001f600", "\uffff", "a\0b", "a", ""], wanted=["z", "a\0b", "é", "z"])
@example(known=["\ud800", "a"], wanted=["a", "\ud800", "\ud801"])
@example(known=[], wanted=[])
@example(known=["a"], wanted=[])
def test_text(known: list[str], wanted: list[str], dtype: str) -> None:
    if dtype != "object" and any("\ud800" <= letter <= "\udfff" for letter in "".join(known)):
        return
    fast, plain = both_ways(known, wanted, dtype)
    assert fast == plain
    assert fast["order"] == sorted(range(len(known)), key=known.__getitem__)
    places = {value: place for place, value in enumerate(known)}
    assert fast["find"] == [places.get(value, -1) for value in wanted]
    assert fast["equals"] == (known == wanted, True)
    assert fast["repeated"] == (False, len(set(wanted)) < len(wanted))


@pytest.mark.parametrize("dtype", ["int64", "float64", "bool"])
@given(known=st.lists(st.integers(0, 1), max_size=2, unique=True), data=st.data())
def test_numbers(known: list[int], dtype: str, data: st.DataObject) -> None:
    wanted = data.draw(st.lists(st.integers(0, 1), max_size=4))
    fast, plain = both_ways(known, wanted, dtype)
    assert fast == plain
    places = {value: place for place, value in enumerate(known)}
    assert fast["find"] == [places.get(value, -1) for value in wanted]


@pytest.mark.parametrize("ties", [0, 1, 30])
def test_order_of_many_texts(ties: int) -> None:
    random = np.random.default_rng(ties)
    known = [f"{number:08x}{number % 7}é" for number in random.integers(0, 2**32, 300)]
    # The same first eight bytes, of which others are the start, and twice the same.
    known += [f"{text[:8]}{end}" for text in known[:ties] for end in ("", "~", "~")]
    random.shuffle(known)
    # Arrow may hold them within a longer array.
    series = pd.Series(["x", *known, "y"], dtype="str").iloc[1:-1]
    order = RowIds(series).order().tolist()
    assert order == sorted(range(len(known)), key=known.__getitem__)


def test_text_is_taken_by_arrow_unless_it_cannot_be() -> None:
    def is_fast(*values: Any) -> bool:
        return row_ids._arrow_text(pd.Series(list(values), dtype="object")) is not None

    assert is_fast("a", "b")
    assert not is_fast("a", "\ud800")
    assert not is_fast("a", None)
    assert row_ids._arrow_text(pd.Series([1, 2])) is None


def test_missing_numbers_equal_nothing() -> None:
    ids = RowIds(pd.Series([1.0, np.nan]))
    assert not ids.equals(ids)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_either_side_may_be_what_arrow_cannot_take(number: int) -> None:
    known, wanted = ["b", "\ud800"][: 1 + number], ["\ud800", "b"][: 1 + number // 2]
    ids, others = (RowIds(pd.Series(values, dtype="object")) for values in (known, wanted))
    assert ids.find(others).tolist() == [
        known.index(value) if value in known else -1 for value in wanted
    ]
    assert ids.equals(others) == (known == wanted)
