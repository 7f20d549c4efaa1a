"""Checks over the whole catalogue, beyond what the schema of one file can say."""

from __future__ import annotations

import json
from pathlib import Path

from mlebench_data.catalogue.catalogue import (
    Competition,
    competition_ids,
    default_folder,
    read_competition,
)
from mlebench_data.catalogue.splits import default_folder as splits_folder
from mlebench_data.catalogue.splits import load_split, split_names
from mlebench_data.errors import CatalogueError, MlebenchError


def _check_folder(competition: Competition) -> list[str]:
    """Check what lies beside `competition.yaml`."""
    from mlebench_data.metrics.registry import metric_info, metric_names

    path = competition.folder / "competition.yaml"
    problems = []
    readme = competition.folder / "README.md"
    if not readme.is_file():
        problems.append(f"{readme}: missing; it is the description that agents read")
    elif not readme.read_text(encoding="utf-8").startswith("# "):
        problems.append(f"{readme}: must begin with a heading, '# {competition.facts.name}'")
    has_builder = (competition.folder / "raw.py").is_file()
    if has_builder != (competition.facts.source.kind == "builtin"):
        problems.append(f"{path}: source.kind: 'builtin' and a file raw.py go together")
    has_table = (competition.folder / "leaderboard.csv").is_file()
    if has_table != (competition.facts.leaderboard is not None):
        problems.append(f"{path}: leaderboard: the key and a file leaderboard.csv go together")
    for name in competition.versions:
        metric = competition.version(name).metric
        where = f"{path}: versions.{name}.metric"
        if metric.name not in metric_names():
            problems.append(
                f"{where}.name: no such metric; found '{metric.name}', "
                f"known: {', '.join(metric_names())}"
            )
        elif metric_info(metric.name).higher_is_better != metric.higher_is_better:
            problems.append(f"{where}.higher_is_better: contradicts the card of '{metric.name}'")
        calls = [op for op in competition.version(name).recipe if op.op == "call_function"]
        if calls and not (competition.folder / "prepare.py").is_file():
            problems.append(f"{path}: versions.{name}.recipe: call_function needs a prepare.py")
    return problems


def check_catalogue(folder: Path | None = None) -> tuple[int, list[str]]:
    """Validate all competitions, and with the package's own also splits and locks.

    Parameters
    ----------
    folder : pathlib.Path, optional
        Folder of competition folders; that of the package by default.

    Returns
    -------
    count : int
        Number of competitions looked at.
    problems : list of str
        What is wrong, with file and key path.

    Raises
    ------
    CatalogueError
        If there is no such folder.
    """
    if folder is not None and not folder.is_dir():
        raise CatalogueError(f"There is no folder {folder}.")
    problems = []
    ids = competition_ids(folder)
    versions = {}
    for name in ids:
        try:
            competition = read_competition((folder or default_folder()) / name)
        except MlebenchError as error:
            problems.append(str(error))
            continue
        versions[name] = competition.versions
        problems += _check_folder(competition)
    if folder is None:
        for split in split_names():
            for name in load_split(split):
                if name not in ids:
                    problems.append(f"{splits_folder() / split}.txt: no competition '{name}'")
        for path in sorted((splits_folder() / "locks").glob("*/*.json")):
            if path.parent.name not in versions.get(path.stem, [path.parent.name]):
                problems.append(f"{path}: the competition has no version {path.parent.name}")
            elif path.stem not in ids:
                problems.append(f"{path}: there is no competition '{path.stem}'")
            try:
                json.loads(path.read_text(encoding="utf-8"))
            except ValueError as error:
                problems.append(f"{path}: no valid JSON: {error}")
    return len(ids), problems
