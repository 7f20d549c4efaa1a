"""Answers of the tiny competition, and a competition with columns of a test's choice."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from mlebench_data.catalogue import Competition
from mlebench_data.catalogue.catalogue import read_competition

BASE = yaml.safe_load("""
schema_version: 1
id: graded
name: Graded
summary: A competition that exists for its grading.
category: Tabular
modalities: [tabular]
task: regression
source: {kind: kaggle, url: https://example.org/graded, kaggle_type: simple}
license: {name: CC0, redistribution: allowed, reason: Made for these tests.}
awards_medals: false
versions:
  v1:
    summary: The first.
    raw: {files: [a.csv]}
    recipe:
      - {op: read_table, path: a.csv, into: a}
      - {op: write_table, table: a, path: private/test.csv}
    outputs: {public: [a.csv], private: [test.csv]}
    answers: private/test.csv
    sample_submission: public/sample_submission.csv
    submission:
      id: id
      columns: [{names: [value], type: number}]
    metric: {name: rmse, higher_is_better: false}
    dataset: {train: {table: a.csv}, test: {table: a.csv}}
""")

GradedCompetition = Callable[..., Competition]


@pytest.fixture(scope="session")
def graded(tmp_path_factory: pytest.TempPathFactory) -> GradedCompetition:
    """Make a competition: parts of its submission and metric, and of the whole file, replaced."""

    def make(
        submission: dict[str, Any] | None = None,
        metric: dict[str, Any] | None = None,
        table: str | None = None,
        **facts: Any,
    ) -> Competition:
        content = copy.deepcopy(BASE) | facts
        version = content["versions"]["v1"]
        version["submission"] |= submission or {}
        version["metric"] |= metric or {}
        folder = tmp_path_factory.mktemp("catalogue") / "graded"
        folder.mkdir()
        (folder / "competition.yaml").write_text(yaml.safe_dump(content))
        if table is not None:
            (folder / "leaderboard.csv").write_text(table)
        return read_competition(folder)

    return make


@pytest.fixture
def csv_file(tmp_path: Path) -> Callable[..., Path]:
    """Write a submission file."""

    def write(content: str | bytes, name: str = "submission.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def answers() -> pd.DataFrame:
    return pd.DataFrame({"id": ["a", "b", "c"], "value": [1.0, 2.0, 3.0]})
