"""Folders that appear at once: built beside their place, then renamed into it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def _beside(place: Path, role: str) -> Path:
    return place.with_name(f".{place.name}.{role}-{os.getpid()}")


@contextmanager
def built_beside(place: Path) -> Iterator[Path]:
    """Give an empty folder beside a place, for `put_in_place`; it is removed if it stays behind.

    Parameters
    ----------
    place : pathlib.Path
        Where the folder shall be in the end. Its parents are made.

    Yields
    ------
    pathlib.Path
        The folder to fill.
    """
    import psutil

    place.parent.mkdir(parents=True, exist_ok=True)
    # What killed runs have left.
    for left in place.parent.glob(f".{_escaped(place.name)}.partial-*"):
        pid = left.name.rpartition("-")[2]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(left)
    partial = _beside(place, "partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
    finally:
        if partial.exists():
            shutil.rmtree(partial)


def _escaped(name: str) -> str:
    """Escape what `glob` takes for a pattern."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def put_in_place(partial: Path, place: Path) -> None:
    """Rename a finished folder into its place; what is there goes only when the new one stands."""
    old = None
    if place.exists():
        old = _beside(place, "old")
        place.rename(old)
    try:
        partial.rename(place)
    except OSError:
        if old is not None:
            old.rename(place)
        raise
    if old is not None:
        shutil.rmtree(old)
