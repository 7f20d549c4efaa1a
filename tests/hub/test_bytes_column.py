from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlebench_data.errors import IntegrityError
from mlebench_data.hub import bytes_column
from mlebench_data.hub.bytes_column import Buffers, BytesColumn
from mlebench_data.prepare.manifest import FileEntry

values = st.lists(st.none() | st.binary(max_size=50), max_size=30)


def entry_of(content: bytes) -> FileEntry:
    return FileEntry("x", len(content), hashlib.sha256(content).hexdigest(), 0o644)


@given(st.lists(values, max_size=4))
@settings(deadline=None)
def test_values_come_back(parts: list[list[bytes | None]]) -> None:
    buffers = Buffers()
    column = BytesColumn(buffers)
    arrays = []
    for part in parts:
        for value in part:
            column.append(value)
        assert len(column) == len(part)
        assert column.nbytes == sum(len(value or b"") for value in part)
        arrays.append(column.finish())
    # All at once: none may lie in memory that another one uses.
    for array, part in zip(arrays, parts, strict=True):
        array.validate(full=True)
        assert array.equals(pa.array(part, pa.binary()))


def test_memory_is_used_again_once_it_is_free() -> None:
    buffers = Buffers()
    column = BytesColumn(buffers)
    column.append(b"first")
    first = column.finish()
    place = first.buffers()[2].address
    column.append(b"second")
    second = column.finish()
    assert second.buffers()[2].address != place
    assert first.to_pylist() == [b"first"]
    del first
    gc.collect()
    column.append(b"third")
    assert column.finish().buffers()[2].address == place
    assert second.to_pylist() == [b"second"]


def test_values_larger_than_a_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bytes_column, "_SMALLEST", 10)
    column = BytesColumn()
    parts = [b"a" * 8, b"b" * 8, b"c" * 1000]
    for part in parts:
        column.append(part)
    assert column.finish().to_pylist() == parts


def test_prepared_files(tmp_path: Path) -> None:
    column = BytesColumn()
    contents = [b"", b"one", bytes(range(256)) * 500]
    for number, content in enumerate(contents):
        path = tmp_path / str(number)
        path.write_bytes(content)
        column.append_file(str(path), entry_of(content))
    assert column.finish().to_pylist() == contents


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content + b"x",
        lambda content: content[:-1],
        lambda content: content[:-1] + b"x",
        lambda content: b"",
    ],
    ids=["longer", "shorter", "other", "empty"],
)
def test_changed_file_is_refused(change: Callable[[bytes], bytes], tmp_path: Path) -> None:
    content = b"as it was prepared"
    path = tmp_path / "file"
    path.write_bytes(change(content))
    with pytest.raises(IntegrityError, match="another content than the manifest says"):
        BytesColumn().append_file(str(path), entry_of(content))
