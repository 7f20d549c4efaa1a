"""A report as one JSON document."""

from __future__ import annotations

from dataclasses import asdict

from mlebench_data.grading.report import strict_json
from mlebench_data.harness.report.flat_rows import flat_rows
from mlebench_data.harness.report.rows import Report

FORMAT = 1


def to_json(report: Report) -> str:
    """Return the report as strict JSON, with the records that it was made of."""
    attempts = zip(flat_rows(report, "attempts"), report.runs.attempts, strict=True)
    document = {
        "format": FORMAT,
        "runs": list(report.runs.names),
        "agents": list(report.agents),
        "pad_missing": report.pad_missing,
        "splits": flat_rows(report, "splits"),
        "categories": flat_rows(report, "categories"),
        "medals_over_time": flat_rows(report, "medals_over_time"),
        "competitions": flat_rows(report, "competitions"),
        "attempts": [{**row, "record": asdict(attempt.record)} for row, attempt in attempts],
        "notes": list(report.notes),
        "problems": list(report.runs.problems),
    }
    return strict_json(document, indent=1) + "\n"
