"""Data that the published benchmark has prepared is taken over as if it had been prepared here."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlebench_data.catalogue import Competition, competition_ids, load_competition
from mlebench_data.errors import PrepareError
from mlebench_data.fetch.published import import_published
from mlebench_data.fetch.row_counts import csv_rows, json_rows
from mlebench_data.grading import grade
from mlebench_data.prepare import Manifest, prepare
from mlebench_data.prepare.build import PrepareResult
from mlebench_data.prepare.locks import lock_path, make_lock

ARCHIVES = Path(__file__).parent.parent / "vectors"
VECTORS = [name for name in competition_ids() if (ARCHIVES / f"{name}.tar.xz").is_file()]


def _lay_out(prepared: Path, folder: Path, name: str) -> Path:
    """Put a prepared version where the published benchmark would have it, as it would."""
    target = folder / name / "prepared"
    for part in ("public", "private"):
        shutil.copytree(prepared / part, target / part)
    for path in [target, *target.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    (target / "public" / "description.md").write_text("Other words.\n")
    return target


def _entries(folder: Path) -> dict[str, tuple[int, bytes | None]]:
    """Mode and content of all that lies in a folder."""
    return {
        path.relative_to(folder).as_posix(): (
            stat.S_IMODE(path.lstat().st_mode),
            path.read_bytes() if path.is_file() else None,
        )
        for path in folder.rglob("*")
    }


@pytest.fixture
def here(tiny: Competition, raw: Path, tmp_path: Path) -> PrepareResult:
    """The tiny competition, prepared somewhere else."""
    return prepare(tiny, data_dir=tmp_path / "elsewhere", raw=raw)


@pytest.fixture
def published(here: PrepareResult, tmp_path: Path) -> Path:
    """The published benchmark's data folder, with the tiny competition."""
    folder = tmp_path / "published"
    _lay_out(here.folder, folder, "tiny")
    return folder


def _lock(here: PrepareResult, folder: Path) -> Path:
    path = lock_path("tiny", "v1", folder)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(make_lock(here.manifest, here.folder)))
    return path


@pytest.mark.parametrize("name", VECTORS)
def test_vectors(name: str, vector: Callable[[str], Any], tmp_path: Path) -> None:
    case = vector(name)
    competition = case.changed(load_competition(name), case.preparations()[0])
    prepared = prepare(competition, data_dir=tmp_path / "a", raw=case.raw, skip_lock=True)
    _lay_out(prepared.folder, tmp_path / "published", name)
    data_dir = tmp_path / "b"
    imported = import_published(
        competition, tmp_path / "published", data_dir=data_dir, skip_lock=True
    )
    assert imported.status == "imported"
    # Rows, modes, empty folders and all.
    assert imported.manifest == prepared.manifest
    assert _entries(imported.folder) == _entries(prepared.folder)
    assert prepare(competition, data_dir=data_dir, skip_lock=True).status == "unchanged"
    submission = case.sample_submission
    answers = imported.folder / competition.version().answers
    assert grade(name, submission, answers=answers).status in ("valid", "invalid")


@pytest.mark.parametrize("link", [True, False])
def test_links_and_copies(link: bool, tiny: Competition, published: Path, data_dir: Path) -> None:
    before = _entries(published)
    result = import_published(tiny, published, data_dir=data_dir, link=link)
    tree = published / "tiny" / "prepared"
    for path, linked in [("public/train.csv", link), ("private/test.csv", False)]:
        assert (tree / path).samefile(result.folder / path) == linked
    after = _entries(published)
    assert {path: content for path, (_, content) in after.items()} == {
        path: content for path, (_, content) in before.items()
    }
    changed = {path for path in after if after[path] != before[path]}
    public = {f"tiny/prepared/public/{name}.csv" for name in ("train", "test", "sample_submission")}
    assert changed == (public if link else set())
    text = (result.folder / "public" / "description.md").read_text()
    assert text == tiny.description()
    assert (tree / "public" / "description.md").read_text() == "Other words.\n"


def test_command(
    mlebench: Any, published: Path, here: PrepareResult, tmp_path: Path, data_dir: Path
) -> None:
    _lock(here, tmp_path / "splits" / "locks")
    done = mlebench("import", published)
    assert (done.code, done.out) == (0, "")
    assert next(row for row in map(str.split, done.err.splitlines()) if row[:1] == ["tiny"]) == [
        "tiny",
        "imported",
        "5",
        *done.err.split("imported")[1].split()[1:3],
        "holds",
    ]
    assert Manifest.read(data_dir / "tiny" / "v1") == here.manifest
    for command in (("import", published, "tiny"), ("prepare", "tiny")):
        assert "unchanged" in mlebench(*command).err
    assert "imported" in mlebench("import", published, "--force", "--copy").err


def test_imported_data_grades(
    tiny: Competition, mlebench: Any, published: Path, data_dir: Path
) -> None:
    assert mlebench("import", published).code == 0
    sample = data_dir / "tiny" / "v1" / "public" / "sample_submission.csv"
    done = mlebench("grade", "tiny", sample)
    assert done.code == 0 and "tiny v1: valid" in done.err


def _change(tree: Path) -> None:
    path = tree / "private" / "test.csv"
    path.write_bytes(path.read_bytes().replace(b",1", b",0"))


def _remove(tree: Path) -> None:
    (tree / "public" / "test.csv").unlink()


def _add(tree: Path) -> None:
    (tree / "public" / "more.csv").write_text("")


def _break_link(tree: Path) -> None:
    (tree / "public" / "test.csv").unlink()
    (tree / "public" / "test.csv").symlink_to("nowhere")


def _take_away(tree: Path) -> None:
    shutil.rmtree(tree / "private")


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (_change, "private/test.csv: md5 is"),
        (_remove, "Nothing matches public/test.csv."),
        (_add, "Not declared: public/more.csv."),
        (_break_link, "test.csv"),
        (_take_away, "there is no folder"),
    ],
)
@pytest.mark.parametrize("present", [False, True])
def test_what_does_not_match_is_named_and_left_alone(
    damage: Callable[[Path], None],
    expected: str,
    present: bool,
    mlebench: Any,
    tiny: Competition,
    raw: Path,
    published: Path,
    here: PrepareResult,
    tmp_path: Path,
    data_dir: Path,
) -> None:
    _lock(here, tmp_path / "splits" / "locks")
    if present:
        prepare(tiny, data_dir=data_dir, raw=raw)
    damage(published / "tiny" / "prepared")
    before = _entries(published), _entries(data_dir)
    options = ["--force"] if present else []
    done = mlebench("import", published, "tiny", *options)
    assert done.code == 1
    assert "failed" in done.err and expected in done.err
    assert _entries(published) == before[0]
    left = _entries(data_dir)
    assert {path: left[path] for path in left if path not in ("tiny", "tiny/.lock")} == {
        path: before[1][path] for path in before[1] if path not in ("tiny", "tiny/.lock")
    }


def test_lock_may_be_passed_over(
    mlebench: Any, published: Path, here: PrepareResult, tmp_path: Path
) -> None:
    _lock(here, tmp_path / "splits" / "locks")
    _change(published / "tiny" / "prepared")
    assert mlebench("import", published).code == 1
    done = mlebench("import", published, "--skip-lock")
    assert done.code == 0 and "skipped" in done.err


def test_selection(mlebench: Any, published: Path, tmp_path: Path, data_dir: Path) -> None:
    shutil.copytree(published / "tiny", published / "unheard-of")
    (published / "only-raw" / "raw").mkdir(parents=True)
    (published / "notes.txt").write_text("")
    done = mlebench("import", published)
    assert done.code == 0
    assert "not in the catalogue" in done.err and "only-raw" not in done.err
    assert sorted(path.name for path in data_dir.iterdir()) == ["tiny"]
    named = mlebench("import", published, "unheard-of")
    assert named.code == 1 and "There is no competition 'unheard-of'" in named.err
    empty = mlebench("import", tmp_path / "splits-of-nobody")
    assert empty.code == 1 and "There is no folder" in empty.err
    (tmp_path / "empty").mkdir()
    nothing = mlebench("import", tmp_path / "empty")
    assert nothing.code == 1 and "holds no prepared competitions" in nothing.err


def test_folder_may_be_the_data_folder(tiny: Competition, published: Path) -> None:
    result = import_published(tiny, published, data_dir=published)
    assert result.folder == published / "tiny" / "v1"
    assert import_published(tiny, published, data_dir=published).status == "unchanged"


def test_linked_folders_and_empty_ones(
    write_competition: Any, raw: Path, tmp_path: Path, data_dir: Path
) -> None:
    def change(facts: Any) -> None:
        block = facts["versions"]["v1"]
        block["recipe"] += [
            {"op": "make_folder", "path": "private/empty"},
            {
                "op": "copy_files",
                "table": "test",
                "source": "labelled.csv",
                "path": "public/copies/{id}.csv",
            },
        ]
        block["outputs"]["private"].append("empty")
        block["outputs"]["public"].append("copies/*.csv")

    competition = write_competition(change)
    prepared = prepare(competition, data_dir=tmp_path / "elsewhere", raw=raw)
    tree = _lay_out(prepared.folder, tmp_path / "published", "tiny")
    (tree / "public" / "copies").rename(tmp_path / "copies")
    (tree / "public" / "copies").symlink_to(tmp_path / "copies")
    result = import_published(competition, tmp_path / "published", data_dir=data_dir)
    assert result.manifest == prepared.manifest
    assert not (result.folder / "public" / "copies").is_symlink()


def test_undeclared_file_is_refused_even_without_lock(
    tiny: Competition, published: Path, data_dir: Path
) -> None:
    _add(published / "tiny" / "prepared")
    with pytest.raises(PrepareError, match="Not declared"):
        import_published(tiny, published, data_dir=data_dir, skip_lock=True)


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("", 0),
        ("id\n", 0),
        ("id\na\nb\n", 2),
        ("id\na\nb", 2),
        ('id,text\r\na,"two\nlines"\r\nb,"a ""quoted\n"" word"\r\n', 2),
        ('"i\nd"\n""\n', 1),
    ],
)
def test_csv_rows(content: str, rows: int, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content.encode())
    assert csv_rows(path) == rows


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("[]", 0),
        ('[{"a": 1}, {"a": 2}]', 2),
        ('[\n {"a": 1},\n {"a": 2}\n]\n', 2),
        ('{"a": 1}\n{"a": 2}\n', 2),
        ('{"a": 1}', None),
        ('{\n "a": 1\n}\n', None),
        ("", None),
        ('{"a": 1}\n{"a"', None),
    ],
)
def test_json_rows(content: str, rows: int | None, tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text(content)
    assert json_rows(path) == rows
