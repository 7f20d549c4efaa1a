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
    place.parent.mkdir(parents=True, exist_ok=True)
    recover(place)
    # What killed runs have left.
    for left in _left(place, "partial"):
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


def _left(place: Path, role: str) -> list[Path]:
    """Return folders of a role beside a place whose processes have ended."""
    import psutil

    found = place.parent.glob(f".{_escaped(place.name)}.{role}-*")
    owners = [(left, left.name.rpartition("-")[2]) for left in found]
    return [left for left, pid in owners if pid.isdigit() and not psutil.pid_exists(int(pid))]


def recover(place: Path) -> None:
    """Bring back what stood at a place, if `put_in_place` was killed between its two renames."""
    for old in _left(place, "old"):
        if place.exists():
            shutil.rmtree(old)
        else:
            old.rename(place)


def recover_all(folder: Path) -> None:
    """Do what `recover` does for every place in a folder."""
    for old in sorted(folder.glob(".*.old-*")):
        recover(folder / old.name[1:].rpartition(".old-")[0])


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
