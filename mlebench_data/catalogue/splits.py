"""Reading of split lists: which competitions form a split."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from mlebench_data.errors import UnknownNameError, suggest


def default_folder() -> Path:
    """Return the folder of split lists and locks that comes with the package."""
    return Path(str(files("mlebench_data.splits")))


def split_names(folder: Path | None = None) -> list[str]:
    """Return the names of all splits, sorted."""
    return sorted(path.stem for path in (folder or default_folder()).glob("*.txt"))


def load_split(name: str, folder: Path | None = None) -> list[str]:
    """Return the ids of the competitions of a split, in the order of its list.

    Parameters
    ----------
    name : str
        Such as ``"open"``.
    folder : pathlib.Path, optional
        Folder of split lists; that of the package by default.

    Raises
    ------
    UnknownNameError
        If there is no such split.
    """
    known = split_names(folder)
    if name not in known:
        raise UnknownNameError(f"There is no split '{name}'. {suggest(name, known)}")
    text = ((folder or default_folder()) / f"{name}.txt").read_text(encoding="utf-8")
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]
