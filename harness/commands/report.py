"""Print the results of a run again."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench report`."""
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR")
    parser.add_argument("--json", action="store_true", help="print all records as one JSON array")


def run(arguments: argparse.Namespace) -> int:
    """Print the table of results, or all records."""
    from mlebench_data.grading.report import strict_json
    from mlebench_data.harness.summary import print_results, read_results

    results = read_results(arguments.run_dir)
    if arguments.json:
        print(strict_json([asdict(item) for item in results], indent=1))
    else:
        print_results(results)
    return 0
