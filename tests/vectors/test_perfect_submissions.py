"""The self-test agent's submission for every competition is the best there is."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlebench_data.catalogue import competition_ids, load_competition
from mlebench_data.grading import grade
from mlebench_data.harness.gold.perfect_submission import best_score, perfect_submission
from mlebench_data.harness.gold.self_test import expect_best
from mlebench_data.harness.result import AttemptResult

ARCHIVES = {path.name.removesuffix(".tar.xz") for path in Path(__file__).parent.glob("*.tar.xz")}


def record(competition_id: str, grading: dict[str, Any]) -> AttemptResult:
    return AttemptResult(
        competition_id=competition_id,
        version="v1",
        agent="gold",
        seed=0,
        outcome="scored",
        reason=None,
        ended="exited",
        exit_code=0,
        seconds=1.0,
        started_at=None,
        ended_at=None,
        isolated=False,
        grading=grading,
        data_manifest_sha256=None,
        metric_sha256=None,
    )


@pytest.mark.parametrize("competition_id", [name for name in competition_ids() if name in ARCHIVES])
def test_answers_score_best(
    competition_id: str, vector: Callable[[str], Any], tmp_path: Path
) -> None:
    case = vector(competition_id)
    competition = load_competition(competition_id)
    answers = case.answers.read_bytes()
    path = tmp_path / "submission.csv"
    perfect_submission(competition, "v1", answers).to_csv(path, index=False)
    report = grade(competition, path, answers=answers)
    assert report.status == "valid", report.reason
    expected = json.loads((case.folder / "scores.json").read_text())["02-perfect"]
    assert report.score == expected["score"]
    passed = record(competition_id, report.to_dict())
    assert expect_best(competition, passed) is passed
    # It notices whatever is not the best.
    better = competition.version().metric.higher_is_better
    spoilt = record(
        competition_id,
        {
            **passed.grading,
            "score": report.score + (-1e-5 if better else 1e-5),
            "gold_medal": best_score(competition.version()) is not None and report.gold_medal,
        },
    )
    failed = expect_best(competition, spoilt)
    assert failed.outcome == "infra_error"
    assert "self-test" in failed.reason
    invalid = dataclasses.replace(passed, outcome="invalid", reason="column `x` missing")
    assert "column `x` missing" in expect_best(competition, invalid).reason
