"""Locks: prepared data that differs from its lock is named and not put in place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlebench_data.catalogue import Competition
from mlebench_data.errors import LockMismatchError
from mlebench_data.prepare import PrepareResult, prepare
from mlebench_data.prepare.locks import FOLDER_LIMIT, check_lock, lock_path, make_lock, read_lock

MANY = FOLDER_LIMIT + 1


@pytest.fixture
def locks(tmp_path: Path) -> Path:
    return tmp_path / "locks"


def _write(lock: dict[str, Any], locks: Path) -> None:
    path = lock_path("tiny", "v1", locks)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(lock))


def _lock_of(result: PrepareResult) -> dict[str, Any]:
    return make_lock(result.manifest, result.folder)


@pytest.fixture
def rich(write_competition: Any, raw: Path) -> Competition:
    """The tiny competition with an archive, and a folder of more files than are locked singly."""
    (raw / "many.csv").write_text("n\n" + "".join(f"{number}\n" for number in range(MANY)))

    def change(facts: dict[str, Any]) -> None:
        block = facts["versions"]["v1"]
        block["recipe"] += [
            {"op": "read_table", "path": "many.csv", "into": "many"},
            {"op": "copy_files", "table": "many", "source": "many.csv", "path": "public/many/{n}"},
            {"op": "zip_outputs", "files": ["public/train.csv"], "path": "public/train.zip"},
        ]
        block["outputs"]["public"] += ["many/*", "train.zip"]

    competition: Competition = write_competition(change)
    return competition


def test_lock_says_what_there_is(rich: Competition, raw: Path, data_dir: Path) -> None:
    result = prepare(rich, data_dir=data_dir, raw=raw, skip_lock=True)
    assert result.lock == "skipped"
    lock = _lock_of(result)
    assert sorted(lock["files"]) == [
        "private/test.csv",
        "public/sample_submission.csv",
        "public/test.csv",
        "public/train.csv",
    ]
    assert set(lock["files"]["public/train.csv"]) == {"md5", "sha256", "rows"}
    assert lock["files"]["public/train.csv"]["rows"] == 14
    assert {name: item["members"] for name, item in lock["archives"].items()} == {
        "public/train.zip": 1
    }
    assert {name: item["files"] for name, item in lock["folders"].items()} == {"public/many": MANY}
    check_lock(lock, result.manifest, result.folder)


def test_data_that_keeps_its_lock(
    rich: Competition, raw: Path, data_dir: Path, locks: Path
) -> None:
    assert prepare(rich, data_dir=data_dir, raw=raw, locks=locks).lock == "none"
    _write(_lock_of(prepare(rich, data_dir=data_dir, raw=raw, locks=locks)), locks)
    again = prepare(rich, data_dir=data_dir, raw=raw, locks=locks)
    assert (again.status, again.lock) == ("unchanged", "holds")
    afresh = prepare(rich, data_dir=data_dir, raw=raw, locks=locks, force=True)
    assert (afresh.status, afresh.lock) == ("prepared", "holds")


def _other(item: dict[str, Any], key: str) -> None:
    item[key] = item[key] + 1 if isinstance(item[key], int) else item[key][::-1]


MISMATCHES: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "md5": (
        lambda lock: _other(lock["files"]["public/train.csv"], "md5"),
        "  public/train.csv: md5 is ",
    ),
    "sha256": (
        lambda lock: _other(lock["files"]["private/test.csv"], "sha256"),
        "  private/test.csv: sha256 is ",
    ),
    "rows": (
        lambda lock: _other(lock["files"]["public/test.csv"], "rows"),
        "  public/test.csv: rows is 6, must be 7",
    ),
    "missing file": (
        lambda lock: lock["files"].update({"public/more.csv": {"md5": "0"}}),
        "  public/more.csv is missing",
    ),
    "archive": (
        lambda lock: _other(lock["archives"]["public/train.zip"], "sha256"),
        "  public/train.zip: its 1 members differ from the 1 members it must have",
    ),
    "missing archive": (
        lambda lock: lock["archives"].update({"public/more.zip": {}}),
        "  public/more.zip is missing",
    ),
    "folder": (
        lambda lock: _other(lock["folders"]["public/many"], "sha256"),
        "  public/many/: the content of some file differs",
    ),
    "number of files": (
        lambda lock: _other(lock["folders"]["public/many"], "files"),
        f"  public/many/ holds {MANY} files, must hold {MANY + 1}",
    ),
}


@pytest.mark.parametrize(("change", "expected"), MISMATCHES.values(), ids=MISMATCHES.keys())
def test_mismatch_is_named_and_left_out(
    change: Callable[[dict[str, Any]], None],
    expected: str,
    rich: Competition,
    raw: Path,
    data_dir: Path,
    locks: Path,
    tmp_path: Path,
    files_in: Any,
) -> None:
    lock = _lock_of(prepare(rich, data_dir=tmp_path / "model", raw=raw, skip_lock=True))
    change(lock)
    _write(lock, locks)
    with pytest.raises(LockMismatchError) as caught:
        prepare(rich, data_dir=data_dir, raw=raw, locks=locks)
    lines = str(caught.value).splitlines()
    assert lines[0] == "tiny v1: prepared data differs from the lock:"
    assert [line.startswith(expected) for line in lines[1:-1]] == [True]
    assert "--skip-lock" in lines[-1]
    assert files_in(data_dir) == {}


def test_mismatch_keeps_what_was_there(
    tiny: Competition, raw: Path, data_dir: Path, locks: Path, files_in: Any
) -> None:
    _write(_lock_of(prepare(tiny, data_dir=data_dir, raw=raw)), locks)
    before = files_in(data_dir)
    (raw / "labelled.csv").write_text((raw / "labelled.csv").read_text().replace("r3,", "r99,"))
    with pytest.raises(LockMismatchError):
        prepare(tiny, data_dir=data_dir, raw=raw, locks=locks, force=True)
    assert files_in(data_dir) == before
    skipped = prepare(tiny, data_dir=data_dir, raw=raw, locks=locks, force=True, skip_lock=True)
    assert (skipped.status, skipped.lock) == ("prepared", "skipped")
    # With the lock, the other data does not count as prepared.
    with pytest.raises(LockMismatchError):
        prepare(tiny, data_dir=data_dir, raw=raw, locks=locks)


def test_lock_may_say_less(tiny: Competition, raw: Path, data_dir: Path, locks: Path) -> None:
    lock = _lock_of(prepare(tiny, data_dir=data_dir, raw=raw))
    _write(
        {"files": {"public/train.csv": {"md5": lock["files"]["public/train.csv"]["md5"]}}}, locks
    )
    assert prepare(tiny, data_dir=data_dir, raw=raw, locks=locks).lock == "holds"


@pytest.mark.parametrize(("change", "holds"), [(0, True), (1, False)])
def test_lock_may_give_a_count_alone(
    change: int, holds: bool, rich: Competition, raw: Path, data_dir: Path
) -> None:
    result = prepare(rich, data_dir=data_dir, raw=raw, skip_lock=True)
    lock = {"folders": {"public/many": {"files": MANY + change}}}
    if holds:
        check_lock(lock, result.manifest, result.folder)
    else:
        with pytest.raises(LockMismatchError, match=f"must hold {MANY + change}"):
            check_lock(lock, result.manifest, result.folder)


def test_no_lock(locks: Path) -> None:
    assert read_lock("tiny", "v1", locks) is None
