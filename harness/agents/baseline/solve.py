"""From the files to predictions: understand, build features, cross-validate, blend, submit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from clock import Clock
from contract import Contract
from discover import DataFile, DataFolder, find_tables
from features_images import labels_from_folders
from journal import Journal
from metric_wording import guess_metric, speaks_of_probability
from roles import CannotImproveError, Roles, align_test, assign_roles
from schema import Problem, infer_problems

# More train rows than this are not worth their time and memory here.
MOST_TRAIN_ROWS = 150_000


def solve(
    contract: Contract,
    folder: DataFolder,
    sample_file: DataFile,
    clock: Clock,
    journal: Journal,
    processors: int,
) -> None:
    """Write a better submission than the sample and note the outcome.

    Raises
    ------
    CannotImproveError
        If the data are not understood, or there is nothing to learn from.
    """
    tables = find_tables(folder.files, sample_file)
    roles = assign_roles(folder, sample_file, tables, journal, contract.seed)
    description = _description(folder)
    metric = guess_metric(description)
    test = align_test(roles, journal)
    train, problems = _understand(folder, roles, test, metric, description)
    journal.note(
        metric=metric,
        problems=[
            {"truth": problem.source, "columns": problem.columns[:20], "fill": problem.fill,
             "classes": len(problem.classes)}
            for problem in problems
        ],
    )  # fmt: skip
    for problem in problems[:12]:
        journal.say(f"to predict: {problem.source!r} as {problem.fill}, {len(problem.classes)} "
                    f"classes, metric by the wording: {metric}")  # fmt: skip
    train, problems = _limit_rows(train, problems, contract.seed, journal)
    # Only now: scikit-learn takes a second to import, and what is not understood needs none of it.
    from features import build_features
    from fitting import Session, solve_problem

    for name in roles.ids:
        if name not in train.columns:
            train[name] = ""
    truths = {problem.source for problem in problems} | set(roles.targets)
    shared = [name for name in train.columns if name in test.columns and name not in truths]
    features = build_features(
        folder, train[shared], test[shared], roles.ids, clock, processors, journal
    )
    session = Session(contract, clock, journal, processors, metric, roles.sample)
    answers: dict[str, list[str]] = {}
    results: list[dict[str, Any]] = []
    for number, problem in enumerate(problems):
        seconds = clock.remaining() / (len(problems) - number)
        results.append(solve_problem(problem, features, len(test), seconds, session, answers))
        journal.note(results=results)
    journal.note(cv=[{key: result.get(key) for key in ("truth", "scores")} for result in results])


def _description(folder: DataFolder) -> str:
    """Return the text of the competition's description, empty if there is none."""
    for file in folder.files:
        if file.name.lower() in ("description.md", "description.txt", "readme.md"):
            return folder.read(file).decode("utf-8", errors="replace")
    return ""


def _understand(
    folder: DataFolder, roles: Roles, test: pd.DataFrame, metric: str | None, description: str
) -> tuple[pd.DataFrame, list[Problem]]:
    """Return the train table and what is to be predicted; labels may be names of folders."""
    wants_probability = speaks_of_probability(description)
    reason = "no train table was found"
    if roles.train is not None:
        try:
            return roles.train, infer_problems(
                roles.sample, roles.targets, roles.train, set(test.columns), metric,
                wants_probability,
            )  # fmt: skip
        except CannotImproveError as error:
            reason = str(error)
    row_ids = test[roles.ids[0]].astype(str).tolist()
    labelled = labels_from_folders(folder.files, row_ids)
    if labelled is None:
        raise CannotImproveError(f"{reason}, and no folders of images that could be classes")
    labelled = labelled.rename(columns={"image": roles.ids[0]})
    return labelled, infer_problems(
        roles.sample, roles.targets, labelled, {*roles.ids}, metric, wants_probability
    )


def _limit_rows(
    train: pd.DataFrame, problems: list[Problem], seed: int, journal: Journal
) -> tuple[pd.DataFrame, list[Problem]]:
    """Keep a random part of the train rows if there are very many."""
    if len(train) <= MOST_TRAIN_ROWS:
        return train.reset_index(drop=True), problems
    journal.say(f"using {MOST_TRAIN_ROWS} of {len(train)} train rows")
    rows = np.sort(np.random.default_rng(seed).choice(len(train), MOST_TRAIN_ROWS, replace=False))
    limited = [
        Problem(problem.source, problem.columns, problem.fill, problem.classes, problem.spelling,
                problem.truth[rows])
        for problem in problems
    ]  # fmt: skip
    return train.iloc[rows].reset_index(drop=True), limited
