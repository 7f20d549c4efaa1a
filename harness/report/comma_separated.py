"""A table of a report as CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

from mlebench_data.harness.report.aggregation import Report
from mlebench_data.harness.report.flat_rows import TableName, flat_rows
from mlebench_data.harness.report.formatting import printable

#: Spreadsheets take text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@")


def to_csv(report: Report, table: TableName) -> str:
    """Return one table of the report as CSV; None is an empty cell."""
    rows = flat_rows(report, table)
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    return stream.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        value = " ".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = printable(value)
        return f"'{text}" if text.startswith(_FORMULA) else text
    return value
