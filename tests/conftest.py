"""A tiny competition of our own, and what tests of several folders need besides."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import settings
from serving import Served, served_folder

from mlebench_data.catalogue import Competition, catalogue

# Where a change is judged, the same code must get the same verdict: the search for new failing
# examples is for those who can look at them. Times mean little on a machine that others share.
settings.register_profile("judge", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("judge")

TINY_ID = "tiny"

TINY = yaml.safe_load("""
schema_version: 1
id: tiny
name: Tiny [competition]
summary: Tell the label of a number.
category: Tabular
modalities: [tabular]
task: classification
source: {kind: kaggle, url: https://example.org/tiny, kaggle_type: simple}
license: {name: CC0, redistribution: allowed, reason: Made for these tests.}
awards_medals: false
versions:
  v1:
    summary: The first.
    raw:
      files: [labelled.csv]
    recipe:
      - {op: read_table, path: labelled.csv, into: labelled}
      - {op: split_rows, of: labelled, test_size: 0.3, into: [train, test]}
      - {op: select_columns, table: test, keep: [id, label], into: answers}
      - {op: write_table, table: train, path: public/train.csv}
      - {op: write_table, table: test, drop: [label], path: public/test.csv}
      - {op: write_table, table: answers, path: private/test.csv}
      - op: sample_submission
        table: answers
        keep: [id]
        values: {label: 0.5}
        path: public/sample_submission.csv
    outputs:
      public: [train.csv, test.csv, sample_submission.csv]
      private: [test.csv]
    answers: private/test.csv
    sample_submission: public/sample_submission.csv
    submission:
      id: id
      columns:
        - {names: [label], type: number, minimum: 0, maximum: 1}
    metric: {name: rmse, higher_is_better: false}
    dataset:
      train: {table: train.csv}
      test: {table: test.csv}
""")

RAW_ROWS = 20
TEST_ROWS = 6

Change = Callable[[dict[str, Any]], None]
WriteCompetition = Callable[..., Competition]


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def no_cache_but_our_own(session_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep tests out of the cache of whoever runs them, and from a source that is set there."""
    monkeypatch.setenv("MLEBENCH_CACHE", str(session_cache))
    monkeypatch.delenv("MLEBENCH_SOURCE", raising=False)


@pytest.fixture
def write_competition(tmp_path: Path) -> WriteCompetition:
    """Write the tiny competition's folder, changed at will, and read it."""

    def write(
        change: Change = lambda facts: None,
        *,
        catalogue_folder: Path = tmp_path / "catalogue",
        **files: str,
    ) -> Competition:
        facts = copy.deepcopy(TINY)
        change(facts)
        folder = catalogue_folder / TINY_ID
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "competition.yaml").write_text(yaml.safe_dump(facts, sort_keys=False))
        (folder / "README.md").write_text(f"# {facts.get('name')}\n\nTell the label.\n")
        for name, text in files.items():
            stem, _, ending = name.rpartition("_")
            (folder / f"{stem}.{ending}").write_text(text)
        return catalogue.read_competition(folder)

    return write


@pytest.fixture
def tiny(write_competition: WriteCompetition) -> Competition:
    """The tiny competition as it is."""
    return write_competition()


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """The tiny competition's raw data."""
    folder = tmp_path / "raw"
    folder.mkdir()
    rows = "".join(f"r{number},{number / 7},{number % 2}\n" for number in range(RAW_ROWS))
    (folder / "labelled.csv").write_text("id,x,label\n" + rows)
    return folder


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """An empty data folder."""
    return tmp_path / "data"


@pytest.fixture
def tiny_is_the_catalogue(tiny: Competition, monkeypatch: pytest.MonkeyPatch) -> Competition:
    """Make the tiny competition the only one of the package's catalogue."""
    monkeypatch.setattr(catalogue, "default_folder", lambda: tiny.folder.parent)
    return tiny


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A running `mlebench serve --writable` over a folder that is empty at first."""
    folder = tmp_path / "served"
    folder.mkdir()
    with served_folder(folder) as server:
        yield server
