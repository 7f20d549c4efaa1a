"""The sample agent submits the sample submission, wherever it lies, and says so."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from agent_run import RunAgent

CONTENT = b"id,label\r\n1,\xc3\xa9\r\n"


@pytest.mark.parametrize(
    "place",
    [
        "sample_submission.csv",
        "sampleSubmission.csv",
        "sample_submission_stage1.csv",
        "deep/er/my_sample_Submission.csv",
        "sample_submission.csv.zip:sample_submission.csv",
        "everything.zip:folder/sampleSubmission.csv",
    ],
)
def test_submits_the_sample_unchanged(place: str, tmp_path: Path, run_agent: RunAgent) -> None:
    data = tmp_path / "data"
    outer, _, member = place.partition(":")
    (data / outer).parent.mkdir(parents=True)
    (data / "train.csv").write_text("id,label\n0,a\n")
    (data / "a-broken.zip").write_bytes(b"PK this is none")
    if member:
        with zipfile.ZipFile(data / outer, "w") as archive:
            archive.writestr(member, CONTENT)
    else:
        (data / outer).write_bytes(CONTENT)
    run = run_agent("sample", data)
    assert run.status == 0, run.log
    assert run.submission_file.read_bytes() == CONTENT
    assert outer in run.log


def test_fails_clearly_without_a_sample(tmp_path: Path, run_agent: RunAgent) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "submission_rules.txt").write_text("none")
    run = run_agent("sample", data)
    assert run.status == 1
    assert "No sample submission found" in run.log
    assert not run.submission_file.exists()
