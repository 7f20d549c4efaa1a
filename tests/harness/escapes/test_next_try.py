"""The next try of an attempt whose agent closed its folders, or planted what the harness keeps."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from test_remove_tree import as_ordinary_account
from tiny_competition import PLAIN, PLAIN_SCORE, Tiny

from mlebench_data.catalogue import load_competition
from mlebench_data.harness.earlier import set_aside
from mlebench_data.harness.remove_tree import remove_tree
from mlebench_data.harness.scoring import score_snapshots


def _closed_attempt(folder: Path) -> None:
    for name in ("submission", "logs", "code"):
        (folder / name / "inner").mkdir(parents=True)
        (folder / name / "file").write_text(name)
        (folder / name).chmod(0)
    (folder / "earlier" / "1").mkdir(parents=True)
    # An agent without isolation may have.
    (folder / "earlier" / "2nd").mkdir()


@pytest.mark.parametrize("account", ["own", "ordinary"])
def test_closed_folders_are_set_aside(account: str):
    place = Path(tempfile.mkdtemp(prefix="mlebench-next-try-"))
    place.chmod(0o777)

    def close_and_set_aside() -> None:
        folder = place / "attempt"
        _closed_attempt(folder)
        set_aside(folder)
        assert [path.name for path in folder.iterdir()] == ["earlier"]
        for name in ("submission", "logs", "code"):
            assert (folder / "earlier" / "2" / name / "file").read_text() == name

    try:
        if account == "own":
            close_and_set_aside()
        else:
            as_ordinary_account(close_and_set_aside)
    finally:
        remove_tree(place)


def test_planted_snapshots_are_none(tiny: Tiny, tmp_path: Path):
    snapshots = tmp_path / "snapshots"
    snapshots.mkdir()
    (snapshots / "60.csv").write_text(PLAIN)
    (snapshots / "61.csv").symlink_to(tiny.answers)
    (snapshots / "62.csv").mkdir()
    for name in ("nan.csv", "-1.csv", "first.csv", "1e999.csv"):
        (snapshots / name).write_text(PLAIN)
    competition = load_competition("tiny", tiny.catalogue)
    found = score_snapshots(competition, "v1", tmp_path, tiny.answers.read_bytes())
    assert [(item["seconds"], item["score"]) for item in found] == [(60.0, PLAIN_SCORE)]
