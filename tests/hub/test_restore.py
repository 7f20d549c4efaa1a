from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from cats_and_dogs import make_competition, make_prepared, tree_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlebench_data.catalogue import Competition
from mlebench_data.errors import DataNotFoundError, IntegrityError
from mlebench_data.hub import RestoreError, file_rows, pack, restore
from mlebench_data.hub.keys import MasterKey

part = (
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="/\0"), min_size=1)
    | st.sampled_from([".git", ".gitattributes", "README.md", "a b#?%.txt", "con", "\\", "-", "~"])
).filter(lambda name: name not in (".", "..") and len(name.encode()) < 100)
path = st.lists(part, min_size=1, max_size=4).map("/".join)
content = st.binary(max_size=300) | st.sampled_from(
    [b"", b"a\r\nb\r\n", b"0.120,007\r\n", b"\xef\xbb\xbf"]
)
mode = st.sampled_from([0o644, 0o600, 0o755, 0o444, 0o777])


def without_conflicts(
    files: dict[str, Any], folders: list[str]
) -> tuple[dict[str, Any], list[str]]:
    """Leave out what would be a file and a folder at once."""
    taken_files = {"train.csv", "test.csv", "sample.csv"}
    taken_folders: set[str] = set()

    def fits(name: str, is_file: bool) -> bool:
        parents = [str(item) for item in list(Path(name).parents)[:-1]]
        if name in taken_files or (is_file and name in taken_folders):
            return False
        if any(parent in taken_files for parent in parents):
            return False
        taken_folders.update(parents if is_file else [*parents, name])
        if is_file:
            taken_files.add(name)
        return True

    kept = {name: value for name, value in files.items() if fits(name, True)}
    return kept, [name for name in folders if fits(name, False)]


@given(
    files=st.dictionaries(path, st.tuples(content, mode), max_size=12),
    folders=st.lists(path, max_size=3),
    plain=st.sampled_from([0, 1000]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_tree_comes_back(
    files: dict[str, tuple[bytes, int]], folders: list[str], plain: int
) -> None:
    files, folders = without_conflicts(files, folders)
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_rows, "MAX_PLAIN_FILES", plain)
        root = Path(name)
        competition = make_competition(root / "cats")
        prepared = make_prepared(
            competition,
            root / "prepared",
            {name: content for name, (content, _) in files.items()},
            empty_folders=tuple(folders),
            modes={name: mode for name, (_, mode) in files.items()},
        )
        key = MasterKey(bytes(32))
        repository = pack(competition, prepared, root / "repository", key=key).folder
        shutil.rmtree(repository / "private")
        result = restore(repository, root / "out")
        assert result.status == "restored"
        assert tree_of(root / "out") == tree_of(prepared / "public")
        assert restore(repository, root / "out").status == "unchanged"


def test_many_files(cats: Competition, tmp_path: Path, key: MasterKey) -> None:
    public = {f"d{number % 7}/{number}.txt": b"%d" % number for number in range(1500)}
    prepared = make_prepared(cats, tmp_path / "prepared", public)
    repository = pack(cats, prepared, tmp_path / "repository", key=key).folder
    assert sum(1 for _ in repository.rglob("*")) < 20
    restore(repository, tmp_path / "out")
    assert tree_of(tmp_path / "out") == tree_of(prepared / "public")


def test_restore_does_not_look_at_the_private_part(repository: Path, tmp_path: Path) -> None:
    shutil.rmtree(repository / "private")
    (repository / "private").write_text("not even a folder")
    restore(repository, tmp_path / "out")
    assert (tmp_path / "out" / "nothing" / "here").is_dir()
    assert (tmp_path / "out" / "notes" / "odd name.txt").read_bytes() == b"a\r\nb"
    assert not list((tmp_path / "out").rglob("answers*"))


@pytest.mark.parametrize("existing", ["nothing", "empty"])
def test_modes_do_not_depend_on_umask(existing: str, repository: Path, tmp_path: Path) -> None:
    if existing == "empty":
        (tmp_path / "out").mkdir()
    old = os.umask(0o077)
    try:
        restore(repository, tmp_path / "out")
    finally:
        os.umask(old)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "out/notes").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "out/train.csv").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    "change",
    [
        lambda out: (out / "extra").write_text(""),
        lambda out: (out / "extra").mkdir(),
        lambda out: (out / "train.csv").unlink(),
        lambda out: (out / "train.csv").chmod(0o600),
        lambda out: (out / "train.csv").write_bytes((out / "train.csv").read_bytes()[::-1]),
        lambda out: (out / "nothing/here").rmdir(),
        lambda out: (out / "notes/link").symlink_to(out),
    ],
)
def test_what_stands_there_is_replaced_only_by_force(
    change: Any, repository: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    restore(repository, out)
    good = tree_of(out)
    change(out)
    changed = tree_of(out)
    with pytest.raises(RestoreError, match="--force"):
        restore(repository, out)
    assert tree_of(out) == changed
    assert restore(repository, out, force=True).status == "restored"
    assert tree_of(out) == good
    assert not list(tmp_path.glob(".out*"))


def test_file_in_the_way(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(RestoreError, match="is a file"):
        restore(repository, tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


@pytest.fixture(params=["plain", "archive", "column"])
def stored(
    request: pytest.FixtureRequest, tmp_path: Path, key: MasterKey, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, Path]:
    """A repository that stores note.txt in one of three ways, and the file that holds it."""
    monkeypatch.setattr(file_rows, "MAX_PLAIN_FILES", 0 if request.param == "archive" else 1000)
    media = [{"column": "note", "type": "text", "path": "note.txt"}]
    train = {"table": "train.csv", "media": media if request.param == "column" else []}
    competition = make_competition(
        tmp_path / "cats", dataset={"train": train, "test": {"table": "test.csv"}}
    )
    text = str(3**5000).encode()
    prepared = make_prepared(competition, tmp_path / "prepared", {"note.txt": text})
    result = pack(competition, prepared, tmp_path / "repository", key=key)
    [entry] = [entry for entry in result.manifest.files if entry.path == "public/note.txt"]
    return result.folder, result.folder / entry.stored.path


def test_no_changed_byte_gets_through(stored: tuple[Path, Path], tmp_path: Path) -> None:
    repository, holder = stored
    out = tmp_path / "out"
    restore(repository, out)
    good = tree_of(out)
    shutil.rmtree(out)
    content = holder.read_bytes()
    refused = 0
    for position in range(0, len(content), max(1, len(content) // 150)):
        bad = bytearray(content)
        bad[position] ^= 0x10
        holder.write_bytes(bad)
        try:
            restore(repository, out)
        except IntegrityError as error:
            # Other files may share the holder; one of them is named.
            assert "public/" in str(error)
            assert holder.name in str(error)
            assert not out.exists()
            refused += 1
        else:
            # The byte belongs to no public file.
            assert tree_of(out) == good
            shutil.rmtree(out)
    assert refused > 20


def test_missing_file_of_the_repository(stored: tuple[Path, Path], tmp_path: Path) -> None:
    repository, holder = stored
    holder.unlink()
    with pytest.raises(IntegrityError, match=r"public/.* cannot be restored: .* is missing"):
        restore(repository, tmp_path / "out")
    assert not list(tmp_path.glob("*out*"))


def entry(**changes: Any) -> dict[str, Any]:
    return {
        "path": "public/x",
        "size": 0,
        "sha256": "0" * 64,
        "mode": "0644",
        "stored": {"path": "files/public/train.csv"},
        **changes,
    }


@pytest.mark.parametrize(
    "hostile",
    [
        {"files": [entry(path="public/../../evil")]},
        {"files": [entry(path="../evil")]},
        {"files": [entry(path="/etc/evil")]},
        {"files": [entry(path="public//evil")]},
        {"files": [entry(path="public/./evil")]},
        {"files": [entry(path="public/e\0vil")]},
        {"files": [entry(path="private/evil")]},
        {"files": [entry(path="public")]},
        {"files": [entry(path="publicevil")]},
        {"files": [entry(mode="4755")]},
        {"files": [entry(mode="-001")]},
        {"files": [entry(mode="rwx")]},
        {"files": [entry(size=-1)]},
        {"files": [entry(stored={"path": "../secret"})]},
        {"files": [entry(stored={"path": "/etc/passwd"})]},
        {"files": [entry(stored={"path": "a", "row": -1})]},
        {"files": [entry(stored={"path": "a", "column": "x"})]},
        {"files": [entry(), entry()]},
        {"files": [entry(), entry(path="public/x/y")]},
        {"files": [entry()], "empty_folders": ["public/x"]},
        {"files": [entry()], "empty_folders": ["public"]},
        {"empty_folders": ["public/../../evil"]},
        {"empty_folders": ["elsewhere"]},
        {"competition": "../x"},
        {"unknown": 1},
        {"format": 2},
    ],
)
def test_hostile_manifest_is_refused(
    hostile: dict[str, Any], repository: Path, tmp_path: Path
) -> None:
    path = repository / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **hostile}))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(IntegrityError, match=r"manifest\.json"):
        restore(repository, tmp_path / "deep" / "out")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("at", "problem"),
    [
        ({"path": "data/train-00000.parquet", "row": 99, "column": "word"}, "has no row 99"),
        ({"path": "data/train-00000.parquet", "row": 1, "column": "word"}, "holds no bytes"),
        ({"path": "data/train-00000.parquet", "row": 1, "column": "nix"}, "is damaged"),
        ({"path": "data/train-00000.parquet", "row": 0, "column": "id"}, "holds no bytes"),
        ({"path": "README.md", "row": 0}, "is damaged"),
        ({"path": "data", "row": 0}, "is damaged"),
        ({"path": "data"}, "cannot be read"),
        ({"path": "README.md/x"}, "cannot be read"),
    ],
)
def test_manifest_that_points_to_the_wrong_place(
    at: dict[str, Any], problem: str, repository: Path, tmp_path: Path
) -> None:
    path = repository / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "files": [entry(stored=at)]}))
    with pytest.raises(IntegrityError, match=f"public/x cannot be restored: .* {problem}"):
        restore(repository, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="is no dataset repository"):
        restore(tmp_path, tmp_path / "out")


def test_repository_of_links_as_in_a_download_cache(repository: Path, tmp_path: Path) -> None:
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    for number, path in enumerate(sorted(repository.rglob("*"))):
        if path.is_file():
            path.rename(blobs / str(number))
            path.symlink_to(blobs / str(number))
    restore(repository, tmp_path / "out")
    assert not any(path.is_symlink() for path in (tmp_path / "out").rglob("*"))
