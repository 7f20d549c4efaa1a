"""Raw data that is damaged or of another kind gets an error that helps, and nothing is lost."""

from __future__ import annotations

import errno
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mlebench_data.catalogue import load_competition
from mlebench_data.errors import PrepareError, RawDataError
from mlebench_data.prepare import prepare
from mlebench_data.recipe import Context

ZIPPED = "spooky-author-identification"
TABLE = "id,text,author\n" + "".join(f"id{n},some words {n},EAP\n" for n in range(40))


def run(raw: Path, data_dir: Path) -> Any:
    return prepare(load_competition(ZIPPED), data_dir=data_dir, raw=raw, skip_lock=True)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    with zipfile.ZipFile(folder / "train.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train.csv", TABLE)
    return folder


def test_damaged_member(raw: Path, tmp_path: Path) -> None:
    content = bytearray((raw / "train.zip").read_bytes())
    content[60] ^= 0xFF
    (raw / "train.zip").write_bytes(content)
    with pytest.raises(RawDataError, match=r"archive is damaged .*read_table.* Get it again"):
        run(raw, tmp_path / "data")


def test_truncated_archive(raw: Path, tmp_path: Path) -> None:
    content = (raw / "train.zip").read_bytes()
    (raw / "train.zip").write_bytes(content[: len(content) // 2])
    with pytest.raises(RawDataError, match=r"train\.zip is no valid zip archive"):
        run(raw, tmp_path / "data")


def test_member_that_climbs_out(raw: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(raw / "train.zip", "a") as archive:
        archive.writestr("../escaped", "x")
    with pytest.raises(RawDataError, match=r"holds '\.\./escaped', which leads out"):
        run(raw, tmp_path / "data")


def test_other_columns(raw: Path, tmp_path: Path) -> None:
    (raw / "train.csv").write_text("id,text\na,b\n" * 20)
    with pytest.raises(PrepareError, match="no column 'author'"):
        run(raw, tmp_path / "data")


def test_other_encoding(raw: Path, tmp_path: Path) -> None:
    (raw / "train.csv").write_bytes(TABLE.replace("words", "w\u00f6rter").encode("latin-1"))
    with pytest.raises(PrepareError, match=r"train\.csv"):
        run(raw, tmp_path / "data")


def test_full_disk(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = run(raw, tmp_path / "data").manifest
    (raw / "train.csv").write_text(TABLE + "id99,more,MWS\n")

    def full(self: Context, path: str) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Context, "target", full)
    with pytest.raises(PrepareError, match=r"no space left for .* --data-dir"):
        prepare(
            load_competition(ZIPPED),
            data_dir=tmp_path / "data",
            raw=raw,
            skip_lock=True,
            force=True,
        )
    folder = tmp_path / "data" / ZIPPED / "v1"
    assert before.differences(folder, full=True) == []
    assert [path.name for path in folder.parent.iterdir() if ".partial" in path.name] == []
