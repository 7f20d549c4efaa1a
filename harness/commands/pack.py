"""Pack prepared competitions into dataset repositories, their answers locked.

With one ID the repository is OUT itself; with several, or a split, it is OUT/ID. What is there and
made of the same data is left alone.
"""

from __future__ import annotations

import argparse
import functools
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.commands.arguments import (
    add_data_dir,
    add_key_file,
    add_selection,
    add_version,
    data_dir,
    positive,
    selected,
)
from mlebench_data.harness.commands.output import print_table, progress, size
from mlebench_data.harness.commands.side_by_side import side_by_side

if TYPE_CHECKING:
    from mlebench_data.catalogue import Competition
    from mlebench_data.hub import PackResult
    from mlebench_data.hub.keys import KeySource


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench pack`."""
    add_selection(parser)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="OUT", help="folder of the repository"
    )
    add_data_dir(parser)
    add_version(parser)
    add_key_file(parser)
    parser.add_argument(
        "--private-repo",
        action="store_true",
        help="put the sealed answers into a repository of their own, OUT-private",
    )
    parser.add_argument(
        "--jobs", type=positive, default=1, metavar="N", help="competitions at a time (default 1)"
    )
    parser.add_argument("--force", action="store_true", help="pack again what is there")


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Look for garbage less often: there may be a million descriptions of files, and none is."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _pack_one(
    competition: Competition,
    *,
    data: Path,
    out: Path,
    alone: bool,
    version: str | None,
    key: KeySource,
    private_repo: bool,
    force: bool,
    advance: Callable[[int], None] | None = None,
) -> PackResult:
    from mlebench_data.hub import pack
    from mlebench_data.prepare.layout import version_folder

    version = version or competition.versions[0]
    with _rare_collections():
        return pack(
            competition,
            version_folder(data, competition.id, version),
            out if alone else out / competition.id,
            key=key,
            version=version,
            force=force,
            private_repo=private_repo,
            advance=advance or (lambda count: None),
        )


def run(arguments: argparse.Namespace) -> int:
    """Pack the selection and print a summary; exit with 1 if any failed."""
    from mlebench_data.hub import find_key

    competitions = selected(arguments)
    rows: list[tuple[object, ...]] = []
    failed = []
    with progress() as display:
        bar = display.add_task("competitions", total=len(competitions))
        files = display.add_task("files", total=None)
        one = functools.partial(
            _pack_one,
            data=data_dir(arguments),
            out=arguments.out,
            alone=len(competitions) == 1 and arguments.split is None,
            version=arguments.data_version,
            key=find_key(arguments.key_file),
            private_repo=arguments.private_repo,
            force=arguments.force,
        )
        if arguments.jobs == 1:
            # Other processes cannot reach the display.
            one = functools.partial(one, advance=lambda count: display.advance(files, count))
        for outcome in side_by_side(one, competitions, arguments.jobs):
            display.advance(bar)
            name, result, seconds = outcome.competition.id, outcome.result, f"{outcome.seconds:.1f}"
            if isinstance(result, MlebenchError):
                failed.append(result)
                rows.append((name, "failed", "", "", seconds, ""))
                continue
            contents = result.manifest.contents
            total = size(sum(item.size for item in contents))
            rows.append((name, result.status, len(contents), total, seconds, result.folder))
    print_table(
        ["competition", "status", "files", "size", "seconds", "repository"],
        sorted(rows, key=lambda row: str(row[0])),
        right=["files", "size", "seconds"],
        to=sys.stderr,
    )
    for error in failed:
        print(f"mlebench: {error}", file=sys.stderr)
    return 1 if failed else 0
