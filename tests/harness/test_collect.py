"""What may be taken for a submission, by the account that runs the harness."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mlebench_data.harness import collect
from mlebench_data.harness.collect import UnsafeSubmissionError, find_submission


def test_plain_file(tmp_path: Path):
    (tmp_path / "submission.csv").write_text("id\n1\n")
    assert find_submission(tmp_path) == tmp_path / "submission.csv"


def test_empty_file_is_left_to_grading(tmp_path: Path):
    (tmp_path / "submission.csv").touch()
    assert find_submission(tmp_path) == tmp_path / "submission.csv"


@pytest.mark.parametrize("name", [None, "Submission.csv", "submission.csv.partial"])
def test_nothing_there(tmp_path: Path, name: str | None):
    if name is not None:
        (tmp_path / name).touch()
    assert find_submission(tmp_path) is None


def test_folder_that_is_gone(tmp_path: Path):
    assert find_submission(tmp_path / "gone") is None


def _link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def _folder_is_a_file(path: Path) -> None:
    path.parent.rmdir()
    path.parent.touch()


def _sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 20)


def _sparse_after_text(path: Path) -> None:
    path.write_text("id,label\n1,a\n")
    os.truncate(path, 1 << 20)


def _closed_folder(path: Path) -> None:
    path.write_text("id\n")
    path.parent.chmod(0o600)


def _write_only(path: Path) -> None:
    path.write_text("id\n")
    path.chmod(0o200)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_link_to_itself, "symbolic link"),
        (_folder_is_a_file, "cannot be reached"),
        (_sparse, "sparse"),
        (_sparse_after_text, "sparse"),
        (_write_only, r"mode is 0200"),
        (_closed_folder, r"folder cannot be entered \(its mode is 0600\)"),
        (os.mkfifo, "not a plain file"),
        (Path.mkdir, "not a plain file"),
    ],
)
def test_unsafe(tmp_path: Path, make: Callable[[Path], None], reason: str):
    folder = tmp_path / "submission"
    folder.mkdir()
    make(folder / "submission.csv")
    with pytest.raises(UnsafeSubmissionError, match=reason):
        find_submission(folder)
    if folder.is_dir():
        # For whoever cleans up.
        folder.chmod(0o700)


def test_largest_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(collect, "MAX_BYTES", 100)
    path = tmp_path / "submission.csv"
    path.write_text("x" * 100)
    assert find_submission(tmp_path) == path
    path.write_text("x" * 101)
    with pytest.raises(UnsafeSubmissionError, match="101 bytes, more than the 100 allowed"):
        find_submission(tmp_path)
