"""A table of a report as CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.report.flat_rows import TableName, flat_rows
from mlebench_data.harness.report.formatting import printable
from mlebench_data.harness.report.rows import Report

#: Spreadsheets take text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@")


def to_csv(report: Report, table: TableName) -> str:
    """Return one table of the report as CSV; None is an empty cell.

    Raises
    ------
    MlebenchError
        If the table has no rows.
    """
    rows = flat_rows(report, table)
    if not rows:
        raise MlebenchError(
            f"--table {table}: there is nothing in it. It takes snapshots (--snapshot-every) of "
            "competitions with medals, and a complete seed or --pad-missing."
        )
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
