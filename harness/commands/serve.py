"""Serve a folder of packed repositories to `load_dataset` and all other clients of the Hub.

Clients find it by the environment variable HF_ENDPOINT, which the first line printed sets.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mlebench_data.errors import MlebenchError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench serve`."""
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="DIR", help="folder that `mlebench pack` wrote"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address (default: 127.0.0.1)")
    parser.add_argument(
        "--port", type=int, default=8000, help="port (default: 8000; 0: any that is free)"
    )
    parser.add_argument(
        "--organisation",
        metavar="NAME",
        help="serve NAME/ID alone (default: the repositories go by every organisation's name)",
    )
    parser.add_argument(
        "--writable", action="store_true", help="take uploads of those whose token allows it"
    )
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE", help="tokens that may write or read gated data"
    )
    parser.add_argument(
        "--new-token",
        nargs=2,
        metavar=("NAME", "ROLE"),
        help="add a token to FILE, print it and stop; roles: read, write, admin",
    )
    parser.add_argument(
        "--grant",
        default="",
        metavar="IDS",
        help="gated repositories that the new token may read, separated by commas; * means all",
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop, or make a token."""
    if arguments.new_token is not None:
        return _new_token(arguments)
    if arguments.folder is None:
        raise MlebenchError("Say which folder to serve: `mlebench serve DIR`.")
    if arguments.writable and arguments.token_file is None:
        raise MlebenchError(
            "Uploads need tokens: give their file with --token-file. "
            "`mlebench serve --new-token NAME write --token-file FILE` makes one."
        )
    from mlebench_data.hub.endpoint.access import Access
    from mlebench_data.hub.endpoint.core import Endpoint
    from mlebench_data.hub.endpoint.server import serve

    endpoint = Endpoint(
        arguments.folder,
        organisation=arguments.organisation,
        access=Access(arguments.token_file),
        writable=arguments.writable,
    )
    # What is remembered about them is read too: the time to learn of damage is now.
    count = len([repository.state() for repository in endpoint.store.all("dataset")])
    what = f"{count} dataset{'' if count == 1 else 's'} of {arguments.folder}"

    def ready(url: str) -> None:
        print(f"export HF_ENDPOINT={url}  # serves {what}", flush=True)

    serve(endpoint, host=arguments.host, port=arguments.port, ready=ready)
    return 0


def _new_token(arguments: argparse.Namespace) -> int:
    from mlebench_data.hub.endpoint.access import add_token

    if arguments.token_file is None:
        raise MlebenchError("Say where the token is to be kept: --token-file FILE.")
    name, role = arguments.new_token
    print(add_token(arguments.token_file, name, role, arguments.grant))
    print(
        f"{arguments.token_file} has its digest only; nobody can show the token again.",
        file=sys.stderr,
    )
    return 0
