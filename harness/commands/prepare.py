"""Prepare the public and private data of competitions from their raw data.

Reads RAW/ID/ (or RAW itself, for one id; by default DATA_DIR/ID/raw) and writes
DATA_DIR/ID/VERSION/ with public/, private/ and manifest.json. Data that is there and intact is left
alone. The result is compared with the lock of the version.
"""

from __future__ import annotations

import argparse
import functools
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.commands.arguments import (
    add_data_dir,
    add_selection,
    add_version,
    data_dir,
    selected,
)
from mlebench_data.harness.commands.output import print_table, progress, size

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


Outcome = tuple["PrepareResult | MlebenchError", float]


def _prepare_one(
    competition: Competition, *, advance: Callable[[int], None] | None = None, **options: object
) -> Outcome:
    """Prepare one competition; errors come back as values, so that the others go on."""
    from mlebench_data.prepare import prepare

    started = time.monotonic()
    try:
        result = prepare(competition, advance=advance or (lambda count: None), **options)  # type: ignore[arg-type]
    except MlebenchError as error:
        return error, time.monotonic() - started
    return result, time.monotonic() - started


def _outcomes(
    competitions: list[Competition], jobs: int, advance: Callable[[int], None], **options: object
) -> Iterator[tuple[Competition, Outcome]]:
    if jobs == 1 or len(competitions) == 1:
        for competition in competitions:
            yield competition, _prepare_one(competition, advance=advance, **options)
        return
    from concurrent.futures import ProcessPoolExecutor, as_completed

    with ProcessPoolExecutor(jobs) as pool:
        running = {
            pool.submit(functools.partial(_prepare_one, **options), item): item  # type: ignore[arg-type]
            for item in competitions
        }
        for future in as_completed(running):
            yield running[future], future.result()


def run(arguments: argparse.Namespace) -> int:
    """Prepare the selection and print a summary; exit with 1 if any failed."""
    competitions = selected(arguments)
    if arguments.jobs < 1:
        raise MlebenchError(f"--jobs must be at least 1, not {arguments.jobs}.")
    if arguments.raw is not None and not arguments.raw.is_dir():
        raise MlebenchError(f"--raw: there is no folder {arguments.raw}.")
    options: dict[str, object] = {
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
        for competition, (result, seconds) in _outcomes(
            competitions, arguments.jobs, lambda count: display.advance(files, count), **options
        ):
            display.advance(bar)
            if isinstance(result, MlebenchError):
                failed.append(result)
                rows.append((competition.id, "failed", "", "", "", f"{seconds:.1f}"))
                continue
            manifest = result.manifest
            rows.append(
                (
                    competition.id,
                    result.status,
                    len(manifest.files),
                    size(manifest.size),
                    result.lock,
                    f"{seconds:.1f}",
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
