"""The baseline understands the usual kinds of competitions and beats their sample submission."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from agent_run import Run, RunAgent
from tiny_competitions import (
    KINDS,
    Competition,
    boolean_table,
    class_columns_table,
    negative_log_loss,
)


def check_form(run: Run, competition: Competition) -> None:
    """Check columns, rows, their order, and the values' ranges."""
    submission = run.submission
    sample = pd.read_csv(competition.sample_file)
    assert list(submission.columns) == list(sample.columns)
    pd.testing.assert_series_equal(submission.iloc[:, 0], sample.iloc[:, 0])
    assert not submission.isna().any().any()
    targets = list(sample.columns[1:])
    if competition.score is negative_log_loss:
        assert submission[targets].to_numpy().min() >= 0
        np.testing.assert_allclose(submission[targets].sum(axis=1), 1, atol=1e-6, rtol=0)
    elif competition.score.__name__ == "area_under_curve":
        assert submission[targets].to_numpy().min() >= 0
        assert submission[targets].to_numpy().max() <= 1
    elif competition.score.__name__ == "accuracy":
        seen = set(competition.answers[targets[0]].astype(str))
        assert set(submission[targets[0]].astype(str)) <= seen
    else:
        assert submission[targets].to_numpy().min() >= 0


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_beats_the_sample(
    make: Callable[[Path], Competition], tmp_path: Path, run_agent: RunAgent
) -> None:
    competition = make(tmp_path / "data")
    run = run_agent("baseline", competition.data)
    assert run.status == 0, run.log
    check_form(run, competition)
    reached = competition.score(competition.answers, run.submission)
    of_sample = competition.score(competition.answers, pd.read_csv(competition.sample_file))
    best = 0.0 if of_sample < 0 else 1.0
    # At least half of the way from the sample submission to the best possible score.
    assert reached > of_sample + 0.5 * (best - of_sample), run.log
    report = run.report
    assert report["outcome"] == "improved"
    assert report["cv"][0]["scores"]
    assert report["problems"] and report["features"] and report["seconds"] > 0
    assert not report["warnings"]
    assert (run.folder / "code" / "main.py").is_file()
    assert [path.name for path in run.submission_file.parent.iterdir()] == ["submission.csv"]


def test_same_seed_same_submission(tmp_path: Path, run_agent: RunAgent) -> None:
    competition = class_columns_table(tmp_path / "data")
    first, second = (run_agent("baseline", competition.data, seed=1) for _ in range(2))
    assert first.submission_file.read_bytes() == second.submission_file.read_bytes()


def test_columns_that_only_train_has_are_no_features(tmp_path: Path, run_agent: RunAgent) -> None:
    competition = boolean_table(tmp_path / "data")
    train = pd.read_csv(competition.data / "train.csv")
    train.assign(told=train["Moved"]).to_csv(competition.data / "train.csv", index=False)
    run = run_agent("baseline", competition.data)
    assert "told" not in run.report["features"]["columns"]
    assert run.report["cv"][0]["scores"]["accuracy"] < 1
