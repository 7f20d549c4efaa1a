"""`mlebench fetch`, `prepare` and `lock`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

BUILDER = """
def build_raw(folder):
    rows = "".join(f"r{n},{n},0\\n" for n in range(20))
    (folder / "labelled.csv").write_text("id,x,label\\n" + rows)
"""


def _row(done: Any) -> list[str]:
    """The line of the tiny competition in the summary of `prepare`."""
    return next(row for row in map(str.split, done.err.splitlines()) if row[:1] == ["tiny"])


@pytest.fixture
def builtin(write_competition: Any) -> None:
    """Let the tiny competition build its own raw data."""
    write_competition(lambda facts: facts["source"].update(kind="builtin"), raw_py=BUILDER)


def test_fetch_builds_once(mlebench: Any, builtin: None, data_dir: Path) -> None:
    done = mlebench("fetch", "--split", "small")
    assert done.code == 0
    file = data_dir / "tiny" / "raw" / "labelled.csv"
    before = file.stat().st_mtime_ns
    assert str(file.parent) in done.err.replace("\n", "")
    assert mlebench("fetch", "tiny", "--data-dir", data_dir).code == 0
    assert file.stat().st_mtime_ns == before


def test_prepare(mlebench: Any, raw: Path, data_dir: Path) -> None:
    done = mlebench("prepare", "tiny", "--raw", raw)
    assert (done.code, done.out) == (0, "")
    assert _row(done)[:3] == ["tiny", "prepared", "5"]
    assert (data_dir / "tiny" / "v1" / "manifest.json").is_file()
    assert _row(mlebench("prepare", "--split", "small"))[1] == "unchanged"
    again = mlebench("prepare", "tiny", "--raw", raw, "--force", "--skip-lock")
    assert _row(again)[1] == "prepared"
    assert "skipped" in _row(again)


def test_prepare_builds_raw_data(mlebench: Any, builtin: None) -> None:
    assert _row(mlebench("prepare", "tiny"))[1] == "prepared"


def test_prepare_without_raw_data(mlebench: Any, data_dir: Path) -> None:
    done = mlebench("prepare", "tiny")
    assert (done.code, _row(done)[1]) == (1, "failed")
    assert "mlebench: tiny: there is no raw data in" in done.err
    assert "Traceback" not in done.err


def test_one_failure_does_not_stop_the_others(
    mlebench: Any, raw: Path, tiny: Any, tmp_path: Path
) -> None:
    # A second competition, without raw data, that comes first.
    other = tiny.folder.parent / "other"
    other.mkdir()
    for name in ("competition.yaml", "README.md"):
        text = (tiny.folder / name).read_text().replace("id: tiny", "id: other", 1)
        (other / name).write_text(text)
    place = tmp_path / "data" / "tiny" / "raw"
    place.parent.mkdir(parents=True)
    place.symlink_to(raw)
    done = mlebench("prepare", "other", "tiny")
    assert done.code == 1
    assert _row(done)[1] == "prepared"
    assert "mlebench: other: there is no raw data" in done.err


def test_several_at_a_time(mlebench: Any, raw: Path, tiny: Any, tmp_path: Path) -> None:
    ids = ["tiny"]
    for name in ("second", "third"):
        folder = tiny.folder.parent / name
        folder.mkdir()
        for file in ("competition.yaml", "README.md"):
            text = (tiny.folder / file).read_text().replace("id: tiny", f"id: {name}", 1)
            (folder / file).write_text(text)
        ids.append(name)
    done = mlebench("prepare", *ids, "--raw", raw, "--jobs", "2")
    assert done.code == 0, done.err
    assert all((tmp_path / "data" / name / "v1" / "manifest.json").is_file() for name in ids)


def test_lock(mlebench: Any, raw: Path, data_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "splits" / "locks" / "v1" / "tiny.json"
    done = mlebench("lock", "tiny")
    assert done.code == 1
    assert "is not prepared" in done.err

    mlebench("prepare", "tiny", "--raw", raw)
    done = mlebench("lock", "tiny")
    assert done.code == 0
    lock = path.read_text()
    assert set(json.loads(lock)["files"]) == {
        "private/test.csv",
        "public/sample_submission.csv",
        "public/test.csv",
        "public/train.csv",
    }
    assert str(path) in done.err.replace("\n", "")
    assert mlebench("lock", "tiny").code == 0
    assert path.read_text() == lock
    assert "holds" in _row(mlebench("prepare", "tiny"))


def test_lock_that_says_otherwise(mlebench: Any, raw: Path, tmp_path: Path) -> None:
    path = tmp_path / "splits" / "locks" / "v1" / "tiny.json"
    mlebench("prepare", "tiny", "--raw", raw)
    mlebench("lock", "tiny")
    lock = path.read_text()
    (raw / "labelled.csv").write_text((raw / "labelled.csv").read_text().replace("r3,", "r77,"))

    refused = mlebench("prepare", "tiny", "--raw", raw, "--force")
    assert refused.code == 1
    assert "mlebench: tiny v1: prepared data differs from the lock:" in refused.err
    assert ".csv: md5 is " in refused.err
    assert mlebench("prepare", "tiny", "--raw", raw, "--force", "--skip-lock").code == 0

    refused = mlebench("lock", "tiny")
    assert refused.code == 1
    assert "To replace the lock, use --force." in refused.err
    assert path.read_text() == lock
    assert mlebench("lock", "tiny", "--force").code == 0
    assert path.read_text() != lock
    assert mlebench("prepare", "tiny", "--raw", raw).code == 0


def test_damaged_data_is_not_locked(
    mlebench: Any, raw: Path, data_dir: Path, tmp_path: Path
) -> None:
    mlebench("prepare", "tiny", "--raw", raw)
    path = data_dir / "tiny" / "v1" / "public" / "train.csv"
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[::-1])
    done = mlebench("lock", "tiny")
    assert done.code == 1
    assert "is damaged: public/train.csv has another content" in done.err
    assert not (tmp_path / "splits" / "locks").exists()
