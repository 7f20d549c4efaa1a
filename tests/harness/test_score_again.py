"""`mlebench score`: submissions of an earlier run, scored again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Command, read_result, write_agent
from tiny_competition import PLAIN

from mlebench_data.harness.result import AttemptResult


@pytest.fixture
def ended(mlebench: Command, tmp_path: Path) -> Path:
    agent = write_agent(tmp_path / "agents" / "good", "submission.write_text(plain)")
    out = tmp_path / "out"
    finished = mlebench(
        "run", "--agent", agent, "--competition", "tiny", "--runtime", "local", "--out", out
    )
    assert finished.code == 0
    return out


def test_nothing_has_changed(mlebench: Command, ended: Path):
    before = (ended / "tiny" / "good-seed0" / "result.json").read_bytes()
    finished = mlebench("score", ended)
    assert finished.code == 0
    assert "unchanged     tiny/good-seed0" in finished.err
    assert "1 attempt; 1 scored" in finished.out
    assert (ended / "tiny" / "good-seed0" / "result.json").read_bytes() == before


def test_changed_submission(mlebench: Command, ended: Path):
    old = read_result(ended, "good")
    submission = ended / "tiny" / "good-seed0" / "submission" / "submission.csv"
    submission.write_text(PLAIN.replace("plain", "other"))
    finished = mlebench("score", ended)
    assert "scored        tiny/good-seed0: 0.75 -> 0" in finished.err
    new = read_result(ended, "good")
    assert (old["grading"]["score"], new["grading"]["score"]) == (0.75, 0.0)
    assert new["submission_sha256"] != old["submission_sha256"]
    # What is not of the scoring stays.
    for name in ("seconds", "exit_code", "started_at", "settings", "node", "tries"):
        assert new[name] == old[name]
    assert new["environment"]["runtime"] == old["environment"]["runtime"]
    kept = json.loads((ended / "tiny" / "good-seed0" / "result.1.json").read_text())
    assert kept == old
    submission.unlink()
    assert "no_submission" in mlebench("score", ended).err
    assert (ended / "tiny" / "good-seed0" / "result.2.json").is_file()


def test_forced(mlebench: Command, ended: Path):
    assert "1 of the records were written anew" in mlebench("score", ended, "--force").err
    assert read_result(ended, "good")["grading"]["score"] == 0.75


def test_interrupted_and_damaged_records_are_left_alone(mlebench: Command, ended: Path):
    folder = ended / "tiny" / "good-seed0"
    result = AttemptResult.read(folder)
    assert result is not None
    text = (folder / "result.json").read_text()
    (folder / "result.json").write_text(text.replace('"ended": "exited"', '"ended": null'))
    assert "to be run again" in mlebench("score", ended).err
    (ended / "tiny" / "other-seed0").mkdir()
    (ended / "tiny" / "other-seed0" / "result.json").write_text("[]")
    assert "skipped" in mlebench("score", ended).err
    assert mlebench("score", ended.parent).code == 1
