from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from cats_and_dogs import ANSWERS, MARKER, SECRET_PATH, make_competition, make_prepared, tree_of

from mlebench_data.catalogue import Competition, load_competition
from mlebench_data.errors import DataNotFoundError, IntegrityError
from mlebench_data.hub import PackError, file_rows, pack, shards
from mlebench_data.hub import media as media_columns
from mlebench_data.hub.keys import MasterKey
from mlebench_data.hub.repository import RepositoryManifest
from mlebench_data.prepare import prepare

IMAGES = {
    "train": {
        "table": "train.csv",
        "media": [{"column": "image", "type": "image", "path": "train/{id}.png"}],
    },
    "test": {
        "table": "test.csv",
        "media": [{"column": "image", "type": "image", "path": "test/{id:02d}.png"}],
    },
}


def png(shade: int) -> bytes:
    """A picture that is surely decodable, with bytes that occur nowhere else."""
    image = pytest.importorskip("PIL.Image").new("L", (9, 7), shade)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def pictures() -> dict[str, bytes]:
    names = ["train/1.png", "train/2.png", "train/3.png", "test/04.png", "test/05.png"]
    return {name: png(20 * number) for number, name in enumerate(names)}


def test_load_dataset(repository: Path, datasets: Any) -> None:
    loaded = datasets.load_dataset(str(repository))
    assert loaded["train"].to_dict() == {
        "id": [1, 2, 3],
        "word": ["red", None, "NA"],
        "label": ["cat", "dog", "cat"],
    }
    assert loaded["test"].to_dict() == {
        "id": [4, 5],
        "word": ["blue", "green"],
        "label": [None, None],
    }
    sample = datasets.load_dataset(str(repository), "sample_submission")
    assert sample["sample_submission"].to_dict() == {"id": [4, 5], "label": ["cat", "cat"]}
    streamed = datasets.load_dataset(str(repository), split="test", streaming=True)
    assert list(streamed) == loaded["test"].to_list()


def test_private_is_listed_but_locked(repository: Path, datasets: Any) -> None:
    assert datasets.get_dataset_config_names(str(repository)) == [
        "default",
        "sample_submission",
        "files",
        "private",
        "private_files",
    ]
    info = datasets.load_dataset_builder(str(repository), "private").info
    assert list(info.features) == ["id", "label"]
    assert info.splits["private"].num_examples == 2
    for config in ("private", "private_files"):
        with pytest.raises(datasets.exceptions.DatasetGenerationError) as caught:
            datasets.load_dataset(str(repository), config)
        assert isinstance(caught.value.__cause__, OSError)
        assert "Could not read encrypted metadata" in str(caught.value.__cause__)
        with pytest.raises(OSError, match="Could not read encrypted metadata"):
            list(datasets.load_dataset(str(repository), config, split="private", streaming=True))


def test_no_answer_in_any_public_byte(repository: Path) -> None:
    for path in repository.rglob("*"):
        assert "hidden-place" not in path.name
        if path.is_file():
            content = path.read_bytes()
            for secret in (MARKER, "hidden-place", "answers.csv", "masks.bin"):
                assert secret.encode() not in content, path
    # The test itself would find a leak: the same search in a readable shard.
    assert b"green" in (repository / "files/public/test.csv").read_bytes()


def test_no_digest_of_private_content_is_public(repository: Path, prepared: Path) -> None:
    import hashlib

    texts = [path.read_text() for path in repository.rglob("*.json")]
    texts.append((repository / "README.md").read_text())
    whole = (prepared / "manifest.json").read_bytes()
    for content in (ANSWERS, (prepared / SECRET_PATH).read_bytes(), whole):
        for algorithm in ("sha256", "md5", "sha1"):
            assert all(hashlib.new(algorithm, content).hexdigest() not in text for text in texts)


@pytest.mark.parametrize(
    "rows",
    [["cat", "cat"], ["cat", "giraffe" * 100], ["", ""]],
)
def test_size_of_sealed_files_tells_nothing(
    rows: list[str],
    cats: Competition,
    prepared: Path,
    repository: Path,
    tmp_path: Path,
    key: MasterKey,
) -> None:
    answers = f"id,label\n4,{rows[0]}\n5,{rows[1]}\n".encode()
    other = make_prepared(
        cats, tmp_path / "other", private={"private/answers.csv": answers, SECRET_PATH: b"x"}
    )
    packed = pack(cats, other, tmp_path / "out", key=key).folder
    for name in ("answers-00000.parquet", "files-00000.parquet"):
        sizes = {(folder / "private" / name).stat().st_size for folder in (repository, packed)}
        # A few bytes of the footer hold offsets, whose length varies.
        assert max(sizes) - min(sizes) < 16


def test_images(pictures: dict[str, bytes], tmp_path: Path, key: MasterKey, datasets: Any) -> None:
    competition = make_competition(tmp_path / "images", dataset=IMAGES)
    prepared = make_prepared(competition, tmp_path / "prepared", {**pictures, "extra.png": png(99)})
    repository = pack(competition, prepared, tmp_path / "out", key=key).folder
    loaded = datasets.load_dataset(str(repository))
    assert loaded["train"][1]["image"].size == (9, 7)
    assert loaded["test"][1]["image"].getpixel((0, 0)) == 80
    [first, *_] = datasets.load_dataset(str(repository), split="train", streaming=True)
    assert first["image"].getpixel((0, 0)) == 0
    raw = loaded["train"].cast_column("image", datasets.Image(decode=False))
    assert raw[2]["image"] == {"bytes": pictures["train/3.png"], "path": "train/3.png"}

    assert not list(repository.glob("files/public/*/*.png"))
    [extra] = datasets.load_dataset(str(repository), "files", split="files")
    assert extra["path"] == "public/extra.png"
    contents = [path.read_bytes() for path in repository.rglob("*") if path.is_file()]
    stored = {entry.path: entry.stored for entry in RepositoryManifest.read(repository).files}
    for name in pictures:
        at = stored[f"public/{name}"]
        assert at.column == "image"
        column = pq.read_table(repository / at.path, columns=["image"])["image"]
        assert column[at.row].as_py()["bytes"] == pictures[name]
    assert sum(content.count(b"IHDR") for content in contents) <= len(pictures) + 1


def test_media_of_every_kind(tmp_path: Path, key: MasterKey, datasets: Any) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("in/1.bin", b"\0one")
    media = [
        {"column": "note", "type": "text", "path": "notes/{word}.txt"},
        {"column": "member", "type": "binary", "path": "in/{one}.bin", "archive": "all.zip"},
    ]
    competition = make_competition(
        tmp_path / "kinds",
        dataset={
            "train": {"table": "t.csv", "media": media},
            "test": {"files": "notes/{word}.txt", "media": media[:1]},
        },
    )
    public = {
        "t.csv": b"word,one\nred,1\n,1\nred,1\n",
        "notes/red.txt": "ä\r\n".encode(),
        "notes/007.txt": b"",
        "all.zip": stream.getvalue(),
    }
    prepared = make_prepared(competition, tmp_path / "prepared", public)
    repository = pack(competition, prepared, tmp_path / "out", key=key).folder
    loaded = datasets.load_dataset(str(repository))
    assert loaded["train"].to_dict() == {
        "word": ["red", None, "red"],
        "one": [1, 1, 1],
        "note": ["ä\r\n", None, "ä\r\n"],
        "member": [b"\0one"] * 3,
    }
    assert loaded["test"].to_dict() == {
        "word": ["007", "red"],
        "one": [None, None],
        "note": ["", "ä\r\n"],
        "member": [None, None],
    }
    stored = {entry.path: entry.stored for entry in RepositoryManifest.read(repository).files}
    assert stored["public/notes/red.txt"].path.startswith("data/")
    assert stored["public/all.zip"].path == "files/pieces-00000.parquet"


@pytest.mark.parametrize(
    ("media", "message"),
    [
        ({"column": "x", "type": "text", "path": "n/{id}.txt"}, "no file public/n/1.txt"),
        ({"column": "x", "type": "text", "path": "n/{nix}.txt"}, "uses the column 'nix'"),
        ({"column": "id", "type": "text", "path": "test.csv"}, "the name of another column"),
        ({"column": "x", "type": "text", "path": "bad.bin"}, "declare the column 'x' as binary"),
        ({"column": "x", "type": "text", "path": "m", "archive": "bad.zip"}, "no zip archive"),
        ({"column": "x", "type": "text", "path": "m", "archive": "bad.bin"}, "no archive that can"),
        ({"column": "x", "type": "text", "path": "m", "archive": "a.zip"}, "has no member 'm'"),
        ({"column": "x", "type": "text", "path": "../private/answers.csv"}, "There is no file"),
    ],
)
def test_view_that_does_not_fit(
    media: dict[str, str], message: str, tmp_path: Path, key: MasterKey
) -> None:
    stream = io.BytesIO()
    zipfile.ZipFile(stream, "w").close()
    competition = make_competition(
        tmp_path / "wrong",
        dataset={"train": {"table": "train.csv", "media": [media]}, "test": {"table": "test.csv"}},
    )
    public = {"bad.bin": b"\xff\xfe", "bad.zip": b"\xff", "a.zip": stream.getvalue()}
    prepared = make_prepared(competition, tmp_path / "prepared", public)
    with pytest.raises(PackError, match=message):
        pack(competition, prepared, tmp_path / "out", key=key)
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".out*"))


@pytest.mark.parametrize("path", ["public/test.csv", "public/sample.csv", "private/answers.csv"])
def test_table_without_rows_is_refused(
    path: str, cats: Competition, tmp_path: Path, key: MasterKey
) -> None:
    prepared = make_prepared(cats, tmp_path / "prepared", private={path: b"id,label\n"})
    with pytest.raises(PackError, match="has no rows"):
        pack(cats, prepared, tmp_path / "out", key=key)


def test_scores_of_the_sample_submission_are_no_labels(
    tmp_path: Path, key: MasterKey, datasets: Any
) -> None:
    competition = make_competition(
        tmp_path / "same",
        dataset={"train": {"table": "train.csv"}, "test": {"table": "sample.csv"}},
    )
    prepared = make_prepared(competition, tmp_path / "prepared")
    repository = pack(competition, prepared, tmp_path / "out", key=key).folder
    test = datasets.load_dataset(str(repository), split="test")
    assert test["id"][:] == [4, 5]
    assert test["label"][:] == [None, None]


def test_many_tables_become_an_archive(
    cats: Competition,
    tmp_path: Path,
    key: MasterKey,
    datasets: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(file_rows, "MAX_PLAIN_FILES", 10)
    monkeypatch.setattr(file_rows, "MAX_ARCHIVED_SIZE", 100)
    public = {f"many/{number}.csv": b"x" * number for number in range(20)}
    prepared = make_prepared(cats, tmp_path / "prepared", {**public, "large.bin": b"y" * 101})
    repository = pack(cats, prepared, tmp_path / "out", key=key).folder
    rows = datasets.load_dataset(str(repository), "files", split="files")
    found = {row["path"]: row["bytes"] for row in rows}
    assert {f"public/{path}": content for path, content in public.items()}.items() <= found.items()
    assert set(rows["offset"]) == {0}
    assert set(rows["mode"]) == {"0644"}
    assert [path.name for path in repository.glob("files/public/**/*")] == ["large.bin"]


def test_hidden_files_go_into_the_archive(
    cats: Competition, tmp_path: Path, key: MasterKey
) -> None:
    names = [".git/config.csv", "a/.cache/huggingface/y.csv", "new\nline.csv", "plain.csv"]
    public = dict.fromkeys(names, b"x")
    prepared = make_prepared(cats, tmp_path / "prepared", public)
    manifest = pack(cats, prepared, tmp_path / "out", key=key).manifest
    archived = {entry.path for entry in manifest.files if entry.stored.row is not None}
    assert archived == {f"public/{name}" for name in names[:3]}


def test_same_data_packs_to_same_bytes(
    pictures: dict[str, bytes], tmp_path: Path, key: MasterKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_rows, "MAX_PLAIN_FILES", 2)
    competition = make_competition(tmp_path / "images", dataset=IMAGES)
    trees = []
    for name in ("one", "two"):
        prepared = make_prepared(competition, tmp_path / name / "prepared", pictures)
        repository = pack(competition, prepared, tmp_path / name / "out", key=key).folder
        trees.append(tree_of(repository))
    assert trees[0].keys() == trees[1].keys()
    differing = {path for path in trees[0] if trees[0][path] != trees[1][path]}
    assert all(path.startswith("private/") for path in differing)


def test_shards_and_row_groups(
    tmp_path: Path, key: MasterKey, datasets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_columns, "ROW_GROUP_SIZE", 400)
    monkeypatch.setattr(
        shards.ShardWriter.__init__,
        "__kwdefaults__",
        {"seal": None, "opaque": (), "shard_size": 2000, "row_group_size": 400},
    )
    table = b"id\n" + b"".join(b"%d\n" % number for number in range(60))
    # Of random digits, so that compression does not make them small.
    public = {f"n/{number}.txt": str(pow(3, number + 500)).encode() for number in range(60)}
    rows = {"table": "t.csv", "media": [{"column": "n", "type": "text", "path": "n/{id}.txt"}]}
    competition = make_competition(tmp_path / "long", dataset={"train": rows, "test": rows})
    prepared = make_prepared(competition, tmp_path / "prepared", {**public, "t.csv": table})
    repository = pack(competition, prepared, tmp_path / "out", key=key).folder
    files = sorted(repository.glob("data/train-*.parquet"))
    assert len(files) > 2
    assert all(pq.ParquetFile(path).num_row_groups > 2 for path in files[:-1])
    assert all(path.stat().st_size < 5000 for path in files)
    loaded = datasets.load_dataset(str(repository), split="train")
    assert [text.encode() for text in loaded["n"]] == list(public.values())
    from mlebench_data.hub import restore

    restored = restore(repository, tmp_path / "restored").folder
    assert tree_of(restored) == tree_of(prepared / "public")


def test_pack_again_changes_nothing(
    cats: Competition, prepared: Path, repository: Path, key: MasterKey, other_key: MasterKey
) -> None:
    before = tree_of(repository)
    assert pack(cats, prepared, repository, key=key).status == "unchanged"
    assert tree_of(repository) == before
    assert pack(cats, prepared, repository, key=other_key).status == "packed"
    assert pack(cats, prepared, repository, key=other_key).status == "unchanged"
    assert pack(cats, prepared, repository, key=other_key, force=True).status == "packed"


@pytest.mark.parametrize(
    ("name", "keep"),
    [
        ("README.md", None),
        ("data/test-00000.parquet", None),
        ("data/test-00000.parquet", -1),
        ("files/public/train.csv", 5),
        ("private/files-00000.parquet", None),
        ("private/files-00000.parquet", -1),
        ("private/sealed.json", None),
        ("private/sealed.json", 20),
        ("manifest.json", 20),
    ],
)
def test_harmed_repository_is_packed_again(
    name: str,
    keep: int | None,
    cats: Competition,
    prepared: Path,
    repository: Path,
    key: MasterKey,
) -> None:
    content = (repository / name).read_bytes()
    if keep is None:
        (repository / name).unlink()
    else:
        (repository / name).write_bytes(content[:keep])
    assert pack(cats, prepared, repository, key=key).status == "packed"
    assert pack(cats, prepared, repository, key=key).status == "unchanged"


def test_changed_byte_of_the_same_size_is_noticed(
    cats: Competition, prepared: Path, repository: Path, key: MasterKey
) -> None:
    path = repository / "data/train-00000.parquet"
    content = bytearray(path.read_bytes())
    content[50] ^= 1
    path.write_bytes(content)
    assert pack(cats, prepared, repository, key=key).status == "packed"


@pytest.mark.parametrize("path", ["public/train.csv", "private/answers.csv"])
@pytest.mark.parametrize("hide_time", [False, True])
def test_changed_prepared_data_is_refused(
    path: str, hide_time: bool, cats: Competition, prepared: Path, tmp_path: Path, key: MasterKey
) -> None:
    import os

    content = (prepared / path).read_bytes()
    (prepared / path).write_bytes(content.replace(b"4,dog", b"4,cat").replace(b"red", b"fed"))
    if hide_time:
        os.utime(prepared / path, ns=(0, 0))
    with pytest.raises(IntegrityError, match=path):
        pack(cats, prepared, tmp_path / "out", key=key)
    assert not (tmp_path / "out").exists()


def test_other_data_is_refused(
    cats: Competition, prepared: Path, tmp_path: Path, key: MasterKey
) -> None:
    dogs = make_competition(tmp_path / "catalogue" / "dogs")
    with pytest.raises(PackError, match="holds cats v1, not dogs v1"):
        pack(dogs, prepared, tmp_path / "out", key=key)
    with pytest.raises(PackError, match="not cats v2"):
        pack(cats, prepared, tmp_path / "out", key=key, version="v2")
    with pytest.raises(DataNotFoundError, match="mlebench prepare cats"):
        pack(cats, tmp_path / "nowhere", tmp_path / "out", key=key)
    (cats.folder / "README.md").write_text("# Another description\n")
    with pytest.raises(PackError, match="another recipe or description"):
        pack(cats, prepared, tmp_path / "out", key=key)


def test_foreign_folder_is_not_replaced(
    cats: Competition, prepared: Path, tmp_path: Path, key: MasterKey
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(PackError, match="is no dataset repository"):
        pack(cats, prepared, tmp_path / "mine", key=key, force=True)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_stray_files_are_refused(
    cats: Competition, prepared: Path, tmp_path: Path, key: MasterKey
) -> None:
    (prepared / "public" / "stray.txt").write_text("not of the manifest")
    with pytest.raises(IntegrityError, match=r"stray\.txt"):
        pack(cats, prepared, tmp_path / "out", key=key)


def test_card(repository: Path, cats: Competition) -> None:
    text = (repository / "README.md").read_text()
    _, header, body = text.split("---\n", 2)
    front = yaml.safe_load(header)
    assert front["license"] == "cc-by-4.0"
    assert front["task_categories"] == ["tabular-classification"]
    assert front["size_categories"] == ["n<1K"]
    assert front["mlebench"]["competition"] == "cats"
    assert [config["config_name"] for config in front["configs"]] == [
        info["config_name"] for info in front["dataset_info"]
    ]
    assert cats.description() in body
    assert "All are right." in body
    assert "sort" not in body
    assert json.loads((repository / "manifest.json").read_text())["redistribution"] == "allowed"


def test_progress_counts_every_file_once(
    cats: Competition, prepared: Path, tmp_path: Path, key: MasterKey
) -> None:
    counts: list[int] = []
    manifest = pack(cats, prepared, tmp_path / "out", key=key, advance=counts.append).manifest
    assert sum(counts) == len(manifest.files) + 2


@pytest.mark.parametrize("name", ["breast-cancer-wisconsin", "optical-digits"])
def test_competition_of_the_catalogue(
    name: str, tmp_path: Path, key: MasterKey, datasets: Any
) -> None:
    from mlebench_data.hub import load_private, restore

    competition = load_competition(name)
    prepared = prepare(competition, data_dir=tmp_path / "data", skip_lock=True).folder
    repository = pack(competition, prepared, tmp_path / "out", key=key).folder
    answers = load_private(repository, key=key)
    block = competition.version()
    loaded = datasets.load_dataset(str(repository))
    assert len(answers) == len(loaded["test"]) > 100
    scored = block.submission.column_names()
    assert all(value is None for name in scored for value in loaded["test"][name])
    assert set(answers[block.submission.id]) == set(loaded["test"][block.submission.id])
    assert tree_of(restore(repository, tmp_path / "restored").folder) == tree_of(
        prepared / "public"
    )
