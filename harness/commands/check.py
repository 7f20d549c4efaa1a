"""Validate the whole catalogue: competitions, splits, locks and metrics.

Every mistake is named with file, key path, what was found and what is allowed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench check`."""
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        help="folder of competition folders (default: those of the package)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print all mistakes to stderr; exit with 1 if there are any."""
    from mlebench_data.catalogue.check import check_catalogue

    count, problems = check_catalogue(arguments.folder)
    for problem in problems:
        print(problem, file=sys.stderr)
    print(
        f"{count} competitions checked: "
        + (f"{len(problems)} mistakes" if problems else "all valid"),
        file=sys.stderr,
    )
    return 1 if problems else 0
