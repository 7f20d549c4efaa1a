"""Grade a submission against the answers, or a whole batch.

Exit code 0: valid; 1: invalid or missing, the submission is at fault; 3: error, we are at fault.

--batch reads one JSON object a line with the keys competition_id, submission_path and, optionally,
answers and version, and writes one report a line to stdout as each is done, in any order; `line`
says which it belongs to. Paths are relative to the current folder. Exit code 0: all could be
graded, invalid and missing submissions included; 1: some could not, their status is `error`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.harness.commands.arguments import (
    add_data_dir,
    add_key_file,
    add_version,
    data_dir,
    positive,
)

if TYPE_CHECKING:
    from mlebench_data.hub.sealed_answers import SealedAnswers

EXIT_CODES = {"valid": 0, "invalid": 1, "missing": 1, "error": 3}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench grade`."""
    parser.add_argument("id", nargs="?", metavar="ID")
    parser.add_argument("submission", nargs="?", type=Path, metavar="SUBMISSION.csv")
    parser.add_argument("--answers", type=Path, metavar="FILE", help="answers, if not in DATA_DIR")
    parser.add_argument(
        "--from",
        dest="source",
        metavar="SOURCE",
        help="take the sealed answers of a dataset repository; needs the key or a grant of it",
    )
    add_key_file(parser)
    parser.add_argument("--json", action="store_true", help="print the report as JSON to stdout")
    parser.add_argument("--batch", type=Path, metavar="JOBS.jsonl", help="grade all of a list")
    parser.add_argument(
        "--jobs", type=positive, metavar="N", help="with --batch: number of processes (default: 1)"
    )
    add_data_dir(parser)
    add_version(parser)
    parser.set_defaults(refuse=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Print the report, or those of a batch."""
    if arguments.batch is not None:
        if arguments.id is not None or arguments.answers is not None:
            arguments.refuse("--batch names submissions itself: give no other, and no answers")
        return _run_batch(arguments)
    if arguments.submission is None:
        arguments.refuse("name a competition and a submission, or a list of them with --batch")
    if arguments.jobs is not None:
        arguments.refuse("--jobs goes with --batch")
    if arguments.answers is not None and arguments.source is not None:
        arguments.refuse("--answers and --from both name answers: give one")
    from mlebench_data.grading import grade

    sealed = _sealed_answers(arguments)
    version = arguments.data_version
    report = grade(
        arguments.id,
        arguments.submission,
        answers=arguments.answers if sealed is None else sealed(arguments.id, version),
        data_dir=data_dir(arguments),
        version=version,
    )
    if arguments.json:
        print(report.to_json())
    else:
        for line in describe(report.to_dict()):
            print(line, file=sys.stderr)
    return EXIT_CODES[report.status]


def _sealed_answers(arguments: argparse.Namespace) -> SealedAnswers | None:
    """Return what opens the answers of a source, if one is named."""
    if arguments.source is None:
        return None
    from mlebench_data.hub.sealed_answers import SealedAnswers

    return SealedAnswers(arguments.source, arguments.key_file)


def _run_batch(arguments: argparse.Namespace) -> int:
    """Print a line for each submission of a batch, and count."""
    from collections import Counter

    from mlebench_data.grading.batch import grade_batch
    from mlebench_data.grading.report import strict_json

    counts: Counter[str] = Counter()
    for result in grade_batch(
        arguments.batch,
        data_dir=data_dir(arguments),
        version=arguments.data_version,
        jobs=arguments.jobs or 1,
        answers=_sealed_answers(arguments),
    ):
        # At once, so that whoever reads along sees what is done.
        print(strict_json(result), flush=True)
        counts[result["status"]] += 1
    total = counts.total()
    shown = ", ".join(f"{counts[status]} {status}" for status in EXIT_CODES if counts[status])
    print(
        f"{total} submission{'' if total == 1 else 's'}" + (f": {shown}" if shown else ""),
        file=sys.stderr,
    )
    return 1 if counts["error"] else 0


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
