"""Archives whose members are in the rows are stored as pieces, and come back byte for byte."""

from __future__ import annotations

import io
import random
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from cats_and_dogs import make_competition, make_prepared, tree_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlebench_data.catalogue import Competition
from mlebench_data.errors import IntegrityError
from mlebench_data.hub import PackError, RepositoryManifest, containers, pack, restore
from mlebench_data.hub.keys import MasterKey
from mlebench_data.hub.media import natural_order

KEY = MasterKey(bytes(range(32)))


def noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def zip_of(members: dict[str, bytes], deflated: frozenset[str] = frozenset()) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            kind = zipfile.ZIP_DEFLATED if name in deflated else zipfile.ZIP_STORED
            archive.writestr(name, content, compress_type=kind)
    return stream.getvalue()


def tar_of(members: dict[str, bytes], mode: str = "w") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def competition_of(folder: Path, archive: str, **media: Any) -> Competition:
    column = {"column": "m", "type": "binary", "path": "{n}", "archive": archive, **media}
    rows = {"table": "rows.csv", "media": [column]}
    return make_competition(folder, dataset={"train": rows, "test": {"table": "test.csv"}})


def packed(tmp_path: Path, archive: str, public: dict[str, bytes], **media: Any) -> Path:
    competition = competition_of(tmp_path / "c", archive, **media)
    prepared = make_prepared(competition, tmp_path / "prepared", public)
    repository = pack(competition, prepared, tmp_path / "out", key=KEY).folder
    restored = restore(repository, tmp_path / "restored").folder
    assert tree_of(restored) == tree_of(prepared / "public")
    return repository


def is_in_pieces(repository: Path, path: str) -> bool:
    entries = {entry.path: entry for entry in RepositoryManifest.read(repository).files}
    return entries[f"public/{path}"].stored.pieces is not None


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_archive(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    sizes = data.draw(st.lists(st.integers(0, 300), min_size=1, max_size=8))
    members = {f"d/{number}.b": noise(number, size) for number, size in enumerate(sizes)}
    names = sorted(members)
    rows = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=12))
    if data.draw(st.booleans()):
        name = "a.zip"
        content = zip_of(members, frozenset(data.draw(st.sets(st.sampled_from(names)))))
        content = data.draw(st.binary(max_size=20)) + content
    else:
        name, content = "a.tar.gz", tar_of(members)
    table = "n\n" + "".join(f"{row}\n" for row in rows)
    folder = tmp_path_factory.mktemp("any")
    repository = packed(folder, name, {name: content, "rows.csv": table.encode()})
    values = pq.read_table(repository / "data/train-00000.parquet")["m"].to_pylist()
    assert values == [members[row] for row in rows]


def test_pieces_in_many_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlebench_data.hub import media, shards

    monkeypatch.setattr(media, "ROW_GROUP_SIZE", 500)
    monkeypatch.setattr(containers, "_REFERENCES", 3)
    monkeypatch.setattr(containers, "_BLOCK", 100)
    monkeypatch.setattr(
        shards.ShardWriter.__init__,
        "__kwdefaults__",
        {"seal": None, "opaque": (), "shard_size": 4000, "row_group_size": 400},
    )
    members = {f"{number}": noise(number, 200) for number in range(60)}
    order = random.Random(0).sample(sorted(members), 60)
    table = "n\n" + "".join(f"{name}\n" for name in order[:50])
    repository = packed(tmp_path, "a.zip", {"a.zip": zip_of(members), "rows.csv": table.encode()})
    assert len(list(repository.glob("files/pieces-*.parquet"))) > 2
    assert len(list(repository.glob("data/train-*.parquet"))) > 2
    content = b"".join(path.read_bytes() for path in repository.rglob("*") if path.is_file())
    assert all(content.count(members[name]) == 1 for name in order[:50])


def test_copy_in_an_archive_that_no_row_uses(tmp_path: Path) -> None:
    """As where a folder is given, and the same packed besides."""
    files = {f"{number}": noise(number, 100) for number in range(4)}
    public = {f"f/{name}": content for name, content in files.items()}
    table = b"n\n0\n1\n2\n"
    competition = make_competition(
        tmp_path / "c",
        dataset={
            "train": {
                "table": "rows.csv",
                "media": [{"column": "m", "type": "binary", "path": "f/{n}"}],
            },
            "test": {"table": "test.csv"},
        },
    )
    public |= {"a.zip": zip_of(files), "bad.zip": b"no zip", "rows.csv": table}
    prepared = make_prepared(competition, tmp_path / "prepared", public)
    repository = pack(competition, prepared, tmp_path / "out", key=KEY).folder
    assert is_in_pieces(repository, "a.zip")
    assert not is_in_pieces(repository, "bad.zip")
    restored = restore(repository, tmp_path / "restored").folder
    assert tree_of(restored) == tree_of(prepared / "public")


@pytest.mark.parametrize("compressed", [True, False])
def test_tar_and_names_below_a_folder(compressed: bool, tmp_path: Path) -> None:
    members = {"x/1": noise(1, 50), "x/2": noise(2, 50)}
    content = tar_of(members, "w:gz" if compressed else "w")
    public = {"a.tar.gz": content, "rows.csv": b"n\nd/x/2\nd/x/1\n"}
    repository = packed(tmp_path, "a.tar.gz", public, below="d/")
    assert is_in_pieces(repository, "a.tar.gz") != compressed


@pytest.mark.parametrize("place", ["files/pieces-00000.parquet", "data/train-00000.parquet"])
@pytest.mark.parametrize("harm", ["missing", "cut", "other"])
def test_damage_is_noticed(place: str, harm: str, tmp_path: Path) -> None:
    members = {"1": noise(1, 500), "2": noise(2, 500)}
    repository = packed(tmp_path, "a.zip", {"a.zip": zip_of(members), "rows.csv": b"n\n2\n1\n"})
    if harm == "missing":
        (repository / place).unlink()
    elif harm == "cut":
        (repository / place).write_bytes((repository / place).read_bytes()[:-9])
    else:
        (repository / place).write_bytes((repository / "data/test-00000.parquet").read_bytes())
    with pytest.raises(IntegrityError, match=r"public/a\.zip cannot be restored"):
        restore(repository, tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("place", ["files/pieces-00000.parquet", "data/train-00000.parquet"])
def test_no_flipped_byte_gets_through(place: str, tmp_path: Path) -> None:
    members = {"1": noise(1, 500), "2": noise(2, 500)}
    repository = packed(tmp_path, "a.zip", {"a.zip": zip_of(members), "rows.csv": b"n\n2\n1\n"})
    content = (repository / place).read_bytes()
    expected = tree_of(tmp_path / "restored")
    noticed = 0
    for position in range(0, len(content), len(content) // 25):
        harmed = bytearray(content)
        harmed[position] ^= 1
        (repository / place).write_bytes(harmed)
        out = tmp_path / f"again-{position}"
        try:
            restore(repository, out)
        except IntegrityError:
            noticed += 1
            assert not out.exists()
        else:
            # The byte says nothing about the file.
            assert tree_of(out) == expected
    assert noticed > 3


def test_damaged_member_is_refused(tmp_path: Path) -> None:
    content = zip_of({"1": b"abcdef" * 9}).replace(b"abcdef", b"abcdeX", 1)
    with pytest.raises(PackError, match="its checksum differs"):
        packed(tmp_path, "a.zip", {"a.zip": content, "rows.csv": b"n\n1\n"})


def test_lists_of_files_and_optional_ones(tmp_path: Path, datasets: Any) -> None:
    names = ["s/a/1.b", "s/a/2.b", "s/a/10.b", "s/a/x.txt", "s/b/1.b"]
    media = [
        {"column": "all", "type": "binary", "path": "s/{n}/*.b", "optional": True},
        {"column": "one", "type": "text", "path": "s/{n}/x.txt", "optional": True},
        {"column": "place", "type": "path", "path": "s/{n}/1.b", "optional": True},
    ]
    competition = make_competition(
        tmp_path / "c",
        dataset={
            "train": {"table": "rows.csv", "media": media},
            "test": {"folders": "s/{n}"},
            "more": {"extra": {"train": {"table": "train.csv"}}},
        },
    )
    public = {name: noise(len(name), 40).hex().encode() for name in names}
    public["rows.csv"] = b"n\nb\na\nc\n"
    prepared = make_prepared(competition, tmp_path / "prepared", public)
    repository = pack(competition, prepared, tmp_path / "out", key=KEY).folder
    loaded = datasets.load_dataset(str(repository))
    paths = [row and [item["path"] for item in row] for row in loaded["train"]["all"]]
    assert paths == [["s/b/1.b"], ["s/a/1.b", "s/a/2.b", "s/a/10.b"], None]
    assert [text is None for text in loaded["train"]["one"]] == [True, False, True]
    assert loaded["train"]["place"][:] == ["s/b/1.b", "s/a/1.b", None]
    assert loaded["test"]["n"][:] == ["a", "b"]
    extra = datasets.load_dataset(str(repository), "extra", split="train")
    assert extra["label"][:] == ["cat", "dog", "cat"]
    restored = restore(repository, tmp_path / "restored").folder
    assert tree_of(restored) == tree_of(prepared / "public")


def test_optional_files_of_no_row_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="no row has a file in the column 'm'"):
        packed(
            tmp_path, "a.zip", {"a.zip": zip_of({"1": b""}), "rows.csv": b"n\n2\n"}, optional=True
        )


def test_natural_order() -> None:
    names = ["a10", "a9", "a09", "b1", "a", "10", "9"]
    assert sorted(names, key=natural_order) == ["9", "10", "a", "a09", "a9", "a10", "b1"]


@pytest.mark.parametrize("name", ["default", "files", "Upper", "a b", ""])
def test_names_of_further_configurations(name: str, tmp_path: Path) -> None:
    from mlebench_data.errors import MlebenchError

    rows = {"table": "train.csv"}
    with pytest.raises(MlebenchError, match="is no name for a configuration"):
        make_competition(
            tmp_path / "c",
            dataset={"train": rows, "test": rows, "more": {name: {"train": rows}}},
        )
