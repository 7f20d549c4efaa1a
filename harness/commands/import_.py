"""Take over data that the published benchmark has prepared already.

Takes DIR/ID/prepared/public and DIR/ID/prepared/private over to DATA_DIR/ID/v1, after checking them
against what preparation must write and against the lock. Without ID and --split, all that DIR holds
is taken over. What does not match is named and left alone. Public files are linked where that is
possible, and become read-only in both places.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.commands.arguments import (
    add_data_dir,
    add_selection,
    data_dir,
    selected_ids,
)
from mlebench_data.harness.commands.output import print_table, progress, size


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench import`."""
    parser.add_argument(
        "folder", type=Path, metavar="DIR", help="data folder of the published benchmark"
    )
    add_selection(parser)
    add_data_dir(parser)
    parser.add_argument(
        "--skip-lock", action="store_true", help="do not compare with the published hashes"
    )
    parser.add_argument("--force", action="store_true", help="replace data that is there")
    parser.add_argument(
        "--copy", action="store_true", help="make no links: leave the files in DIR as they are"
    )


def _selection(arguments: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Return the ids to take over, and those that are there but not in the catalogue."""
    from mlebench_data.catalogue import competition_ids
    from mlebench_data.fetch.published import published_ids

    if not arguments.folder.is_dir():
        raise MlebenchError(f"There is no folder {arguments.folder}.")
    if arguments.ids or arguments.split is not None:
        return selected_ids(arguments.ids, arguments.split), []
    found = published_ids(arguments.folder)
    if not found:
        raise MlebenchError(
            f"{arguments.folder} holds no prepared competitions: there is no folder ID/prepared "
            "with public/ and private/."
        )
    known = set(competition_ids())
    return [name for name in found if name in known], [n for n in found if n not in known]


def run(arguments: argparse.Namespace) -> int:
    """Take over the selection and print a summary; exit with 1 if any failed."""
    from mlebench_data.catalogue import load_competition
    from mlebench_data.fetch.published import import_published

    names, unknown = _selection(arguments)
    rows: list[tuple[object, ...]] = [
        (name, "not in the catalogue", "", "", "") for name in unknown
    ]
    failed: list[MlebenchError] = []
    with progress() as display:
        bar = display.add_task("competitions", total=len(names))
        files = display.add_task("files", total=None)
        for name in names:
            try:
                result = import_published(
                    load_competition(name),
                    arguments.folder,
                    data_dir=data_dir(arguments),
                    skip_lock=arguments.skip_lock,
                    force=arguments.force,
                    link=not arguments.copy,
                    advance=lambda count: display.advance(files, count),
                )
            except MlebenchError as error:
                failed.append(error)
                rows.append((name, "failed", "", "", ""))
            else:
                manifest = result.manifest
                rows.append(
                    (name, result.status, len(manifest.files), size(manifest.size), result.lock)
                )
            display.advance(bar)
    print_table(
        ["competition", "status", "files", "size", "lock"],
        sorted(rows, key=lambda row: str(row[0])),
        right=["files", "size"],
        to=sys.stderr,
    )
    for failure in failed:
        print(f"mlebench: {failure}", file=sys.stderr)
    return 1 if failed else 0
