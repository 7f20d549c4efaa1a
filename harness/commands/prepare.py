"""Prepare the public and private data of competitions from their raw data.

Reads RAW/ID/ (or RAW itself, for one id; by default DATA_DIR/ID/raw) and writes
DATA_DIR/ID/VERSION/ with public/, private/ and manifest.json. Data that is there and intact is left
alone. The result is compared with the lock of the version.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.commands.arguments import (
    add_data_dir,
    add_selection,
    add_version,
    data_dir,
    selected,
)
from mlebench_data.harness.commands.output import print_table, progress, size
from mlebench_data.harness.commands.side_by_side import side_by_side

if TYPE_CHECKING:
    from mlebench_data.catalogue import Competition
    from mlebench_data.prepare import PrepareResult


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench prepare`."""
    add_selection(parser)
    parser.add_argument("--raw", type=Path, metavar="DIR", help="folder of the raw data")
    add_data_dir(parser)
    add_version(parser)
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="competitions at a time (default 1)"
    )
    parser.add_argument(
        "--skip-lock",
        action="store_true",
        help="do not compare with the published hashes: for raw data that is not the published one",
    )
    parser.add_argument("--force", action="store_true", help="prepare again what is there")
    parser.add_argument(
        "--no-link",
        action="store_true",
        help="copy raw files instead of linking to them (linked raw files become read-only)",
    )


def _prepare_one(
    competition: Competition, *, advance: Callable[[int], None] | None = None, **options: Any
) -> PrepareResult:
    from mlebench_data.prepare import prepare

    return prepare(competition, advance=advance or (lambda count: None), **options)


def run(arguments: argparse.Namespace) -> int:
    """Prepare the selection and print a summary; exit with 1 if any failed."""
    competitions = selected(arguments)
    if arguments.jobs < 1:
        raise MlebenchError(f"--jobs must be at least 1, not {arguments.jobs}.")
    if arguments.raw is not None and not arguments.raw.is_dir():
        raise MlebenchError(f"--raw: there is no folder {arguments.raw}.")
    options: dict[str, Any] = {
        "data_dir": data_dir(arguments),
        "raw": arguments.raw,
        "version": arguments.data_version,
        "skip_lock": arguments.skip_lock,
        "force": arguments.force,
        "link": not arguments.no_link,
    }
    rows: list[tuple[object, ...]] = []
    failed = []
    with progress() as display:
        bar = display.add_task("competitions", total=len(competitions))
        files = display.add_task("files", total=None)
        one = functools.partial(_prepare_one, **options)
        if arguments.jobs == 1 or len(competitions) == 1:
            # Other processes cannot reach the display.
            one = functools.partial(one, advance=lambda count: display.advance(files, count))
        for outcome in side_by_side(one, competitions, arguments.jobs):
            display.advance(bar)
            name, result, seconds = outcome.competition.id, outcome.result, f"{outcome.seconds:.1f}"
            if isinstance(result, MlebenchError):
                failed.append(result)
                rows.append((name, "failed", "", "", "", seconds))
                continue
            manifest = result.manifest
            rows.append(
                (
                    name,
                    result.status,
                    len(manifest.files),
                    size(manifest.size),
                    result.lock,
                    seconds,
                )
            )
    print_table(
        ["competition", "status", "files", "size", "lock", "seconds"],
        sorted(rows, key=lambda row: str(row[0])),
        right=["files", "size", "seconds"],
        to=sys.stderr,
    )
    for error in failed:
        print(f"mlebench: {error}", file=sys.stderr)
    return 1 if failed else 0
