"""Restore the public files of a dataset repository, byte for byte."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mlebench_data.harness.commands.output import size


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench restore`."""
    parser.add_argument("repository", type=Path, metavar="DIR", help="the dataset repository")
    parser.add_argument("--out", type=Path, required=True, metavar="TREE")
    parser.add_argument("--force", action="store_true", help="replace what lies at TREE")


def run(arguments: argparse.Namespace) -> int:
    """Restore and verify the tree."""
    from mlebench_data.hub import restore

    result = restore(arguments.repository, arguments.out, force=arguments.force)
    files = result.manifest.files
    print(
        f"{result.status}: {len(files)} files, {size(sum(file.size for file in files))}, "
        f"in {arguments.out}",
        file=sys.stderr,
    )
    return 0
