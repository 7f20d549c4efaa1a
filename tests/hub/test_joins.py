"""Rows with columns of other tables, with added columns, and without some rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlebench_data.catalogue.dataset import Join
from mlebench_data.hub import PackError
from mlebench_data.hub.joins import AddedTable, FilteredTable, JoinedTable
from mlebench_data.hub.records import RecordsTable
from mlebench_data.hub.table import Table, merge_types
from mlebench_data.hub.tables import open_table

LEFT = "id,kind\n1,a\n2,b\n3,\n4,c\n"


def table_of(tmp_path: Path, text: str, name: str = "t.csv") -> Table:
    (tmp_path / name).write_text(text)
    return open_table(tmp_path / name)


def rows_of(table: Table) -> list[dict[str, Any]]:
    types = merge_types(table)
    return [row for batch, _ in table.batches(types) for row in batch.to_pylist()]


def joined(tmp_path: Path, right: str, **join: Any) -> JoinedTable:
    other = table_of(tmp_path, right, "right.csv")
    return JoinedTable(table_of(tmp_path, LEFT), other, Join(table="right.csv", **join))


def test_one_row_for_each_key(tmp_path: Path) -> None:
    table = joined(tmp_path, "kind,size\nb,20\na,10\nx,5\n,7\n", by="kind")
    assert rows_of(table) == [
        {"id": 1, "kind": "a", "size": 10},
        {"id": 2, "kind": "b", "size": 20},
        {"id": 3, "kind": None, "size": None},
        {"id": 4, "kind": "c", "size": None},
    ]
    [(_, texts)] = table.batches(merge_types(table), ["size", "kind"])
    assert texts == {"size": ["10", "20", None, None], "kind": ["a", "b", None, "c"]}


def test_key_of_a_pattern_and_other_names(tmp_path: Path) -> None:
    right = "name,part,size,id\na.1,x,10,8\na.1,y,11,9\n"
    table = joined(
        tmp_path, right, by={"name": "{kind}.{id}", "part": "x"}, columns={"n": "size", "m": "size"}
    )
    assert rows_of(table)[0] == {"id": 1, "kind": "a", "n": 10, "m": 10}
    table = joined(tmp_path, right, by={"name": "{kind}.{id}"}, columns=["size"], nest_as="sizes")
    assert [row["sizes"] for row in rows_of(table)] == [[{"size": 10}, {"size": 11}], [], [], []]


def test_wanted_columns_only(tmp_path: Path) -> None:
    table = joined(tmp_path, "kind,size\na,10\n", by="kind", nest_as="more")
    types = merge_types(table)
    [(batch, _)] = table.batches({"id": types["id"]})
    assert batch.schema.names == ["id"]


@pytest.mark.parametrize(
    ("right", "join", "message"),
    [
        ("kind,size\na,1\na,2\n", {"by": "kind"}, "key 'a' stands there in 2 different rows"),
        ("kind,id\na,1\n", {"by": "kind"}, "there is a column 'id' already"),
        ("kind,size\na,1\n", {"by": "size"}, "uses the column 'size'"),
        ("kind,size\na,1\n", {"by": {"x": "{kind}"}}, "uses the column 'x'"),
        ("kind,size\na,1\n", {"by": "kind", "columns": ["x"]}, "uses the column 'x'"),
    ],
)
def test_joins_that_do_not_fit(
    right: str, join: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(PackError, match=message):
        rows_of(joined(tmp_path, right, **join))


def test_equal_rows_of_one_key_are_one(tmp_path: Path) -> None:
    table = joined(tmp_path, "kind,size\na,1\na,1\nb,2\n", by="kind")
    assert [row["size"] for row in rows_of(table)] == [1, 2, None, None]


@given(
    left=st.lists(st.integers(0, 5), min_size=1),
    right=st.lists(st.tuples(st.integers(0, 7), st.text("xy"))),
)
def test_lists_are_those_of_the_key(left: list[int], right: list[tuple[int, str]]) -> None:
    other = RecordsTable([{"k": key, "v": value} for key, value in [*right, (99, "z")]])
    join = Join(table="other.json", by="k", nest_as="rows")
    table = JoinedTable(RecordsTable([{"k": key} for key in left]), other, join)
    assert rows_of(table) == [
        {"k": key, "rows": [{"v": value} for wanted, value in right if wanted == key]}
        for key in left
    ]


def test_added_columns_and_chosen_rows(tmp_path: Path) -> None:
    table = AddedTable(table_of(tmp_path, LEFT), {"name": "{kind}-{id:03d}"})
    assert [row["name"] for row in rows_of(table)] == ["a-001", "b-002", None, "c-004"]
    chosen = FilteredTable(table, {"name": "b-002"})
    assert rows_of(chosen) == [{"name": "b-002", "id": 2, "kind": "b"}]
    [(batch, texts)] = chosen.batches(merge_types(chosen), ["id"])
    assert (len(batch), texts) == (1, {"id": ["2"]})
    with pytest.raises(PackError, match="uses the column 'x'"):
        rows_of(FilteredTable(table, {"x": "1"}))
    with pytest.raises(PackError, match="a column 'id' already"):
        rows_of(AddedTable(table, {"id": "1"}))
