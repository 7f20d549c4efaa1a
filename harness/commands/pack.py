"""Pack prepared competitions into dataset repositories, their answers locked.

With one ID the repository is OUT itself; with several, or a split, it is OUT/ID.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mlebench_data.harness.commands.arguments import (
    add_data_dir,
    add_key_file,
    add_selection,
    add_version,
    data_dir,
    selected,
)
from mlebench_data.harness.commands.output import print_table, progress, size


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench pack`."""
    add_selection(parser)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="OUT", help="folder of the repository"
    )
    add_data_dir(parser)
    add_version(parser)
    add_key_file(parser)


def run(arguments: argparse.Namespace) -> int:
    """Pack the selection and print a summary."""
    from mlebench_data.hub import find_key, pack
    from mlebench_data.prepare.layout import version_folder

    competitions = selected(arguments)
    key = find_key(arguments.key_file)
    alone = len(competitions) == 1 and arguments.split is None
    rows = []
    with progress() as display:
        bar = display.add_task("competitions", total=len(competitions))
        files = display.add_task("files", total=None)
        for competition in competitions:
            version = arguments.data_version or competition.versions[0]
            result = pack(
                competition,
                version_folder(data_dir(arguments), competition.id, version),
                arguments.out if alone else arguments.out / competition.id,
                key=key,
                version=version,
                advance=lambda count: display.advance(files, count),
            )
            display.advance(bar)
            total = sum(path.stat().st_size for path in result.folder.rglob("*") if path.is_file())
            rows.append((competition.id, result.status, size(total), result.folder))
    print_table(
        ["competition", "status", "size", "repository"], rows, right=["size"], to=sys.stderr
    )
    return 0
