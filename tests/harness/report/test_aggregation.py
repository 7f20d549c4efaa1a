"""Which seeds and competitions count, and for what."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from made_up_runs import grading, infra_error, medal_score, record, write_run

from mlebench_data.catalogue import load_split
from mlebench_data.errors import UnknownNameError
from mlebench_data.harness.report.aggregation import make_report
from mlebench_data.harness.report.estimates import Estimate
from mlebench_data.harness.report.reading import read_runs
from mlebench_data.harness.report.rows import Report, SplitRow
from mlebench_data.harness.result import AttemptResult

LOW = load_split("low")
OPEN = load_split("open")
FIRST, SECOND = "spaceship-titanic", "nomad2018-predict-transparent-conductors"


def _report(
    folder: Path, records: list[AttemptResult], asked: list[str] | None = None, **options: Any
) -> Report:
    return make_report(read_runs([write_run(folder, records, asked)]), **options)


def _gold(competition: str, seed: int, agent: str = "a") -> AttemptResult:
    return record(competition, agent, seed, medal_score(competition, "gold"))


def _mean(row: SplitRow, name: str) -> float | None:
    found = row.estimates[name]
    return None if found is None else found.mean


def test_only_complete_seeds_count(tmp_path: Path):
    records = [_gold(name, seed) for seed in (0, 1) for name in LOW]
    records[-1] = infra_error(LOW[-1], "a", 1)
    (low,) = _report(tmp_path, records).splits
    assert (low.split, low.seeds, low.incomplete_seeds) == ("low", (0,), (1,))
    assert low.missing == (f"{LOW[-1]}/a-seed1",)
    assert low.estimates["any_medal"] == Estimate(100.0, None)


@pytest.mark.parametrize("how", ["no record", "failed by the machinery", "unreadable", "running"])
def test_missing_attempts_can_be_padded(tmp_path: Path, how: str):
    records = [_gold(name, seed) for seed in (0, 1) for name in LOW]
    label = f"{LOW[-1]}/a-seed1"
    lost = records.pop()
    write_run(tmp_path, records, [f"{r.competition_id}/{r.agent}-seed{r.seed}" for r in records])
    folder = tmp_path / label
    if how == "failed by the machinery":
        infra_error(LOW[-1], "a", 1).write(folder)
    elif how == "unreadable":
        lost.write(folder)
        (folder / "result.json").write_text("{")
    elif how == "running":
        folder.mkdir(parents=True)
        (folder / "state.json").write_text("{}")
    runs = read_runs([tmp_path])
    (low,) = make_report(runs).splits
    assert (low.seeds, low.missing, low.padded) == ((0,), (label,), 0)
    (low,) = make_report(runs, pad_missing=True).splits
    assert (low.seeds, low.incomplete_seeds, low.missing, low.padded) == ((0, 1), (), (label,), 1)
    second = 100 * 21 / 22
    assert low.estimates["made"] == Estimate(
        pytest.approx((100 + second) / 2), pytest.approx((100 - second) / 2)
    )


def test_seeds_without_any_final_attempt_are_not_padded(tmp_path: Path):
    records = [_gold(FIRST, 0), _gold(SECOND, 0)]
    asked = [f"{name}/a-seed{seed}" for name in (FIRST, SECOND) for seed in (0, 1)]
    report = _report(tmp_path, records, asked, pad_missing=True)
    assert report.splits[0].seeds == (0,)
    assert report.splits[0].incomplete_seeds == (1,)
    assert [row.attempts for row in report.competitions] == [1, 1]


@pytest.mark.parametrize(
    ("medal", "better"), [("gold", 1), ("silver", 1), ("bronze", 1), ("median", 0)]
)
@pytest.mark.parametrize("competition", [FIRST, SECOND])
def test_only_the_best_medal_counts(tmp_path: Path, competition: str, medal: str, better: int):
    report = _report(tmp_path, [record(competition, "a", 0, medal_score(competition, medal))])
    (row,) = report.splits
    assert row.split == "attempted"
    for name in ("gold", "silver", "bronze"):
        assert _mean(row, name) == 100.0 * (name == medal)
    # Above the median is strictly better than it.
    assert _mean(row, "any_medal") == _mean(row, "above_median") == 100.0 * better


def test_outcomes(tmp_path: Path):
    """A broken submission is made, but not valid; nothing but valid ones has a percentile."""
    competition = "spooky-author-identification"
    broken = grading(competition, None, "invalid")
    records = [
        record(competition, "a", 0, medal_score(competition, "gold")),
        record(competition, "a", 1, outcome="invalid", grading=broken),
        record(competition, "a", 2, outcome="timeout"),
        record(competition, "a", 3, outcome="agent_error", grading=None),
        infra_error(competition, "a", 4),
    ]
    report = _report(tmp_path, records)
    (row,) = report.competitions
    assert (row.attempts, row.missing) == (4, (f"{competition}/a-seed4",))
    assert _mean_of(row.estimates) == {
        "made": 50.0, "valid": 25.0, "above_median": 25.0, "gold": 25.0, "silver": 0.0,
        "bronze": 0.0, "any_medal": 25.0, "normalised_score": 0.25,
        "percentile": pytest.approx(100 * (records[0].grading or {})["percentile"] / 4),
    }  # fmt: skip
    assert row.score == Estimate(medal_score(competition, "gold"), None)


def _mean_of(estimates: Any) -> dict[str, float]:
    return {name: found.mean for name, found in estimates.items()}


def test_competitions_without_a_leaderboard(tmp_path: Path):
    records = [record(name, "a", seed, 0.5) for name in OPEN for seed in range(2)]
    report = _report(tmp_path, records)
    (row,) = report.splits
    assert (row.split, row.competitions, row.with_leaderboard) == ("open", len(OPEN), 0)
    assert _mean(row, "valid") == 100.0
    assert {name for name, found in row.estimates.items() if found is None} == {
        "above_median", "bronze", "silver", "gold", "any_medal", "percentile", "normalised_score",
    }  # fmt: skip


def test_mixture_has_different_denominators(tmp_path: Path):
    (row,) = _report(tmp_path, [_gold(FIRST, 0), record(OPEN[0], "a", 0)]).splits
    assert (row.competitions, row.with_leaderboard) == (2, 1)
    assert (_mean(row, "valid"), _mean(row, "gold")) == (50.0, 100.0)


def test_score_that_is_no_number_counts_as_valid_and_nothing_else(tmp_path: Path):
    (row,) = _report(tmp_path, [record(FIRST, "a", 0, math.nan)]).splits
    assert (_mean(row, "valid"), _mean(row, "percentile")) == (100.0, 0.0)
    assert _mean(row, "normalised_score") == 0.0


def test_splits_that_runs_cover(tmp_path: Path):
    records = [_gold(name, 0) for name in LOW]
    assert [row.split for row in _report(tmp_path / "low", records).splits] == ["low"]
    more = [*records, _gold(FIRST, 0), *(record(name, "a", 0, 0.5) for name in OPEN)]
    report = _report(tmp_path / "more", more)
    assert [row.split for row in report.splits] == ["low", "open", "attempted"]
    assert report.splits[-1].competitions == len(LOW) + 1 + len(OPEN)


def test_named_splits(tmp_path: Path):
    runs = read_runs([write_run(tmp_path, [_gold(LOW[0], 0)])])
    rows = make_report(runs, splits=["high", "low", "attempted"]).splits
    assert [(row.split, len(row.missing), row.seeds) for row in rows] == [
        ("high", 0, ()),
        ("low", 21, ()),
        ("attempted", 0, (0,)),
    ]
    (row,) = make_report(runs, splits=["low"], pad_missing=True).splits
    assert _mean(row, "any_medal") == pytest.approx(100 / 22)
    with pytest.raises(UnknownNameError, match="Did you mean 'low'"):
        make_report(runs, splits=["lwo"])


def test_pass_at_k(tmp_path: Path):
    records = [_gold(FIRST, 0), *(record(FIRST, "a", seed, 0.0) for seed in (1, 2, 3))]
    records += [record(SECOND, "a", seed) for seed in range(4)]
    (row,) = _report(tmp_path, records, pass_at=[5, 2, 1, 4]).splits
    # One of four seeds has a medal in one of two competitions.
    assert row.pass_at == {1: 12.5, 2: 25.0, 4: 50.0, 5: None}


def test_time_and_cost_of_a_seed(tmp_path: Path):
    usage = {"requests": 1, "prompt_tokens": 5, "completion_tokens": 2, "cost_usd": 1.5}
    records = [
        record(name, "a", seed, 0.5, seconds=1800.0, usage=usage)
        for name in (FIRST, SECOND)
        for seed in range(3)
    ]
    report = _report(tmp_path, records)
    assert (report.splits[0].hours, report.splits[0].cost_usd) == (1.0, 3.0)
    assert report.competitions[0].cost_usd == Estimate(1.5, 0.0)


def test_notes_say_what_makes_numbers_hard_to_compare(tmp_path: Path):
    records = [
        record(FIRST, "a", 0, 0.7, isolated=False),
        record(FIRST, "a", 1, 0.7, test_feedback="format-only", settings={"network": "full"}),
        infra_error(FIRST, "a", 2),
        record(FIRST, "gold", 0, 1.0, isolated=False, settings={"agent": {"self_test": True}}),
    ]
    text = " ".join(_report(tmp_path, records, [f"{FIRST}/a-seed3"]).notes)
    assert "1 of 4 attempts failed for reasons that are not the agent's" in text
    assert "1 of 5 attempts have no result" in text
    assert "1 of 4 attempts ran without isolation" in text
    assert "1 of 4 attempts are self-tests of the harness, which submits the answers" in text
    assert "In 1 of 4 attempts the agent could ask" in text
    assert "fewer than 3 seeds" in text
    assert "The attempts of a differ in their limits, network, image" in text
