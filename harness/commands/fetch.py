"""Get the raw data of competitions: build it, or download it from Kaggle.

Open competitions are built from data that comes with installed libraries. The others are downloaded
to DATA_DIR/ID/raw/ID.zip with Kaggle's own client and your credentials, once you have accepted
their rules. Before any download it is checked for all competitions that nothing is in the way:
credentials, rules, disk space. A download that was interrupted goes on with the same command.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.commands.arguments import add_data_dir, add_selection, data_dir, selected
from mlebench_data.harness.commands.output import console, print_table, size

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.progress import Progress

    from mlebench_data.fetch.preflight import Item, Preflight


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench fetch`."""
    add_selection(parser)
    add_data_dir(parser)
    parser.add_argument(
        "--jobs", type=int, default=2, metavar="N", help="downloads at a time (default 2)"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only say what is there and what is to be done"
    )


def run(arguments: argparse.Namespace) -> int:
    """Check the selection, then build and download; exit with 1 if anything is in the way."""
    from mlebench_data.fetch.preflight import preflight

    if arguments.jobs < 1:
        raise MlebenchError(f"--jobs must be at least 1, not {arguments.jobs}.")
    folder = data_dir(arguments)
    with console().status("Looking at what is there and what Kaggle has ..."):
        found = preflight(selected(arguments), folder)
    _print_preflight(found, results=arguments.dry_run)
    for problem in found.problems:
        print(f"mlebench: {problem}", file=sys.stderr)
    if found.problems:
        print("Nothing was downloaded.", file=sys.stderr)
        return 1
    return 0 if arguments.dry_run else _get(found, folder, arguments.jobs)


def _print_preflight(found: Preflight, *, results: bool) -> None:
    rows = [
        (
            item.competition.id,
            "?" if item.size is None else size(item.size),
            size(item.received) if item.received else "",
            item.status,
            item.rules,
        )
        for item in found.items
    ]
    stream = sys.stdout if results else sys.stderr
    print_table(
        ["competition", "size", "received", "status", "rules"],
        rows,
        right=["size", "received"],
        to=stream,
    )
    if found.needed:
        print(f"{size(found.needed)} to come, {size(found.free)} free", file=stream)


def _get(found: Preflight, folder: Path, jobs: int) -> int:
    """Build and download; errors do not keep the others from going on."""
    from mlebench_data.fetch.download import download
    from mlebench_data.fetch.patience import in_threads
    from mlebench_data.prepare.build import fetch_raw

    failed: list[MlebenchError] = []
    for item in found.items:
        if item.status in ("have", "build"):
            try:
                print(
                    f"{item.competition.id}: {fetch_raw(item.competition, folder)}", file=sys.stderr
                )
            except MlebenchError as error:
                failed.append(error)
    remote = [item for item in found.items if item.status in ("resume", "to get")]
    user = found.kaggle
    if remote and user is not None:

        def get(item: Item) -> Path | MlebenchError:
            try:
                return download(user, item.competition, folder)
            except MlebenchError as error:
                return error

        with _bytes_display() as display:
            watch = _watch(display, remote, folder)
            for item, result in in_threads(get, remote, jobs, idle=watch):
                watch()
                if isinstance(result, MlebenchError):
                    failed.append(result)
                else:
                    display.console.print(f"{item.competition.id}: {result}", soft_wrap=True)
    for failure in failed:
        print(f"mlebench: {failure}", file=sys.stderr)
    return 1 if failed else 0


def _watch(display: Progress, items: list[Item], folder: Path) -> Callable[[], None]:
    """Return a function that shows how much of each zip is there."""
    from mlebench_data.fetch.places import archive_path, complete_path, received_path

    bars = {
        item.competition.id: display.add_task(item.competition.id, total=item.size)
        for item in items
    }

    def watch() -> None:
        for name, bar in bars.items():
            for place in (archive_path, complete_path, received_path):
                path = place(folder, name)
                if path.is_file():
                    display.update(bar, completed=path.stat().st_size)
                    break

    return watch


def _bytes_display() -> Progress:
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console(),
        transient=True,
    )
