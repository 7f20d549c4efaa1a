"""Tables that are neither CSV nor JSON: BSON documents, arrays, Parquet, rows of lists."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlebench_data.hub import PackError
from mlebench_data.hub.array_table import ArraysTable
from mlebench_data.hub.documents import read_spans
from mlebench_data.hub.features import card_features
from mlebench_data.hub.table import Table, merge_types
from mlebench_data.hub.tables import open_table


def rows_of(table: Table) -> list[dict[str, Any]]:
    types = merge_types(table)
    return [row for batch, _ in table.batches(types) for row in batch.to_pylist()]


def encode(value: Any) -> tuple[int, bytes]:
    """Encode a value as BSON, written from https://bsonspec.org alone."""
    if value is None:
        return 0x0A, b""
    if isinstance(value, bool):
        return 0x08, bytes([value])
    if isinstance(value, int):
        return (
            (0x10, struct.pack("<i", value))
            if abs(value) < 2**31
            else (0x12, struct.pack("<q", value))
        )
    if isinstance(value, float):
        return 0x01, struct.pack("<d", value)
    if isinstance(value, str):
        text = value.encode() + b"\0"
        return 0x02, struct.pack("<i", len(text)) + text
    if isinstance(value, bytes):
        return 0x05, struct.pack("<i", len(value)) + b"\0" + value
    items = enumerate(value) if isinstance(value, list) else value.items()
    return 0x04 if isinstance(value, list) else 0x03, document(dict(items))


def document(fields: dict[Any, Any]) -> bytes:
    body = b""
    for name, value in fields.items():
        kind, data = encode(value)
        body += bytes([kind]) + str(name).encode() + b"\0" + data
    return struct.pack("<i", len(body) + 5) + body + b"\0"


PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text("aä b")


@given(
    rows=st.lists(
        st.fixed_dictionaries({"x": PLAIN, "y": st.lists(st.binary(max_size=5), max_size=3)}),
        min_size=1,
        max_size=5,
    )
)
def test_documents(rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("bson") / "a.bson"
    path.write_bytes(
        b"".join(document({"x": row["x"], "y": [{"z": item} for item in row["y"]]}) for row in rows)
    )
    table = open_table(path, bytes_of=["y.z"])
    types = merge_types(table)
    assert list(types) == ["x"]
    content = path.read_bytes()
    texts = [text for _, found in table.batches(types, ["y.z"]) for text in found["y.z"]]
    found = [
        [content[span.offset : span.offset + span.size] for span in read_spans(text or "")]
        for text in texts
    ]
    assert found == [row["y"] for row in rows]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (document({"a": 1})[:-1], "or it is cut off"),
        (b"\x01\x02", "or it is cut off"),
        (document({"a": "text"}).replace(b"\5\0\0\0text", b"\x55\0\0\0text"), "longer than what"),
        (document({"a": b"x"}), "'a' holds bytes"),
        (document({"a": 1}).replace(b"\x10a", b"\x0ba"), "0x0b have no place in a table"),
    ],
)
def test_documents_that_cannot_be_read(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.bson").write_bytes(content)
    with pytest.raises(PackError, match=message):
        rows_of(open_table(tmp_path / "a.bson"))


def test_arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlebench_data.hub.array_table._BATCH_SIZE", 100)
    features = np.arange(60, dtype=">f4").reshape(10, 3, 2)
    np.save(tmp_path / "x.npy", np.asfortranarray(features))
    np.save(tmp_path / "y.npy", np.array([str(n % 3) for n in range(10)]))
    paths = {"x": tmp_path / "x.npy", "y": tmp_path / "y.npy"}
    table = ArraysTable(paths, integers=["y"], number_as="n")
    rows = rows_of(table)
    assert [row["x"] for row in rows] == features.tolist()
    assert [row["y"] for row in rows] == [n % 3 for n in range(10)]
    assert [row["n"] for row in rows] == list(range(10))
    schema = pa.schema(list(merge_types(table).items()))
    assert card_features(schema) == [
        {"name": "n", "dtype": "int64"},
        {"name": "x", "list": {"list": "float32", "length": 2}, "length": 3},
        {"name": "y", "dtype": "int64"},
    ]
    # A split without the array has the column too.
    types = merge_types(table, ArraysTable({"y": paths["y"]}))
    assert types == {"n": pa.int64(), "x": schema.field("x").type, "y": pa.string()}


def test_arrays_that_do_not_fit(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(3))
    np.save(tmp_path / "b.npy", np.arange(4))
    np.save(tmp_path / "c.npy", np.array([None], dtype=object), allow_pickle=True)
    (tmp_path / "d.npy").write_bytes(b"no array")
    for names, message in (
        ("ab", "equally long"),
        ("c", "is no array that can be read"),
        ("d", "is no array that can be read"),
    ):
        with pytest.raises(PackError, match=message):
            ArraysTable({name: tmp_path / f"{name}.npy" for name in names})


def test_parquet(tmp_path: Path) -> None:
    columns = {
        "i": pa.array([1, None, 3], pa.int16()),
        "f": pa.array([0.5, 1.5, None], pa.float32()),
        "t": pa.array(["a", None, "c"], pa.large_string()),
        "d": pa.array([0, 1, None], pa.date32()),
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    (tmp_path / "b.csv").write_text("i,f\n70000,x\n")
    table = open_table(tmp_path / "a.parquet")
    assert merge_types(table) == {
        "i": pa.int16(),
        "f": pa.float32(),
        "t": pa.string(),
        "d": pa.string(),
    }
    merged = merge_types(table, open_table(tmp_path / "b.csv"))
    assert (merged["i"], merged["f"]) == (pa.int64(), pa.string())
    [(batch, texts)] = table.batches(merged, ["i"])
    assert batch.to_pylist()[0] == {"i": 1, "f": "0.5", "t": "a", "d": "1970-01-01"}
    assert texts == {"i": ["1", None, "3"]}


def test_rows_of_lists(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("id,[labels]\n0,4,6\n1\n2,?\n3,7\n")
    table = open_table(path, lists_as="labels", missing="?")
    assert rows_of(table) == [
        {"id": 0, "labels": [4, 6]},
        {"id": 1, "labels": []},
        {"id": 2, "labels": None},
        {"id": 3, "labels": [7]},
    ]
