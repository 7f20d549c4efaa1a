"""Medals over time, and by category: what counts when, and where."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_runs import infra_error, medal_score, record, sample_run, snapshot, write_run

from mlebench_data.catalogue import load_split
from mlebench_data.harness.report.aggregation import NO_CATEGORY, make_report
from mlebench_data.harness.report.estimates import Estimate
from mlebench_data.harness.report.html.scales import time_ticks
from mlebench_data.harness.report.medals_over_time import MedalCurve, round_times
from mlebench_data.harness.report.reading import read_runs
from mlebench_data.harness.report.rows import Report
from mlebench_data.harness.result import AttemptResult

FIRST, SECOND, OPEN = "spaceship-titanic", "leaf-classification", "wine-recognition"
GOLD, WORSE = medal_score(FIRST, "gold"), 0.5


def _report(folder: Path, records: list[AttemptResult], **options: Any) -> Report:
    return make_report(read_runs([write_run(folder, records)]), **options)


def _curve(folder: Path, records: list[AttemptResult], **options: Any) -> MedalCurve:
    report = _report(folder, records, **options)
    (curve,) = [curve for curve in report.medals_over_time if curve.split == "attempted"]
    return curve


def _at(curve: MedalCurve, seconds: float) -> float:
    return dict(curve.points)[seconds].mean


@pytest.mark.parametrize(
    ("snapshots", "last", "expected"),
    [
        # Nothing lies there before the first; what lay there holds until the next.
        ([(60, WORSE), (120, GOLD)], GOLD, {0: 0, 60: 0, 115: 0, 120: 100, 300: 100}),
        # A medal can be lost again.
        ([(60, GOLD), (120, WORSE)], WORSE, {60: 100, 115: 100, 120: 0, 300: 0}),
        # A broken file in place of it, too; and the end decides, not the last snapshot.
        ([(60, GOLD), (120, None)], GOLD, {60: 100, 120: 0, 295: 0, 300: 100}),
        # What came after the end was not submitted.
        ([(60, WORSE), (400, GOLD)], WORSE, {60: 0, 300: 0}),
        ([(60, GOLD)], None, {60: 100, 295: 100, 300: 0}),
    ],
)
def test_what_lay_in_the_folder_counts(tmp_path: Path, snapshots, last, expected):
    entries = [snapshot(FIRST, float(seconds), score) for seconds, score in snapshots]
    curve = _curve(tmp_path, [record(FIRST, "a", 0, last, snapshots=entries, seconds=300.0)])
    assert [time for time, _ in curve.points] == [5.0 * i for i in range(61)]
    assert {seconds: _at(curve, seconds) for seconds in expected} == expected
    assert (curve.attempts, curve.attempts_with_snapshots) == (1, 1)


def test_the_end_of_the_curve_is_the_value_of_the_split(tmp_path: Path):
    report = make_report(read_runs([sample_run(tmp_path / "run")]))
    assert report.medals_over_time
    for row, curve in zip(report.splits, report.medals_over_time, strict=True):
        assert (row.split, row.agent, len(row.seeds)) == (curve.split, curve.agent, curve.seeds)
        assert curve.points[-1][1] == row.estimates["any_medal"]
        assert curve.points[0] == (0.0, Estimate(0.0, 0.0))


def test_attempts_without_snapshots_count_from_their_end_on(tmp_path: Path):
    records = [
        record(FIRST, "a", 0, GOLD, seconds=150.0, snapshots=[snapshot(FIRST, 50.0, GOLD)]),
        record(SECOND, "a", 0, medal_score(SECOND, "gold"), seconds=80.0),
        record(OPEN, "a", 0, 0.1, seconds=100.0),
    ]
    curve = _curve(tmp_path, records)
    found = [_at(curve, seconds) for seconds in (45, 50, 75, 80, 100)]
    assert found == [0.0, 50.0, 50.0, 100.0, 100.0], "those without medals are left out"
    assert (curve.attempts, curve.attempts_with_snapshots) == (2, 1)


def test_seeds_count_as_in_the_split(tmp_path: Path):
    snapshots = [snapshot(FIRST, 50.0, GOLD)]
    records = [record(FIRST, "a", s, GOLD, seconds=99.0, snapshots=snapshots) for s in (0, 1)]
    records += [record(SECOND, "a", 0), infra_error(SECOND, "a", 1)]
    assert _curve(tmp_path, records).seeds == 1
    padded = _curve(tmp_path, records, pad_missing=True)
    assert (padded.seeds, padded.points[-1][1]) == (2, Estimate(50.0, 0.0))


def test_nothing_without_snapshots(tmp_path: Path):
    assert _report(tmp_path, [record(FIRST, "a", 0, GOLD)]).medals_over_time == ()


def test_categories(tmp_path: Path):
    """A seed counts in each category in which it is complete."""
    records = [
        *(record(FIRST, "a", seed, GOLD) for seed in (0, 1)),
        record(SECOND, "a", 0, 99.0),
        infra_error(SECOND, "a", 1),
        dataclasses.replace(record(FIRST, "a", 0, WORSE), competition_id="made-elsewhere"),
    ]
    report = _report(tmp_path, records)
    (attempted,) = report.splits
    assert attempted.seeds == (0,)
    rows = {row.split: row for row in report.categories}
    assert list(rows) == [NO_CATEGORY, "Image Classification", "Tabular"]
    assert [row.seeds for row in rows.values()] == [(0,), (0,), (0, 1)]
    assert rows["Tabular"].estimates["any_medal"] == Estimate(100.0, 0.0)
    assert sum(row.competitions for row in rows.values()) == 3
    padded = _report(tmp_path, records, pad_missing=True)
    rows = {row.split: row for row in padded.categories}
    assert [row.seeds for row in rows.values()] == [(0,), (0, 1), (0, 1)]
    assert padded.splits[0].seeds == (0, 1) and rows["Image Classification"].padded == 1


def test_categories_are_those_of_the_reported_splits(tmp_path: Path):
    run = sample_run(tmp_path / "run", seeds=1)
    report = make_report(read_runs([run]), splits=["open", "systemcard"])
    found = sum(row.competitions for row in report.categories if row.agent == "one-shot")
    assert found == len({*load_split("open"), *load_split("systemcard")})


@given(st.floats(0, 1e7), st.integers(1, 100), st.integers(1, 100))
def test_coarse_times_are_among_the_fine_ones(end: float, few: int, many: int):
    fine, coarse = round_times(end, max(few, many)), round_times(end, min(few, many))
    assert len(coarse) <= len(fine) <= max(few, many) + 1
    assert fine[0] == 0 and end <= fine[-1]
    assert set(coarse[:-1]) <= set(fine)


@given(st.floats(0, 1e7), st.integers(2, 8))
def test_ticks_of_times(end: float, count: int):
    ticks = time_ticks(end, count)
    assert ticks[0] == 0 and ticks[-1] >= end * 0.999999
    assert 2 <= len(ticks) <= 2 * count + 3


@pytest.mark.parametrize(
    ("end", "ticks"),
    [(24, [0, 4, 8, 12, 16, 20, 24]), (9.5, [0, 2, 4, 6, 8, 10]), (100, [0, 24, 48, 72, 96, 120])],
)
def test_hours_are_those_of_days(end: float, ticks: list[int]):
    assert [tick / 3600 for tick in time_ticks(end * 3600)] == ticks
