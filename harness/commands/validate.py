"""Check the format of a submission; no answers are needed.

Exit code 0: valid; 1: invalid or missing. Row ids are compared with the sample submission where the
competition is prepared (--data-dir) or the file is named.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mlebench_data.harness.commands.arguments import add_data_dir, add_version, data_dir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench validate`."""
    parser.add_argument("id", metavar="ID")
    parser.add_argument("submission", type=Path, metavar="SUBMISSION.csv")
    parser.add_argument("--sample-submission", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print the report as JSON to stdout")
    add_data_dir(parser)
    add_version(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print whether the submission is valid, and if not, why."""
    from mlebench_data.grading import validate

    report = validate(
        arguments.id,
        arguments.submission,
        data_dir=data_dir(arguments),
        sample_submission=arguments.sample_submission,
        version=arguments.data_version,
    )
    if arguments.json:
        print(report.to_json())
    else:
        text = report.status + (f": {report.reason}" if report.reason else "")
        if report.status == "valid" and not report.ids_checked:
            text += " (row ids not checked: no sample submission at hand, see --data-dir)"
        print(text, file=sys.stderr)
    return 0 if report.status == "valid" else 1
