"""Make, show, grant or replace the key that locks the answers.

The master key opens the answers of all competitions; a grant opens those of some. Both are written
with mode 0600 and never printed. At use, the key comes from --key-file, $MLEBENCH_KEY,
$MLEBENCH_KEY_FILE or the user's own place; a grant can stand wherever the master key can.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mlebench_data.harness.commands.arguments import (
    add_key_file,
    add_selection,
    add_version,
    selected,
)
from mlebench_data.harness.commands.output import print_table, progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench keys`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    new = actions.add_parser("new", help="make a master key; never replaces one")
    new.add_argument("--out", type=Path, metavar="FILE", help="default: the user's own place")
    new.set_defaults(act=_new)

    show = actions.add_parser("show-id", help="print the fingerprint of the key in use")
    add_key_file(show)
    show.set_defaults(act=_show)

    grant = actions.add_parser(
        "grant",
        help="make a key file that opens some competitions only",
        description="Make a key file that opens the named competitions and no others. Neither the "
        "master key nor any other competition's key can be computed from it.",
    )
    add_selection(grant)
    add_version(grant)
    grant.add_argument("--out", type=Path, metavar="FILE", required=True, help="must not exist")
    add_key_file(grant)
    grant.set_defaults(act=_grant)

    rotate = actions.add_parser(
        "rotate",
        help="make a new master key and seal packed repositories with it",
        description="Make a new master key, seal the repositories in DIR with it, and put it in "
        "the old one's place; the old file is kept, with its fingerprint as ending. If this is "
        "interrupted, the same command goes on. Copies elsewhere stay readable with the old key.",
    )
    rotate.add_argument(
        "folders", nargs="*", type=Path, metavar="DIR", help="repository, or folder of repositories"
    )
    rotate.add_argument(
        "--out", type=Path, metavar="FILE", help="file for the new key (default: the old one's)"
    )
    add_key_file(rotate)
    rotate.set_defaults(act=_rotate)


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments ask for."""
    arguments.act(arguments)
    return 0


def _new(arguments: argparse.Namespace) -> None:
    from mlebench_data.hub import default_key_path, new_key

    path = arguments.out or default_key_path()
    key = new_key(path)
    print(f"new master key in {path} (keep a copy: without it, nothing opens)", file=sys.stderr)
    print(key.key_id)


def _show(arguments: argparse.Namespace) -> None:
    from mlebench_data.hub import Grant, find_key

    key = find_key(arguments.key_file)
    if isinstance(key, Grant):
        print(f"a grant of {', '.join(key.names())}", file=sys.stderr)
    print(key.key_id)


def _grant(arguments: argparse.Namespace) -> None:
    from mlebench_data.hub import find_master_key, write_key_file

    names = []
    for competition in selected(arguments):
        version = arguments.data_version or competition.versions[0]
        competition.version(version)  # refuses one that does not exist
        names.append((competition.id, version))
    grant = find_master_key(arguments.key_file).grant(names)
    write_key_file(arguments.out, grant)
    for name in grant.names():
        print(name)
    print(
        f"grant of these in {arguments.out}. Whoever has this file can read their answers.",
        file=sys.stderr,
    )


def _rotate(arguments: argparse.Namespace) -> None:
    from mlebench_data.hub import rotate

    with progress() as display:
        bar = display.add_task("repositories", total=None)
        done = rotate(
            arguments.folders,
            key_file=arguments.key_file,
            out=arguments.out,
            advance=lambda count: display.advance(bar, count),
            total=lambda count: display.update(bar, total=count),
        )
    if done.repositories:
        print_table(["repository", "status"], done.repositories, to=sys.stderr)
    if done.resumed:
        print("went on with the new key of a rotation that was interrupted", file=sys.stderr)
    old = f" ({done.old_file})" if done.old_file else ""
    print(
        f"new master key in {done.key_file} (keep a copy: without it, nothing opens)\n"
        f"the old key, {done.old_id}{old}, still opens every copy made before, published ones too; "
        "grants of it open nothing that was sealed now: make them anew",
        file=sys.stderr,
    )
    print(done.new_id)
