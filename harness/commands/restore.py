"""Restore the public files of competitions, byte for byte, or those of one repository.

With one ID the tree is TREE itself; with several, or a split, it is TREE/ID. Files come by way of
the cache, and are hard links to it where that is safe. A path such as ./DIR names a repository on
this disk, which is restored without the cache.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.errors import MlebenchError, UnknownNameError
from mlebench_data.harness.commands.arguments import selected_ids
from mlebench_data.harness.commands.output import print_table, progress, size

if TYPE_CHECKING:
    from mlebench_data.hub import RestoreResult


def add_source(parser: argparse.ArgumentParser) -> None:
    """Add `--from`."""
    parser.add_argument(
        "--from",
        dest="source",
        metavar="SOURCE",
        help="a folder of repositories, an address such as s3://BUCKET/FOLDER or https://HOST, or "
        "hf://datasets/ORGANISATION (default: $MLEBENCH_SOURCE, else $HF_ENDPOINT, else the Hub)",
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench restore`."""
    parser.add_argument(
        "ids", nargs="*", metavar="ID[@VERSION]", help="competitions, or the path of a repository"
    )
    parser.add_argument("--split", metavar="SPLIT", help="all competitions of a split, e.g. open")
    parser.add_argument("--out", type=Path, required=True, metavar="TREE")
    add_source(parser)
    parser.add_argument("--no-link", action="store_true", help="copy what could be hard links")
    parser.add_argument("--force", action="store_true", help="replace what lies at TREE")


def _is_path(name: str) -> bool:
    return os.sep in name or name in (".", "..")


def wanted_versions(ids: list[str], split: str | None) -> dict[str, str]:
    """Return the data versions asked for, by competition: the oldest where none is named.

    Raises
    ------
    UnknownNameError
        If there is no such competition or version.
    MlebenchError
        If nothing is named, or a competition in two versions.
    """
    from mlebench_data.catalogue import load_competition

    wanted: dict[str, str] = {}
    for name in selected_ids(ids, split):
        competition_id, _, version = name.partition("@")
        try:
            competition = load_competition(competition_id)
        except UnknownNameError as error:
            if Path(name).is_dir():
                raise UnknownNameError(
                    f"{error} If the folder {name} is meant, write .{os.sep}{name}."
                ) from error
            raise
        version = version or competition.versions[0]
        competition.version(version)
        if wanted.setdefault(competition_id, version) != version:
            raise MlebenchError(
                f"{competition_id} is named in two versions. Restore one after the other."
            )
    return wanted


def run(arguments: argparse.Namespace) -> int:
    """Restore and verify the trees; exit with 1 if one could not be had."""
    from mlebench_data.hub.restoring import restore, restore_competition
    from mlebench_data.hub.sources import open_source

    if len(arguments.ids) == 1 and _is_path(arguments.ids[0]) and arguments.split is None:
        for given, option in ((arguments.source, "--from"), (arguments.no_link, "--no-link")):
            if given:
                raise MlebenchError(f"{option} is for competition ids, not for a path.")
        _print(restore(Path(arguments.ids[0]), arguments.out, force=arguments.force))
        return 0
    wanted = wanted_versions(arguments.ids, arguments.split)
    source = open_source(arguments.source)
    alone = len(wanted) == 1 and arguments.split is None
    rows, problems = [], []
    with progress() as display:
        bar = display.add_task("competitions", total=len(wanted))
        files = display.add_task("files", total=None)
        for competition_id, version in wanted.items():
            try:
                result = restore_competition(
                    competition_id,
                    version,
                    arguments.out if alone else arguments.out / competition_id,
                    source=source,
                    link=not arguments.no_link,
                    force=arguments.force,
                    advance=lambda count: display.advance(files, count),
                )
            except MlebenchError as error:
                if alone:
                    raise
                # The others can still be had.
                problems.append(f"{competition_id}: {error}")
            else:
                rows.append((f"{competition_id}@{version}", result))
            display.advance(bar)
    if alone:
        _print(rows[0][1])
        return 0
    print_table(
        ["competition", "status", "files", "size", "tree"],
        [
            (name, result.status, result.files, size(result.size), result.folder)
            for name, result in rows
        ],
        right=["files", "size"],
        to=sys.stderr,
    )
    for problem in problems:
        print(f"mlebench: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _print(result: RestoreResult) -> None:
    commit = "" if result.origin.commit is None else f" ({result.origin.commit[:12]})"
    print(
        f"{result.status}: {result.files} files, {size(result.size)}, in {result.folder}, "
        f"from {result.origin.source} {result.origin.revision}{commit}",
        file=sys.stderr,
    )
