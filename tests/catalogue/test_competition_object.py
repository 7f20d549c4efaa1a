"""What a competition does: hand out its metric, grade a submission."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import evaluate
import pandas as pd
import pytest

import mlebench_data
from mlebench_data.catalogue import Competition, competition_ids, load_competition
from mlebench_data.errors import DataNotFoundError, UnknownNameError
from mlebench_data.gradable import GradableCompetition


def with_offset(facts: dict[str, Any]) -> None:
    """Give the tiny competition a second version, with a metric that has parameters."""
    facts["versions"]["v2"] = {
        **facts["versions"]["v1"],
        "metric": {"name": "map_at_k", "parameters": {"k": 1}, "higher_is_better": True},
    }


@pytest.mark.parametrize("competition_id", competition_ids())
def test_every_competition_has_its_metric(competition_id: str) -> None:
    competition = mlebench_data.get(competition_id)
    for version in competition.versions:
        facts = competition.version(version).metric
        metric = competition.metric(version)
        assert isinstance(metric, evaluate.Metric)
        assert (metric.name, metric.parameters) == (facts.name, facts.parameters)


def gradable(competition: Competition) -> GradableCompetition:
    return mlebench_data.get(competition.id, competition.folder.parent)


def test_get_is_the_same_competition() -> None:
    found, loaded = mlebench_data.get("iris-species"), load_competition("iris-species")
    assert (found.folder, found.facts) == (loaded.folder, loaded.facts)


def test_metric_has_the_parameters_of_its_version(write_competition: Any) -> None:
    competition = gradable(write_competition(with_offset))
    assert competition.metric().compute(references=[0, 0], predictions=[1, 1]) == {"rmse": 1.0}
    rows = {"references": ["a"], "predictions": ["b a"]}
    metric = competition.metric("v2")
    assert metric.compute(**rows) == {"map_at_k": 0.0}
    assert metric.compute(**rows, k=2) == {"map_at_k": 0.5}
    assert metric.compute(**rows) == {"map_at_k": 0.0}
    assert pickle.loads(pickle.dumps(metric)).compute(**rows) == {"map_at_k": 0.0}
    with pytest.raises(UnknownNameError, match="has no version 'v3'"):
        competition.metric("v3")


def test_metric_takes_rows_one_by_one_and_in_combination(write_competition: Any) -> None:
    metric = gradable(write_competition(with_offset)).metric("v2")
    metric.add(reference="a", prediction="a b")
    metric.add(reference="a", prediction="b a")
    assert metric.compute() == {"map_at_k": 0.5}


def test_metric_cannot_change_the_catalogue(write_competition: Any) -> None:
    competition = gradable(write_competition(with_offset))
    competition.metric("v2").parameters["k"] = 7
    assert competition.metric("v2").parameters == {"k": 1}


@pytest.fixture
def answers() -> pd.DataFrame:
    return pd.DataFrame({"id": ["a", "b"], "label": [0.0, 1.0]})


def test_grade(tiny: Competition, answers: pd.DataFrame, tmp_path: Path) -> None:
    submission, truth = tmp_path / "submission.csv", tmp_path / "answers.csv"
    answers.to_csv(truth, index=False)
    answers.assign(label=0.5).to_csv(submission, index=False)
    expected = mlebench_data.grade(tiny, submission, answers=truth)
    assert expected.score == 0.5
    for path in (submission, str(submission)):
        for true in (truth, str(truth), truth.read_bytes(), answers):
            assert gradable(tiny).grade(path, answers=true) == expected
    assert gradable(tiny).grade(answers, answers=answers).score == 0.0


@pytest.mark.parametrize("kind", [Path, str])
def test_grade_with_prepared_data(
    kind: type, tiny: Competition, answers: pd.DataFrame, tmp_path: Path
) -> None:
    folder = tmp_path / "data" / "tiny" / "v1" / "private"
    folder.mkdir(parents=True)
    answers.to_csv(folder / "test.csv", index=False)
    data_dir = kind(tmp_path / "data")
    assert gradable(tiny).grade(answers, data_dir=data_dir, version="v1").score == 0.0
    with pytest.raises(UnknownNameError, match="has no version 'v2'"):
        gradable(tiny).grade(answers, data_dir=data_dir, version="v2")
    with pytest.raises(DataNotFoundError, match=r"There is no answers file .*none\.csv"):
        gradable(tiny).grade(answers, answers=kind(tmp_path / "none.csv"))
