"""Get or build the raw data of competitions that need no login.

For the open competitions, raw data is built from files that come with installed libraries. Data of
Kaggle competitions has to be downloaded from Kaggle by hand, where its rules are accepted.
"""

from __future__ import annotations

import argparse
import sys

from mlebench_data.harness.commands.arguments import add_data_dir, add_selection, data_dir, selected


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench fetch`."""
    add_selection(parser)
    add_data_dir(parser)


def run(arguments: argparse.Namespace) -> int:
    """Build what can be built, and say where the rest is to be had."""
    from mlebench_data.errors import RawDataError
    from mlebench_data.prepare.build import fetch_raw

    failed = 0
    for competition in selected(arguments):
        try:
            folder = fetch_raw(competition, data_dir(arguments))
            print(f"{competition.id}: {folder}", file=sys.stderr)
        except RawDataError as error:
            failed += 1
            print(error, file=sys.stderr)
    return 1 if failed else 0
