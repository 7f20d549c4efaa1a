"""Sealed answers in a gated repository of their own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from cats_and_dogs import ANSWERS, MARKER, SECRET_PATH, make_prepared, tree_of

from mlebench_data.catalogue import Competition
from mlebench_data.errors import DataNotFoundError, SealError
from mlebench_data.hub import (
    PackError,
    load_private,
    pack,
    read_private_files,
    read_private_manifest,
    restore,
)
from mlebench_data.hub.keys import MasterKey
from mlebench_data.hub.repository import RepositoryManifest
from mlebench_data.prepare.manifest import Manifest


@pytest.fixture
def apart(cats: Competition, prepared: Path, tmp_path: Path, key: MasterKey) -> Path:
    return pack(cats, prepared, tmp_path / "out" / "cats", key=key, private_repo=True).folder


def front_matter(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])
    return content


def test_two_repositories(apart: Path, prepared: Path, key: MasterKey) -> None:
    sibling = apart.with_name("cats-private")
    assert sorted(path.name for path in apart.parent.iterdir()) == ["cats", "cats-private"]
    assert not (apart / "private").exists()
    assert sorted(tree_of(sibling)) == [
        "README.md",
        "manifest.json",
        "private",
        "private/answers-00000.parquet",
        "private/files-00000.parquet",
        "private/sealed.json",
    ]
    public, private = (RepositoryManifest.read(folder) for folder in (apart, sibling))
    assert (public.private_part, private.private_part) == ("sibling", "alone")
    assert private.files == [] and private.contents == []
    assert public.prepared_mac == private.prepared_mac
    for folder in (apart, sibling):
        assert load_private(folder, key=key)["label"].tolist() == ["dog", MARKER]
        assert read_private_files(folder, key)["private/answers.csv"] == ANSWERS
        assert read_private_manifest(folder, key) == Manifest.read(prepared)


def test_cards(apart: Path, key: MasterKey, datasets: Any) -> None:
    sibling = apart.with_name("cats-private")
    public = datasets.get_dataset_config_names(str(apart))
    assert {"default", "sample_submission"} <= set(public)
    assert not any("private" in name for name in public)
    assert datasets.get_dataset_config_names(str(sibling)) == ["private", "private_files"]
    assert "cats-private" in (apart / "README.md").read_text()
    gate = front_matter(sibling)
    assert gate["extra_gated_prompt"] and gate["extra_gated_fields"]
    assert not any(name.startswith("extra_gated") for name in front_matter(apart))
    for folder in (apart, sibling):
        text = (folder / "README.md").read_text()
        assert key.key_id in text
        assert MARKER not in text
    info = datasets.load_dataset_builder(str(sibling), "private").info
    assert list(info.features) == ["id", "label"]


def test_public_part_is_the_same_as_with_the_answers_inside(
    apart: Path, repository: Path, tmp_path: Path
) -> None:
    inside, outside = (
        {name: item for name, item in tree_of(folder).items() if name.startswith(("data", "files"))}
        for folder in (repository, apart)
    )
    assert inside == outside
    # The public files need no sibling.
    shutil.rmtree(apart.with_name("cats-private"))
    trees = [
        tree_of(restore(folder, tmp_path / "restored" / folder.name).folder)
        for folder in (apart, repository)
    ]
    assert trees[0] == trees[1] != {}


def test_sibling_by_the_name_of_the_competition(apart: Path, key: MasterKey) -> None:
    renamed = apart.rename(apart.with_name("another-name"))
    assert len(load_private(renamed, key=key)) == 2


def test_relative_place(apart: Path, key: MasterKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(apart)
    assert len(load_private(Path(), key=key)) == 2


def test_sibling_that_is_not_there(apart: Path, key: MasterKey) -> None:
    shutil.rmtree(apart.with_name("cats-private"))
    with pytest.raises(DataNotFoundError, match=r"of their own, cats-private.*Ask for access"):
        load_private(apart, key=key)


def test_sibling_of_another_preparation(
    apart: Path, cats: Competition, prepared: Path, key: MasterKey, tmp_path: Path
) -> None:

    corrected = {"private/answers.csv": ANSWERS.replace(b"dog", b"cat")}
    other = make_prepared(cats, tmp_path / "other", private=corrected)
    pack(cats, other, tmp_path / "second" / "cats", key=key, private_repo=True)
    sibling = apart.with_name("cats-private")
    shutil.rmtree(sibling)
    shutil.copytree(tmp_path / "second" / "cats-private", sibling)
    with pytest.raises(SealError, match="another preparation"):
        load_private(apart, key=key)


def test_pack_again(
    apart: Path, cats: Competition, prepared: Path, key: MasterKey, other_key: MasterKey
) -> None:
    def again(**options: Any) -> str:
        return pack(cats, prepared, apart, **{"key": key, "private_repo": True, **options}).status

    before = tree_of(apart.parent)
    assert again() == "unchanged"
    assert tree_of(apart.parent) == before
    sealed = apart.with_name("cats-private") / "private/files-00000.parquet"
    sealed.write_bytes(sealed.read_bytes()[:-1])
    assert again() == "packed"
    shutil.rmtree(apart.with_name("cats-private"))
    assert again() == "packed"
    assert again(key=other_key) == "packed"
    assert again(key=other_key) == "unchanged"
    assert again(private_repo=False) == "packed"
    assert (apart / "private/sealed.json").is_file()
    assert again() == "packed"
    assert not (apart / "private").exists()
    assert read_private_files(apart, key).keys() == {"private/answers.csv", SECRET_PATH}


def test_foreign_folder_in_the_sibling_s_place(
    cats: Competition, prepared: Path, key: MasterKey, tmp_path: Path
) -> None:
    (tmp_path / "out-private").mkdir()
    (tmp_path / "out-private" / "mine.txt").write_text("mine")
    with pytest.raises(PackError, match="out-private exists and is no dataset repository"):
        pack(cats, prepared, tmp_path / "out", key=key, private_repo=True)
    assert not (tmp_path / "out").exists()
