from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cats_and_dogs import make_prepared, tree_of
from hypothesis import given
from hypothesis import strategies as st

from mlebench_data.catalogue import Competition
from mlebench_data.hub import PackError, file_rows, limits, pack, restore
from mlebench_data.hub.file_rows import choose_plain, is_table
from mlebench_data.hub.keys import MasterKey
from mlebench_data.hub.limits import check_limits
from mlebench_data.prepare.manifest import FileEntry

MOST, LARGE, LARGEST_ROW = 3, 100, 1000


@pytest.fixture
def lowered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_rows, "MAX_PLAIN_FILES", MOST)
    monkeypatch.setattr(file_rows, "MAX_ARCHIVED_SIZE", LARGE)
    monkeypatch.setattr(file_rows, "MAX_ROW_SIZE", LARGEST_ROW)


names = st.sampled_from(["a.csv", "b.json.zip", "c.png", "d/.hidden.csv", "d/e.txt", "f"])
sizes = st.sampled_from([0, 50, LARGE, LARGE + 1, 500, LARGEST_ROW])


@given(st.lists(st.tuples(names, sizes), max_size=20))
def test_plain_files_are_few(files: list[tuple[str, int]]) -> None:
    entries = [
        FileEntry(f"public/{number}/{name}", size, hashlib.sha256().hexdigest(), 0o644)
        for number, (name, size) in enumerate(files)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_rows, "MAX_PLAIN_FILES", MOST)
        patch.setattr(file_rows, "MAX_ARCHIVED_SIZE", LARGE)
        patch.setattr(file_rows, "MAX_ROW_SIZE", LARGEST_ROW)
        plain = choose_plain(entries)
    assert len(plain) <= 2 * MOST
    assert not any("/." in path for path in plain)
    large = [entry for entry in entries if entry.size > LARGE and "/." not in entry.path]
    assert sum(entry.path in plain for entry in large) == min(len(large), MOST)
    small = {entry.path for entry in entries if entry.path in plain} - {e.path for e in large}
    assert all(is_table(path) for path in small)


def test_too_large_for_everything(lowered: None) -> None:
    digest = hashlib.sha256().hexdigest()
    hidden = FileEntry("public/.git/pack", LARGEST_ROW + 1, digest, 0o644)
    with pytest.raises(PackError, match=r"public/\.git/pack has 1001 bytes"):
        choose_plain([hidden])
    assert choose_plain([hidden._replace(path="public/pack")]) == {"public/pack"}


@pytest.mark.parametrize(
    ("path", "table"),
    [
        ("public/a.csv", True),
        ("public/A.CSV", True),
        ("public/a.csv.zip", True),
        ("public/a.jsonl", True),
        ("public/a.parquet", True),
        ("public/a.png", False),
        ("public/images.zip", False),
        ("public/description.md", False),
        ("public/known.txt", True),
    ],
)
def test_tables(path: str, table: bool) -> None:
    assert is_table(path, ["public/known.txt"]) == table


def test_repository_within_lowered_limits(
    lowered: None, cats: Competition, tmp_path: Path, key: MasterKey
) -> None:
    public = {f"t{number}.csv": b"a\n1\n" for number in range(20)}
    public |= {f"large{number}": bytes([number]) * (200 + number) for number in range(6)}
    public |= {f"deep/{number}/x.bin": b"x" for number in range(20)}
    prepared = make_prepared(cats, tmp_path / "prepared", public)
    repository = pack(cats, prepared, tmp_path / "repository", key=key).folder
    plain = sorted(path.name for path in (repository / "files/public").rglob("*"))
    assert plain == ["large3", "large4", "large5"]
    restored = restore(repository, tmp_path / "restored").folder
    assert tree_of(restored) == tree_of(prepared / "public")


@pytest.mark.parametrize(
    ("name", "limit", "message"),
    [
        ("MAX_FOLDER_ENTRIES", 6, r"The folder files/public of the repository would hold"),
        ("MAX_FILES", 8, r"The repository would hold \d+ files"),
    ],
)
def test_repository_beyond_the_limits_is_refused(
    name: str,
    limit: int,
    message: str,
    cats: Competition,
    tmp_path: Path,
    key: MasterKey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    public = {f"{number}.csv": b"a\n1\n" for number in range(4)}
    prepared = make_prepared(cats, tmp_path / "prepared", public)
    repository = pack(cats, prepared, tmp_path / "fine", key=key).folder
    check_limits(repository)
    monkeypatch.setattr(limits, name, limit)
    with pytest.raises(PackError, match=message):
        pack(cats, prepared, tmp_path / "out", key=key)
    assert not (tmp_path / "out").exists()
