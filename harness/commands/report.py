"""Report what runs come to: by split, category, time and competition, and each attempt.

Means are over seeds, with their standard error. A seed counts for a split only if it has a final
record for each of its competitions; with --pad-missing, missing attempts count as failures instead.
Attempts that failed for reasons that are not the agent's (infra_error) are missing. An attempt
without a valid submission has percentile and normalised score 0. docs/reports.md has the details.
Several runs are merged. Exit code 1: a record could not be read; all others are reported.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.commands.arguments import positive

if TYPE_CHECKING:
    from mlebench_data.harness.report.rows import Report

FORMATS = ("table", "markdown", "csv", "json", "html")
_BY_ENDING = {".md": "markdown", ".csv": "csv", ".json": "json", ".html": "html", ".htm": "html"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench report`."""
    parser.add_argument(
        "runs", nargs="*", type=Path, metavar="RUN_DIR", help="folders of runs (default: this one)"
    )
    parser.add_argument(
        "--split",
        action="append",
        default=[],
        metavar="S",
        help="report this split, even where attempts are missing; can be repeated (default: all "
        "splits that the runs cover, or else `attempted`: what they were asked to do)",
    )
    parser.add_argument(
        "--format", choices=FORMATS, help="default: by the ending of FILE, else table"
    )
    parser.add_argument("--json", action="store_true", help="the same as --format json")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write there, not to stdout")
    parser.add_argument(
        "--pad-missing", action="store_true", help="count missing attempts as failures"
    )
    parser.add_argument(
        "--pass-at",
        action="append",
        type=positive,
        default=[],
        metavar="K",
        help="add the chance of a medal in at least one of K attempts; can be repeated",
    )
    parser.add_argument(
        "--table",
        choices=["splits", "categories", "medals_over_time", "competitions", "attempts"],
        help="which table --format csv writes (default: splits)",
    )
    parser.set_defaults(refuse=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Write the report; exit with 1 if a record cannot be read."""
    form = _form(arguments)
    if arguments.table is not None and form != "csv":
        arguments.refuse("--table goes with --format csv; the other formats hold all tables")
    from mlebench_data.harness.report.aggregation import make_report
    from mlebench_data.harness.report.formatting import printable
    from mlebench_data.harness.report.reading import read_runs

    report = make_report(
        read_runs(arguments.runs or [Path()]),
        splits=arguments.split,
        pad_missing=arguments.pad_missing,
        pass_at=arguments.pass_at,
    )
    _write(report, form, arguments)
    for problem in report.runs.problems:
        print(f"mlebench: {printable(problem)}", file=sys.stderr)
    return 1 if report.runs.problems else 0


def _form(arguments: argparse.Namespace) -> str:
    if arguments.json:
        if arguments.format not in (None, "json"):
            arguments.refuse("--json and --format name different formats")
        return "json"
    by_ending = "table" if arguments.out is None else _BY_ENDING.get(arguments.out.suffix, "table")
    return str(arguments.format or by_ending)


def _write(report: Report, form: str, arguments: argparse.Namespace) -> None:
    from mlebench_data.harness.state import write_at_once

    text = _text(report, form, arguments)
    if arguments.out is None:
        sys.stdout.write(text)
        return
    try:
        write_at_once(arguments.out, text)
    except OSError as error:
        raise MlebenchError(
            f"--out: {arguments.out} cannot be written: {error.strerror}."
        ) from error
    print(f"report in {arguments.out}", file=sys.stderr)


def _text(report: Report, form: str, arguments: argparse.Namespace) -> str:
    if form == "markdown":
        from mlebench_data.harness.report.markdown import to_markdown

        return to_markdown(report)
    if form == "csv":
        from mlebench_data.harness.report.comma_separated import to_csv

        return to_csv(report, arguments.table or "splits")
    if form == "json":
        from mlebench_data.harness.report.json_document import to_json

        return to_json(report)
    if form == "html":
        from mlebench_data.harness.report.html.page import to_html

        return to_html(report)
    import io

    from mlebench_data.harness.report.terminal import print_report

    if arguments.out is None:
        # Straight to the screen, whose width decides where notes are wrapped.
        print_report(report, sys.stdout)
        return ""
    stream = io.StringIO()
    print_report(report, stream)
    return stream.getvalue()
