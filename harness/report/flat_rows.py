"""The rows of a report as flat mappings, which CSV and JSON share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from mlebench_data.harness.report.attempts import Attempt
from mlebench_data.harness.report.estimates import Estimate
from mlebench_data.harness.report.medals_over_time import MedalCurve
from mlebench_data.harness.report.rows import CompetitionRow, Report, SplitRow

TableName = Literal["splits", "categories", "medals_over_time", "competitions", "attempts"]
TABLES: tuple[TableName, ...] = get_args(TableName)


def flat_rows(report: Report, table: TableName) -> list[dict[str, Any]]:
    """Return one table.

    Parameters
    ----------
    report : Report
        The report.
    table : one of `TABLES`
        Which table.

    Returns
    -------
    list of dict
        All with the same keys. Values are text, numbers, booleans, None or lists of text.
    """
    if table == "splits":
        return [{"split": row.split, **_group(row)} for row in report.splits]
    if table == "categories":
        return [{"category": row.split, **_group(row)} for row in report.categories]
    if table == "medals_over_time":
        return [point for curve in report.medals_over_time for point in _points(curve)]
    if table == "competitions":
        return [_competition(row) for row in report.competitions]
    return [_attempt(attempt) for attempt in report.runs.attempts]


def _estimates(estimates: Mapping[str, Estimate | None]) -> dict[str, Any]:
    return {
        key: value for name, found in estimates.items() for key, value in _pair(name, found).items()
    }


def _pair(name: str, found: Estimate | None) -> dict[str, Any]:
    return {
        f"{name}_mean": found.mean if found else None,
        f"{name}_standard_error": found.standard_error if found else None,
    }


def _group(row: SplitRow) -> dict[str, Any]:
    return {
        "agent": row.agent,
        "competitions": row.competitions,
        "competitions_with_leaderboard": row.with_leaderboard,
        "seeds": len(row.seeds),
        "incomplete_seeds": len(row.incomplete_seeds),
        "padded_attempts": row.padded,
        "missing_attempts": list(row.missing),
        **_estimates(row.estimates),
        **{f"pass_at_{k}": value for k, value in row.pass_at.items()},
        "hours_per_seed": row.hours,
        "cost_usd_per_seed": row.cost_usd,
    }


def _points(curve: MedalCurve) -> list[dict[str, Any]]:
    return [
        {
            "split": curve.split,
            "agent": curve.agent,
            "seeds": curve.seeds,
            "attempts": curve.attempts,
            "attempts_with_snapshots": curve.attempts_with_snapshots,
            "seconds": seconds,
            **_pair("any_medal", value),
        }
        for seconds, value in curve.points
    ]


def _competition(row: CompetitionRow) -> dict[str, Any]:
    return {
        "competition_id": row.competition_id,
        "category": row.category,
        "agent": row.agent,
        "metric": row.metric or None,
        "is_lower_better": row.is_lower_better if row.metric else None,
        "attempts": row.attempts,
        "padded_attempts": row.padded,
        "missing_attempts": list(row.missing),
        **_pair("score", row.score),
        "best_score": row.best_score,
        **_estimates(row.estimates),
        **_pair("hours", row.hours),
        **_pair("cost_usd", row.cost_usd),
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    record = attempt.record
    return {
        "folder": attempt.folder,
        "competition_id": record.competition_id,
        "version": record.version,
        "agent": record.agent,
        "seed": record.seed,
        "outcome": record.outcome,
        "reason": record.reason,
        "made": attempt.made,
        "valid": attempt.valid,
        "above_median": attempt.above_median,
        "medal": attempt.medal,
        "score": attempt.score,
        "percentile": attempt.percentile,
        "normalised_score": attempt.normalised_score,
        "seconds": attempt.seconds,
        "cost_usd": attempt.cost_usd,
        "prompt_tokens": attempt.prompt_tokens,
        "completion_tokens": attempt.completion_tokens,
        "tries": record.tries,
        "isolated": record.isolated,
        "test_feedback": record.test_feedback,
        "node": record.node,
        "submission_sha256": record.submission_sha256,
        "data_manifest_sha256": record.data_manifest_sha256,
        "metric_sha256": record.metric_sha256,
    }
