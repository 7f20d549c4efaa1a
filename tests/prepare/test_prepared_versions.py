"""Preparation does what is needed, once, and leaves all of it or nothing."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlebench_data.catalogue import Competition
from mlebench_data.errors import PrepareError, RawDataError
from mlebench_data.prepare import prepare

FILES = [
    "manifest.json",
    "private/test.csv",
    "public/description.md",
    "public/sample_submission.csv",
    "public/test.csv",
    "public/train.csv",
]


def _times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}


def _overwrite(path: Path, content: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(content)


def _change(folder: Path) -> None:
    _overwrite(folder / "public/train.csv", b"id,x,label\n")


def _same_size(folder: Path) -> None:
    path = folder / "private/test.csv"
    _overwrite(path, path.read_bytes()[::-1])


def _delete(folder: Path) -> None:
    (folder / "public/test.csv").unlink()


def _add(folder: Path) -> None:
    (folder / "public/answers.csv").write_text("left by somebody")


def _delete_empty_folder(folder: Path) -> None:
    (folder / "private/images").rmdir()


def _delete_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def _cut_manifest(folder: Path) -> None:
    path = folder / "manifest.json"
    _overwrite(path, path.read_bytes()[:50])


DAMAGES = [
    _change,
    _same_size,
    _delete,
    _add,
    _delete_empty_folder,
    _delete_manifest,
    _cut_manifest,
]


def _with_folder(facts: dict[str, Any]) -> None:
    facts["versions"]["v1"]["recipe"].append({"op": "make_folder", "path": "private/images"})
    facts["versions"]["v1"]["outputs"]["private"].append("images")


def test_tree_and_manifest(tiny: Competition, raw: Path, data_dir: Path, files_in: Any) -> None:
    result = prepare(tiny, data_dir=data_dir, raw=raw)
    assert (result.status, result.lock) == ("prepared", "none")
    assert result.folder == data_dir / "tiny" / "v1"
    found = files_in(result.folder)
    assert sorted(found) == FILES
    assert found["public/description.md"].decode() == tiny.description()
    assert (found["public/train.csv"].count(b"\n"), found["public/test.csv"].count(b"\n")) == (
        15,
        7,
    )
    assert found["public/sample_submission.csv"].splitlines()[0] == b"id,label"
    assert b"label" not in found["public/test.csv"]

    manifest = json.loads(found["manifest.json"])
    assert [entry["path"] for entry in manifest["files"]] == FILES[1:]
    rows = {entry["path"]: entry.get("rows") for entry in manifest["files"]}
    assert (rows["public/train.csv"], rows["private/test.csv"]) == (14, 6)
    assert str(data_dir) not in found["manifest.json"].decode()


def test_private_files_are_for_their_owner_alone(
    tiny: Competition, raw: Path, data_dir: Path
) -> None:
    before = os.umask(0)
    try:
        folder = prepare(tiny, data_dir=data_dir, raw=raw).folder
    finally:
        os.umask(before)
    for path in (folder / "private", folder / "private/test.csv"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    for path in (folder / "public").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o044 == 0o044


def test_second_run_does_nothing(tiny: Competition, raw: Path, data_dir: Path) -> None:
    first = prepare(tiny, data_dir=data_dir, raw=raw)
    times = _times(first.folder)
    second = prepare(tiny, data_dir=data_dir, raw=raw)
    assert second.status == "unchanged"
    assert second.manifest == first.manifest
    assert _times(first.folder) == times
    # Not even the raw data is looked at.
    assert prepare(tiny, data_dir=data_dir).status == "unchanged"


def test_same_data_has_the_same_manifest_everywhere(
    tiny: Competition, raw: Path, data_dir: Path, tmp_path: Path
) -> None:
    first = prepare(tiny, data_dir=data_dir, raw=raw).manifest
    second = prepare(tiny, data_dir=tmp_path / "elsewhere", raw=raw).manifest
    assert first.digest() == second.digest()


def test_force_prepares_again(tiny: Competition, raw: Path, data_dir: Path, files_in: Any) -> None:
    folder = prepare(tiny, data_dir=data_dir, raw=raw).folder
    inode = folder.stat().st_ino
    before = files_in(data_dir)
    assert prepare(tiny, data_dir=data_dir, raw=raw, force=True).status == "prepared"
    assert folder.stat().st_ino != inode
    assert files_in(data_dir) == before


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_noticed_and_repaired(
    damage: Callable[[Path], None],
    write_competition: Any,
    raw: Path,
    data_dir: Path,
    files_in: Any,
) -> None:
    competition = write_competition(_with_folder)
    folder = prepare(competition, data_dir=data_dir, raw=raw).folder
    before = files_in(data_dir)
    damage(folder)
    assert prepare(competition, data_dir=data_dir, raw=raw).status == "prepared"
    assert files_in(data_dir) == before
    assert (folder / "private/images").is_dir()
    assert prepare(competition, data_dir=data_dir, raw=raw).status == "unchanged"


@pytest.mark.parametrize(
    ("change", "files"),
    [
        (lambda facts: facts["versions"]["v1"]["recipe"][1].update(seed=1), {}),
        (lambda facts: None, {"README_md": "# Tiny\n\nOther words.\n"}),
        (lambda facts: None, {"prepare_py": "x = 1\n"}),
    ],
    ids=["recipe", "description", "code"],
)
def test_changed_competition_is_prepared_again(
    change: Any, files: dict[str, str], write_competition: Any, raw: Path, data_dir: Path
) -> None:
    prepare(write_competition(), data_dir=data_dir, raw=raw)
    assert prepare(write_competition(), data_dir=data_dir, raw=raw).status == "unchanged"
    changed = write_competition(change, **files)
    assert prepare(changed, data_dir=data_dir, raw=raw).status == "prepared"


def test_what_the_recipe_does_not_depend_on_may_change(
    write_competition: Any, raw: Path, data_dir: Path
) -> None:
    prepare(write_competition(), data_dir=data_dir, raw=raw)
    changed = write_competition(lambda facts: facts.update(summary="Other words."))
    assert prepare(changed, data_dir=data_dir, raw=raw).status == "unchanged"


def test_versions_lie_side_by_side(write_competition: Any, raw: Path, data_dir: Path) -> None:
    def change(facts: dict[str, Any]) -> None:
        facts["versions"]["v2"] = json.loads(json.dumps(facts["versions"]["v1"]))
        facts["versions"]["v2"]["recipe"][1]["seed"] = 1

    competition = write_competition(change)
    first, second = (
        prepare(competition, data_dir=data_dir, raw=raw, version=name) for name in ("v1", "v2")
    )
    assert second.folder == data_dir / "tiny" / "v2"
    assert first.manifest.files != second.manifest.files
    assert prepare(competition, data_dir=data_dir, raw=raw).status == "unchanged"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda block: block["recipe"].append(
                {"op": "write_table", "table": "test", "path": "public/answers.csv"}
            ),
            "Not declared: public/answers.csv.",
        ),
        (
            lambda block: block["recipe"].append({"op": "make_folder", "path": "private/images"}),
            "Not declared: private/images.",
        ),
        (
            # What is declared below private/ is not declared below public/private/.
            lambda block: block["recipe"].append(
                {"op": "write_table", "table": "test", "path": "public/private/test.csv"}
            ),
            "Not declared: public/private/test.csv.",
        ),
        (
            lambda block: block["outputs"]["public"].append("images/*.png"),
            "Nothing matches public/images/*.png.",
        ),
    ],
)
def test_undeclared_and_missing_outputs_are_refused(
    change: Any, expected: str, write_competition: Any, raw: Path, data_dir: Path, files_in: Any
) -> None:
    competition = write_competition(lambda facts: change(facts["versions"]["v1"]))
    with pytest.raises(
        PrepareError, match="tiny v1: prepared files differ from 'outputs'"
    ) as caught:
        prepare(competition, data_dir=data_dir, raw=raw)
    assert expected in str(caught.value)
    assert files_in(data_dir) == {}


@pytest.mark.parametrize("written", [True, False])
def test_optional_outputs_may_be_missing(
    written: bool, write_competition: Any, raw: Path, data_dir: Path
) -> None:
    def change(facts: dict[str, Any]) -> None:
        block = facts["versions"]["v1"]
        block["outputs"]["optional"] = ["public/more/*.csv"]
        if written:
            block["recipe"].append(
                {"op": "write_table", "table": "test", "path": "public/more/test.csv"}
            )

    folder = prepare(write_competition(change), data_dir=data_dir, raw=raw).folder
    assert (folder / "public" / "more" / "test.csv").is_file() == written


def test_failing_operation_keeps_what_was_there(
    write_competition: Any, raw: Path, data_dir: Path, files_in: Any
) -> None:
    prepare(write_competition(), data_dir=data_dir, raw=raw)
    before = files_in(data_dir)

    def change(facts: dict[str, Any]) -> None:
        facts["versions"]["v1"]["recipe"][4]["drop"] = ["colour"]

    with pytest.raises(PrepareError, match=r"^tiny v1: Table 'test' has no column 'colour'"):
        prepare(write_competition(change), data_dir=data_dir, raw=raw)
    assert files_in(data_dir) == before


def test_cell_that_leads_elsewhere(
    write_competition: Any, raw: Path, data_dir: Path, files_in: Any
) -> None:
    def change(facts: dict[str, Any]) -> None:
        block = facts["versions"]["v1"]
        block["recipe"].append(
            {"op": "copy_files", "table": "test", "source": "labelled.csv", "path": "public/{id}"}
        )

    (raw / "labelled.csv").write_text("id,x,label\n" + "../../../escaped,1,0\n" * 20)
    with pytest.raises(PrepareError, match=r"'public/\.\./\.\./\.\./escaped' leaves"):
        prepare(write_competition(change), data_dir=data_dir, raw=raw)
    assert files_in(data_dir) == {}
    assert not list(data_dir.parent.rglob("escaped"))


def test_missing_raw_file_names_every_place(
    write_competition: Any, raw: Path, data_dir: Path, files_in: Any
) -> None:
    def change(facts: dict[str, Any]) -> None:
        facts["versions"]["v1"]["raw"] = {
            "files": ["labelled.csv", "images/1.png", "notes.txt"],
            "archives": [
                {"path": "all.zip"},
                {"path": "images.zip", "extract_to": "images"},
                {"path": "sounds.zip", "extract_to": "sounds"},
            ],
        }

    with pytest.raises(RawDataError) as caught:
        prepare(write_competition(change), data_dir=data_dir, raw=raw)
    get_it = "Get the data of tiny from https://example.org/tiny."
    assert str(caught.value).splitlines() == [
        f"tiny v1: Raw file 'images/1.png' is missing: looked for {raw}/images/1.png and inside "
        f"{raw}/all.zip and inside {raw}/images.zip. {get_it}",
        f"Raw file 'notes.txt' is missing: looked for {raw}/notes.txt and inside {raw}/all.zip. "
        f"{get_it}",
    ]
    assert files_in(data_dir) == {}


@pytest.mark.parametrize("place", ["raw", "raw/tiny", "raw/tiny/raw", "data/tiny/raw"])
def test_raw_folder_is_found(place: str, tiny: Competition, raw: Path, data_dir: Path) -> None:
    content = (raw / "labelled.csv").read_text()
    (raw / "labelled.csv").unlink()
    folder = data_dir.parent / place
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "labelled.csv").write_text(content)
    named = None if place.startswith("data") else raw
    assert prepare(tiny, data_dir=data_dir, raw=named).status == "prepared"


def test_no_raw_folder(tiny: Competition, data_dir: Path) -> None:
    with pytest.raises(RawDataError, match="there is no raw data in") as caught:
        prepare(tiny, data_dir=data_dir)
    assert str(data_dir / "tiny" / "raw") in str(caught.value)
    assert "https://example.org/tiny" in str(caught.value)
    assert "--raw" in str(caught.value)


def test_builder_that_fails_leaves_nothing(
    write_competition: Any, data_dir: Path, files_in: Any
) -> None:
    code = """
def build_raw(folder):
    (folder / "labelled.csv").write_text("half")
    raise OSError("disk full")
"""
    builtin = write_competition(lambda facts: facts["source"].update(kind="builtin"), raw_py=code)
    with pytest.raises(OSError, match="disk full"):
        prepare(builtin, data_dir=data_dir)
    assert files_in(data_dir) == {}
