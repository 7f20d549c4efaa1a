"""Build or list the container images that agents run in."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench images`."""
    parser.add_argument("action", choices=["build", "list"])
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="default: base to build, all to list"
    )
    parser.add_argument("--base-image", metavar="IMAGE", help="image to build upon")
    parser.add_argument(
        "--wheels",
        type=Path,
        metavar="DIR",
        help="where packages for the image are kept; those that are there are not downloaded again",
    )


def run(arguments: argparse.Namespace) -> int:
    """Build images, or print their names and references."""
    from mlebench_data.harness.images.images import build_images, image_names, image_reference

    names = arguments.names or (image_names() if arguments.action == "list" else ["base"])
    if arguments.action == "list":
        for name in names:
            print(f"{name}\t{image_reference(name)}")
        return 0
    built = build_images(
        names,
        base_image=arguments.base_image,
        wheels=arguments.wheels,
        tell=lambda text: print(text, file=sys.stderr),
    )
    for reference, image_id in built.items():
        print(f"{reference}\t{image_id}")
    return 0
