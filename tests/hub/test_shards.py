from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlebench_data.hub.compression import leaf_arrays, leaves, shrinks
from mlebench_data.hub.shards import ShardWriter

FILES = pa.schema([("path", pa.string()), ("bytes", pa.binary())])


def noise(size: int, seed: int = 0) -> bytes:
    return np.random.default_rng(seed).bytes(size)


def rows(*contents: bytes) -> pa.RecordBatch:
    names = [f"{number}.bin" for number in range(len(contents))]
    return pa.RecordBatch.from_pydict({"path": names, "bytes": contents}, schema=FILES)


def test_size_and_digest_are_those_of_the_file(tmp_path: Path) -> None:
    with ShardWriter(tmp_path, "x/y", FILES, opaque=["bytes"], row_group_size=1000) as writer:
        for number in range(20):
            writer.write(rows(noise(400, number), b""))
    [shard] = writer.shards
    content = (tmp_path / shard.path).read_bytes()
    assert shard.path == "x/y-00000.parquet"
    assert (shard.size, shard.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert shard.rows == 40
    assert pq.read_table(tmp_path / shard.path)["bytes"].to_pylist()[2] == noise(400, 1)


def write_all(root: Path) -> list[tuple[str, int]]:
    with ShardWriter(
        root, "x", FILES, opaque=["bytes"], shard_size=20_000, row_group_size=3000
    ) as writer:
        return [writer.write(rows(noise(1000, number))) for number in range(100)]


def test_shards_do_not_depend_on_the_speed_of_the_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = write_all(tmp_path / "fast")
    write = ShardWriter._write

    def slowly(self: ShardWriter, table: pa.Table) -> None:
        time.sleep(0.01)
        write(self, table)
        time.sleep(0.01)

    monkeypatch.setattr(ShardWriter, "_write", slowly)
    assert write_all(tmp_path / "slow") == places
    names = sorted(path.name for path in (tmp_path / "fast").iterdir())
    assert len(names) > 3
    for name in names:
        fast, slow = (tmp_path / kind / name for kind in ("fast", "slow"))
        assert fast.read_bytes() == slow.read_bytes()
        assert fast.stat().st_size < 30_000
    for number, (path, row) in enumerate(places):
        table = pq.read_table(tmp_path / "fast" / path)
        assert table["bytes"][row].as_py() == noise(1000, number)


def test_table_without_rows(tmp_path: Path) -> None:
    with ShardWriter(tmp_path, "x", FILES, opaque=["bytes"]) as writer:
        pass
    assert pq.read_table(tmp_path / "x-00000.parquet").schema.equals(FILES)
    assert [shard.rows for shard in writer.shards] == [0]


def codecs(path: Path) -> dict[str, str]:
    group = pq.ParquetFile(path).metadata.row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    return {column.path_in_schema: column.compression for column in columns}


@pytest.mark.parametrize(
    ("contents", "codec"),
    [([noise(10_000), noise(9000, 1)], "UNCOMPRESSED"), ([b"text " * 2000, b""], "ZSTD")],
    ids=["noise", "text"],
)
def test_files_are_compressed_where_it_is_of_use(
    contents: list[bytes], codec: str, tmp_path: Path
) -> None:
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    values = [{"bytes": content, "path": "a" * 100} for content in contents]
    schema = pa.schema([("id", pa.int64()), ("one", image), ("many", pa.list_(image))])
    columns: dict[str, Any] = {"id": [1, 2], "one": [None, values[0]], "many": [values, None]}
    batch = pa.RecordBatch.from_pydict(columns, schema=schema)
    with ShardWriter(tmp_path, "x", schema, opaque=["one", "many"]) as writer:
        writer.write(batch)
    path = tmp_path / writer.shards[0].path
    assert codecs(path) == {
        "id": "ZSTD",
        "one.bytes": codec,
        "one.path": "ZSTD",
        "many.list.element.bytes": codec,
        "many.list.element.path": "ZSTD",
    }
    assert pq.read_table(path).to_batches()[0].equals(batch)


KINDS = [
    pa.int64(),
    pa.list_(pa.float32(), 2),
    pa.list_(pa.list_(pa.string())),
    pa.struct([("a", pa.int8()), ("b", pa.list_(pa.struct([("c", pa.binary())])))]),
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_leaves_are_what_parquet_calls_them(kind: pa.DataType, tmp_path: Path) -> None:
    table = pa.table({"x.y": pa.nulls(3, kind)})
    pq.write_table(table, tmp_path / "x.parquet")
    names = list(codecs(tmp_path / "x.parquet"))
    assert leaves("x.y", kind) == names
    assert [name for name, _ in leaf_arrays("x.y", table["x.y"].chunk(0))] == names


def test_what_shrinks() -> None:
    assert shrinks(pa.array([None, "a" * 100]))
    assert shrinks(pa.array([], pa.binary()))
    assert shrinks(pa.array([1, 2]))
    assert not shrinks(pa.array([None, noise(1000)]))


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux")
def test_full_disk(tmp_path: Path) -> None:
    before = open_descriptors()
    (tmp_path / "x-00000.parquet").symlink_to("/dev/full")
    with (
        pytest.raises(OSError, match="No space left"),
        ShardWriter(tmp_path, "x", FILES, row_group_size=1000) as writer,
    ):
        for number in range(50):
            writer.write(rows(noise(1000, number)))
    assert open_descriptors() == before


def test_error_of_the_caller_comes_through(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mine"), ShardWriter(tmp_path, "x", FILES) as writer:
        writer.write(rows(b"x"))
        raise ValueError("mine")
    assert not writer.shards
