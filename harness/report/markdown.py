"""A report as Markdown, ready to be pasted."""

from __future__ import annotations

import re

from mlebench_data.harness.report.attempts import Attempt
from mlebench_data.harness.report.formatting import printable
from mlebench_data.harness.report.provenance_summary import provenance_summary
from mlebench_data.harness.report.rows import Report
from mlebench_data.harness.report.tables import (
    Table,
    attempt_table,
    category_table,
    competition_table,
    incomplete_lines,
    split_table,
    time_table,
)

#: What Markdown, or HTML in it, gives a meaning to in the middle of a line.
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&])")


def to_markdown(report: Report) -> str:
    """Return the report as GitHub-flavoured Markdown."""
    parts = ["## Results", _table(split_table(report))]
    lines = [*incomplete_lines(report), *report.notes]
    if lines:
        parts.append("\n".join(f"- {escape(line)}" for line in lines))
    over_time = time_table(report)
    if over_time is not None:
        parts += ["### Medals over time", f"{over_time.caption}.", _table(over_time)]
    by_category = category_table(report)
    if by_category is not None:
        parts += ["### Categories", _table(by_category)]
    parts += ["### Competitions", _table(competition_table(report))]
    failed = failures(report)
    if failed:
        parts += ["### Attempts without a score", _table(attempt_table(failed, ""))]
    parts.append("### Provenance")
    parts.append(
        "\n".join(
            f"- {title}: {'; '.join(map(escape, values))}"
            for title, values in provenance_summary(report.runs)
        )
    )
    return "\n\n".join(parts) + "\n"


def failures(report: Report) -> list[Attempt]:
    """Return the attempts that have no valid submission."""
    return [attempt for attempt in report.runs.attempts if not attempt.valid]


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", printable(text))


def _table(table: Table) -> str:
    def line(cells: list[str]) -> str:
        return f"| {' | '.join(cells)} |"

    return "\n".join(
        [
            line([escape(column.heading) for column in table.columns]),
            line(["---:" if column.is_number else "---" for column in table.columns]),
            *(line(list(map(escape, cells))) for cells in table.rows),
        ]
    )
