"""A report on the terminal."""

from __future__ import annotations

from typing import TextIO

from mlebench_data.harness.commands.output import print_table
from mlebench_data.harness.report.formatting import printable
from mlebench_data.harness.report.rows import Report
from mlebench_data.harness.report.tables import (
    Table,
    competition_table,
    incomplete_lines,
    split_tables_across,
    without_columns,
)
from mlebench_data.harness.summary import print_results

#: What the attempts or the other forms show.
_LEFT_OUT = ("Best", "Metric", "Made", "Above median", "Bronze", "Silver", "Gold", "Cost")


def print_report(report: Report, to: TextIO) -> None:
    """Print attempts, competitions, splits and notes: what matters most comes last."""
    print_results([attempt.record for attempt in report.runs.attempts], to=to)
    if any(row.attempts > 1 for row in report.competitions):
        _print(without_columns(competition_table(report), _LEFT_OUT), to)
    for table in split_tables_across(report):
        _print(table, to)
    for line in [*incomplete_lines(report), *report.notes]:
        print(f"- {printable(line)}", file=to)


def _print(table: Table, to: TextIO) -> None:
    print(f"\n{table.caption}", file=to)
    # Headings in small letters, as in all tables of the command line.
    names = [column.heading.lower() for column in table.columns]
    numbers = [name for name, column in zip(names, table.columns, strict=True) if column.is_number]
    print_table(names, table.rows, right=numbers, to=to)
