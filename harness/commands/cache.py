"""Look after the cache of restored trees: list, remove, verify.

`rm` leaves alone what a running `mlebench run` uses. Containers whose run was killed hold nothing:
look with `docker ps`, or go on with the run, before removing what they may use. `verify` reads
every cached file; with --repair, damaged files and the trees that have them are removed, and
fetched again when next needed.
"""

from __future__ import annotations

import argparse
import sys
import time

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.commands.arguments import duration
from mlebench_data.harness.commands.output import print_table, progress, size


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench cache`."""
    verbs = parser.add_subparsers(dest="cache_verb", metavar="VERB", required=True)
    verbs.add_parser("ls", help="list cached trees")
    remove = verbs.add_parser("rm", help="remove cached trees that nobody uses")
    remove.add_argument("ids", nargs="*", metavar="ID[@VERSION]", help="competitions")
    remove.add_argument("--all", action="store_true", help="all trees")
    remove.add_argument(
        "--unused-for", type=duration, metavar="T", help="only trees not used for so long, e.g. 30d"
    )
    verify = verbs.add_parser("verify", help="compare every cached file with its digest")
    verify.add_argument("--repair", action="store_true", help="remove what is damaged")


def run(arguments: argparse.Namespace) -> int:
    """Do what the verb says; `verify` exits with 1 if something damaged stays."""
    actions = {"ls": _list, "rm": _remove, "verify": _verify}
    return actions[arguments.cache_verb](arguments)


def _list(arguments: argparse.Namespace) -> int:
    from mlebench_data.hub.cache import Cache

    cache = Cache()
    rows = [
        (
            entry.record.competition,
            entry.record.version,
            entry.record.files,
            size(entry.record.size),
            time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.last_use)),
            "yes" if cache.is_in_use(entry.digest) else "",
            entry.record.origins[0].source,
        )
        for entry in cache.entries()
    ]
    columns = ["competition", "version", "files", "size", "last use", "in use", "source"]
    print_table(columns, rows, right=["files", "size"])
    print(f"{size(cache.size())} in {cache.folder}, what trees share counted once")
    return 0


def _remove(arguments: argparse.Namespace) -> int:
    from mlebench_data.hub.cache import Cache

    if not (arguments.ids or arguments.all or arguments.unused_for is not None):
        raise MlebenchError("Name competitions, or say --all or --unused-for 30d.")
    if arguments.ids and arguments.all:
        raise MlebenchError("Name competitions or say --all, not both.")
    cache = Cache()
    entries = cache.entries()
    known = {name for entry in entries for name in entry.names()}
    unknown = sorted(set(arguments.ids) - known)
    if unknown:
        raise MlebenchError(
            f"Not in the cache: {', '.join(unknown)}. `mlebench cache ls` lists it."
        )
    before = cache.size()
    kept = []
    for entry in entries:
        if arguments.ids and not set(arguments.ids) & set(entry.names()):
            continue
        if arguments.unused_for is not None and entry.unused_seconds() < arguments.unused_for:
            continue
        if cache.remove(entry.digest):
            print(f"removed {entry.names()[1]}", file=sys.stderr)
        else:
            kept.append(entry.names()[1])
    cache.sweep(private=arguments.all)
    if kept:
        print(f"in use and left alone: {', '.join(kept)}", file=sys.stderr)
    print(f"{size(max(0, before - cache.size()))} freed", file=sys.stderr)
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    from mlebench_data.hub.cache import Cache
    from mlebench_data.hub.cache_verification import verify

    with progress() as display:
        bar = display.add_task("files", total=None)
        found = verify(
            Cache(), repair=arguments.repair, advance=lambda count: display.advance(bar, count)
        )
    for problem in found.problems:
        print(problem)
    if not found.problems:
        print(f"all {found.files} files are what they should be", file=sys.stderr)
        return 0
    print(
        f"{len(found.problems)} of {found.files} files are damaged"
        + ("; they were removed, and are fetched again when needed" if found.repaired else "")
        + (f"; in use and left alone: {', '.join(found.in_use)}" if found.in_use else ""),
        file=sys.stderr,
    )
    return 0 if found.repaired and not found.in_use else 1
