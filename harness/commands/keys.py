"""Make a master key, or show which one is in use.

The key locks and opens the answers of all competitions. It is written with mode 0600 and never
printed. At use it comes from --key-file, $MLEBENCH_KEY, $MLEBENCH_KEY_FILE or the user's own place.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mlebench_data.harness.commands.arguments import add_key_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench keys`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    new = actions.add_parser("new", help="make a master key; never replaces one")
    new.add_argument("--out", type=Path, metavar="FILE", help="default: the user's own place")
    show = actions.add_parser("show-id", help="print the fingerprint of the key in use")
    add_key_file(show)


def run(arguments: argparse.Namespace) -> int:
    """Make a key or print a fingerprint."""
    from mlebench_data.hub import default_key_path, find_key, new_key

    if arguments.action == "new":
        path = arguments.out or default_key_path()
        key = new_key(path)
        print(f"new master key in {path} (keep a copy: without it, nothing opens)", file=sys.stderr)
        print(key.key_id)
        return 0
    print(find_key(arguments.key_file).key_id)
    return 0
