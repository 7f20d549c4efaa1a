"""JSON objects are read one by one, as the standard library reads the whole."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlebench_data.hub import PackError, json_records
from mlebench_data.hub.column_types import Evidence, value_to_type
from mlebench_data.hub.json_records import read_records
from mlebench_data.hub.python_values import array_of, evidence_of
from mlebench_data.hub.records import RecordsTable
from mlebench_data.hub.table import merge_types

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('ab]}"\\é'), inner, max_size=3)
    ),
    max_leaves=8,
)
RECORDS = st.lists(st.dictionaries(st.text("abc"), VALUES, max_size=3), max_size=6)


@pytest.fixture(scope="module")
def small_reads() -> Any:
    """Make every value cross the edge of what is read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_records, "_CHARACTERS", 3)
        yield


def _read(path: Path, key: str | None = None) -> list[dict[str, Any]]:
    return [record for record, _ in read_records(path, key)]


@settings(deadline=None)
@given(records=RECORDS, rest=VALUES, indent=st.none() | st.just(1), ascii_only=st.booleans())
def test_same_as_the_whole(
    records: list[dict[str, Any]],
    rest: Any,
    indent: int | None,
    ascii_only: bool,
    small_reads: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("json")
    options: Any = {"indent": indent, "ensure_ascii": ascii_only}
    (folder / "a.json").write_text(json.dumps(records, **options))
    assert _read(folder / "a.json") == records
    whole = {"before": rest, "rows": records, "after": [rest, rest]}
    (folder / "b.json").write_text(json.dumps(whole, **options))
    assert _read(folder / "b.json", "rows") == records
    (folder / "c.jsonl").write_text("\n".join(json.dumps(row, **options) for row in records))
    assert _read(folder / "c.jsonl") == records


def test_lines_in_a_file_called_json(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": 1}\n{"a": NaN}\n')
    first, second = _read(tmp_path / "a.json")
    assert first == {"a": 1}
    assert math.isnan(second["a"])


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ('{"a": 1}', None, "is no JSON array of objects"),
        ("[1]", None, "is no JSON array of objects"),
        ('{"rows": {"a": 1}}', "rows", "under 'rows' is no JSON array of objects"),
        ('{"other": []}', "rows", "under 'rows' is no JSON array of objects"),
        ('[{"a": 1}', None, "cannot be read as JSON"),
        ('[{"a": 1}, ]', None, "cannot be read as JSON"),
        ('[{"a": 1}] 2', None, "more than one value"),
        ('{"rows": [] "b": 1}', "rows", "cannot be read as JSON"),
        ("[{'a': 1}]", None, "cannot be read as JSON"),
        (b'[{"a": "\xff"}]', None, "cannot be read as JSON"),
    ],
)
def test_malformed(text: str | bytes, key: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(PackError, match=message):
        merge_types(RecordsTable.read(path, key))


@settings(deadline=None)
@given(values=st.lists(VALUES | st.integers(-(10**16), 10**16), max_size=8))
def test_types_are_those_of_each_value(values: list[Any]) -> None:
    slow = Evidence()
    for value in values:
        slow.add_value(value)
    kind = evidence_of(values).type()
    # Arrow does not keep the order of the fields of objects in all cases.
    assert sorted_fields(kind) == sorted_fields(slow.type())
    one_by_one = [value_to_type(value, kind) for value in values]
    assert array_of(values, kind).equals(pa.array(one_by_one, kind))


def sorted_fields(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_struct(kind):
        parts = sorted((part.name, sorted_fields(part.type)) for part in kind)
        return pa.struct(parts)
    return pa.list_(sorted_fields(kind.value_type)) if pa.types.is_list(kind) else kind


def test_fields_stand_as_in_the_file() -> None:
    values = [None, {"z": 1, "a": [{"y": 1, "b": 2}]}, {"c": 1}]
    kind = evidence_of(values).type()
    assert [part.name for part in kind] == ["z", "a", "c"]
    assert [part.name for part in kind.field("a").type.value_type] == ["y", "b"]


def test_batches_end_by_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlebench_data.hub.records._BATCH_LENGTH", 100)
    (tmp_path / "a.jsonl").write_text("".join(f'{{"a": "{"x" * 60}"}}\n' for _ in range(5)))
    table = RecordsTable.read(tmp_path / "a.jsonl")
    assert [len(batch) for batch, _ in table.batches(merge_types(table))] == [2, 2, 1]
