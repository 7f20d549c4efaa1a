"""Publish packed competitions: to the Hub, an endpoint like it, or any storage.

TARGET is hf://datasets/ORG (the Hub, or the endpoint that HF_ENDPOINT names), a folder, or a URL
such as s3://BUCKET/FOLDER or gs://BUCKET/FOLDER. What is there already is not sent again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.harness.commands.arguments import add_selection, selected
from mlebench_data.harness.commands.output import print_table, progress, size

if TYPE_CHECKING:
    from huggingface_hub import HfApi

    from mlebench_data.hub.publish.places import Target
    from mlebench_data.hub.publish.publishing import Conditions, Published


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench publish`."""
    add_selection(parser)
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of packed repositories, or one repository",
    )
    add_target(parser, "hf://datasets/ORG, a folder, or a URL such as s3://BUCKET/FOLDER")
    parser.add_argument(
        "--private",
        action="store_true",
        help="make repositories on the Hub private; elsewhere: you say that the place is",
    )
    parser.add_argument(
        "--confirm-redistribution",
        action="store_true",
        help="pass on data although its rules do not allow it to everybody (only with --private)",
    )
    parser.add_argument(
        "--collection",
        action="store_true",
        help="put the repositories on the Hub into a collection",
    )


def add_target(parser: argparse.ArgumentParser, target: str) -> None:
    """Declare the arguments that everything that is published has."""
    parser.add_argument("--to", required=True, metavar="TARGET", help=target)
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would be sent; write nothing"
    )
    parser.add_argument(
        "--retag",
        action="store_true",
        help="give a version that is published already another content",
    )
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="token for the Hub (default: $HF_TOKEN, else that of `hf auth login`)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Publish the selection and print what was done."""
    from mlebench_data.errors import MlebenchError
    from mlebench_data.hub.publish.collection import update_collection
    from mlebench_data.hub.publish.places import parse_target
    from mlebench_data.hub.publish.publishing import (
        Conditions,
        check_may_be_published,
        find_repository,
        publish_repository,
    )

    conditions = Conditions(
        arguments.private, arguments.confirm_redistribution, arguments.retag, arguments.dry_run
    )
    target = parse_target(arguments.to)
    if arguments.collection and not target.on_hub:
        raise MlebenchError("--collection needs a target on the Hub: hf://datasets/ORG.")
    chosen = [
        (competition, find_repository(arguments.source, competition.id))
        for competition in selected(arguments)
    ]
    for competition, repository in chosen:
        check_may_be_published(competition, repository, target, conditions)
    api = connect(target, arguments)
    done: list[Published] = []
    try:
        with progress() as display:
            bar = display.add_task("competitions", total=len(chosen))
            sent = display.add_task("bytes", total=0)
            for competition, repository in chosen:
                done += publish_repository(
                    competition,
                    repository,
                    target,
                    api,
                    conditions,
                    begin=lambda size: display.reset(sent, total=size),
                    advance=lambda size: display.advance(sent, size),
                )
                display.advance(bar)
    finally:
        # What stands stands, also if a later one fails.
        show(done, conditions)
    if arguments.collection and not conditions.dry_run:
        assert api is not None and target.organisation is not None
        title = f"MLE-bench: {arguments.split}" if arguments.split else "MLE-bench"
        names = [f"{target.organisation}/{item.name}" for item in done]
        address = update_collection(
            api, target.organisation, title, names, private=conditions.private
        )
        print(address)
    return 0


def connect(target: Target, arguments: argparse.Namespace) -> HfApi | None:
    """Return what reaches the Hub, if that is where the target is."""
    if not target.on_hub:
        return None
    import logging

    from huggingface_hub.utils.tqdm import disable_progress_bars

    from mlebench_data.hub.publish.places import hub_api

    # It would write into our own display.
    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    return hub_api(arguments.token_file, writing=not arguments.dry_run)


def show(done: list[Published], conditions: Conditions) -> None:
    """Print a table of what was, or would be, done; of one repository also each file."""
    if not done:
        return
    if conditions.dry_run and len(done) == 1:
        plan = done[0].plan
        rows = [
            *(("new", size(item.size), item.path) for item in plan.new),
            *(("changed", size(item.size), item.path) for item in plan.changed),
            *(("same", size(item.size), item.path) for item in plan.same),
            *(("remove", "", path) for path in plan.gone),
        ]
        print_table(["file", "size", "path"], rows, right=["size"])
    print_table(
        ["repository", "version", "status", "new", "changed", "same", "gone", "sent", "place"],
        [
            (
                item.name,
                item.version,
                item.status,
                len(item.plan.new),
                len(item.plan.changed),
                len(item.plan.same),
                len(item.plan.gone),
                size(item.plan.size),
                item.place + (f" @ {item.commit}" if item.commit else ""),
            )
            for item in done
        ],
        right=["new", "changed", "same", "gone", "sent"],
    )
    if conditions.dry_run:
        print("dry run: nothing was sent", file=sys.stderr)
