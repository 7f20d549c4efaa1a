"""Arguments that several verbs share."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.quantities import parse_duration, parse_size

if TYPE_CHECKING:
    from mlebench_data.catalogue import Competition


def positive(text: str) -> int:
    """Parse a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number of at least 1")
    return int(text)


def natural(text: str) -> int:
    """Parse a whole number of at least 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number of at least 0")
    return int(text)


def duration(text: str) -> float:
    """Parse a time such as 90, 90s, 10m, 24h or 1.5d into seconds."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def memory(text: str) -> int:
    """Parse a size such as 512m or 8g into bytes (powers of 1024)."""
    try:
        return parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def processors(text: str) -> float:
    """Parse a number of processors such as 2 or 0.5."""
    match = re.fullmatch(r"\d+(?:\.\d+)?", text.strip())
    if match is None or float(text) <= 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of processors; write 2 or 0.5")
    return float(text)


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add competition ids and `--split`."""
    parser.add_argument("ids", nargs="*", metavar="ID", help="competition ids")
    parser.add_argument("--split", metavar="SPLIT", help="all competitions of a split, e.g. open")


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """Add `--data-dir`."""
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="folder of raw and prepared data (default: $MLEBENCH_DATA_DIR, else the user's cache)",
    )


def add_version(parser: argparse.ArgumentParser) -> None:
    """Add `--data-version`."""
    parser.add_argument(
        "--data-version", metavar="V", help="data version, e.g. v1 (default: the oldest)"
    )


def add_key_file(parser: argparse.ArgumentParser) -> None:
    """Add `--key-file`."""
    parser.add_argument(
        "--key-file",
        type=Path,
        metavar="FILE",
        help="master key (default: $MLEBENCH_KEY, $MLEBENCH_KEY_FILE, else the user's own)",
    )


def data_dir(arguments: argparse.Namespace) -> Path:
    """Return the data folder that the arguments name, or the default one."""
    from mlebench_data.prepare.layout import default_data_dir

    return arguments.data_dir or default_data_dir()


def selected_ids(ids: list[str], split: str | None) -> list[str]:
    """Return the ids named one by one and those of the split, each once.

    Raises
    ------
    MlebenchError
        If nothing is named.
    """
    from mlebench_data.catalogue import load_split

    if not ids and split is None:
        raise MlebenchError("Name at least one competition, or a split with --split.")
    return list(dict.fromkeys([*ids, *(load_split(split) if split else [])]))


def selected(arguments: argparse.Namespace) -> list[Competition]:
    """Return the competitions that the arguments name."""
    from mlebench_data.catalogue import load_competition

    return [load_competition(name) for name in selected_ids(arguments.ids, arguments.split)]
