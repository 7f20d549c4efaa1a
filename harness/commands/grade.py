"""Grade a submission against the answers.

Exit code 0: valid; 1: invalid or missing, the submission is at fault; 3: error, we are at fault.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mlebench_data.harness.commands.arguments import add_data_dir, add_version, data_dir

EXIT_CODES = {"valid": 0, "invalid": 1, "missing": 1, "error": 3}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench grade`."""
    parser.add_argument("id", metavar="ID")
    parser.add_argument("submission", type=Path, metavar="SUBMISSION.csv")
    parser.add_argument("--answers", type=Path, metavar="FILE", help="answers, if not in DATA_DIR")
    parser.add_argument("--json", action="store_true", help="print the report as JSON to stdout")
    add_data_dir(parser)
    add_version(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the report."""
    from mlebench_data.grading import grade

    report = grade(
        arguments.id,
        arguments.submission,
        answers=arguments.answers,
        data_dir=data_dir(arguments),
        version=arguments.data_version,
    )
    if arguments.json:
        print(report.to_json())
    else:
        for line in describe(report.to_dict()):
            print(line, file=sys.stderr)
    return EXIT_CODES[report.status]


def medal(report: dict[str, object]) -> str | None:
    """Return the medal of a report, or None."""
    for name in ("gold", "silver", "bronze"):
        if report[f"{name}_medal"]:
            return name
    return None


def describe(report: dict[str, object]) -> list[str]:
    """Put a grading report into words."""
    lines = [f"{report['competition_id']} {report['version']}: {report['status']}"]
    if report["reason"]:
        lines.append(f"  {report['reason']}")
    if report["score"] is not None:
        direction = "lower" if report["is_lower_better"] else "higher"
        lines.append(f"  {report['metric']}: {report['score']} ({direction} is better)")
    if report["gold_threshold"] is None:
        lines.append("  no human leaderboard: medals do not apply")
    elif report["score"] is not None:
        thresholds = ", ".join(
            f"{name} {report[f'{name}_threshold']}"
            for name in ("gold", "silver", "bronze", "median")
        )
        lines.append(f"  {medal(report) or 'no'} medal ({thresholds})")
        if isinstance(report["percentile"], float):
            lines.append(f"  better than {report['percentile']:.1%} of the human teams")
    return lines
