"""Reports agree with published attempts and aggregates.

`published_attempts.csv` holds scores and flags that others published for attempts graded with the
original benchmark; its first column names where.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from made_up_runs import grading, record, write_run

from mlebench_data.catalogue import load_split
from mlebench_data.harness.report.aggregation import make_report
from mlebench_data.harness.report.estimates import estimate
from mlebench_data.harness.report.reading import read_runs

with (Path(__file__).parent / "published_attempts.csv").open(
    newline="", encoding="utf-8"
) as stream:
    PUBLISHED = list(csv.DictReader(stream))

FLAGS = ("gold", "silver", "bronze", "above_median")
THREE_RUNS = [row for row in PUBLISHED if row["run_group"] == "lite22-three-run"]


def _score(row: dict[str, str]) -> float | None:
    return float(row["score"]) if row["score"] else None


def test_flags_of_every_attempt():
    assert len(PUBLISHED) == 104
    wrong = []
    for row in PUBLISHED:
        report = grading(row["competition_id"], _score(row))
        for flag in FLAGS:
            name = flag if flag == "above_median" else f"{flag}_medal"
            # Some sources say nothing about the median.
            if row[flag] and report[name] != (row[flag] == "true"):
                wrong.append((row, flag))
    assert wrong == []


def test_published_mean_and_standard_error_of_three_runs(tmp_path: Path):
    """Three runs over all 22 competitions, one folder each, come to the published 86.36 +- 0.0."""
    runs = sorted({row["seed_or_run"] for row in THREE_RUNS})
    assert runs == ["1", "2", "3"]
    folders = []
    for run in runs:
        rows = [row for row in THREE_RUNS if row["seed_or_run"] == run]
        assert {row["competition_id"] for row in rows} == set(load_split("low"))
        records = [record(row["competition_id"], "impulse", int(run), _score(row)) for row in rows]
        folders.append(write_run(tmp_path / run, records))
    report = make_report(read_runs(folders))
    (low,) = report.splits
    assert (low.split, low.seeds, low.missing) == ("low", (1, 2, 3), ())
    total = low.estimates["any_medal"]
    assert total is not None
    assert (round(total.mean, 2), total.standard_error) == (86.36, 0.0)
    assert low.estimates["valid"] == total

    # The published attempts do not say that anything else was tried.
    medals: dict[str, Any] = {name: low.estimates[name] for name in ("gold", "silver", "bronze")}
    assert sum(item.mean for item in medals.values()) == pytest.approx(total.mean)


@pytest.mark.parametrize(
    ("competitions", "medals", "mean", "error"),
    [
        (22, (17, 18, 18), 80.30, 1.52),
        (38, (21, 22, 23), 57.89, 1.52),
        (75, (44, 47, 47), 61.33, 1.33),
        (15, (6, 6, 7), 42.22, 2.22),
        (38, (27, 28, 28), 72.81, 0.88),
        (38, (12, 19, 21), 45.61, 7.18),
        (75, (31, 38, 40), 48.44, 3.64),
        (75, (58, 58, 59), 77.78, 0.44),
        (22, (15, 17, 17), 74.24, 3.03),
        (22, (10, 11, 13), 51.52, 4.01),
        (75, (40, 41, 46), 56.44, 2.47),
    ],
)
def test_standard_error_is_the_published_one(competitions, medals, mean, error):
    """Rows of the published table, with the only numbers of medals that they can stem from.

    With ddof 0 no numbers of medals give any of these rows.
    """
    found = estimate([100 * number / competitions for number in medals])
    assert found is not None
    assert found.standard_error is not None
    assert (round(found.mean, 2), round(found.standard_error, 2)) == (mean, error)
