"""From the files to predictions: understand, build features, cross-validate, blend, submit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from clock import Clock
from contract import Contract
from discover import DataFile, DataFolder, find_tables
from features import Features, build_features
from features_images import labels_from_folders
from journal import Journal
from metric_wording import guess_metric, speaks_of_probability
from models import Setting
from roles import CannotImproveError, Roles, align_test, assign_roles
from schema import Problem, infer_problems
from scores import describe_scores
from submit import answers_of, write_submission
from validation import Trial, blend, blended, make_folds, try_candidate

# More train rows than this are not worth their time and memory here.
MOST_TRAIN_ROWS = 150_000
# A candidate may take this share of the time that is left for its problem.
SHARE_OF_TIME = 0.45


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
    truths = {problem.source for problem in problems} | set(roles.targets)
    shared = [name for name in train.columns if name in test.columns and name not in truths]
    features = build_features(
        folder, train[shared], test[shared], _ids_of(roles, shared), clock, processors, journal
    )
    answers: dict[str, list[str]] = {}
    results: list[dict[str, Any]] = []
    for number, problem in enumerate(problems):
        share = clock.remaining() / (len(problems) - number)
        results.append({"truth": problem.source})
        _solve_one(
            problem, features, len(test), metric, share, contract, clock, journal, processors,
            results[-1], answers, roles.sample,
        )  # fmt: skip
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


def _ids_of(roles: Roles, shared: list[str]) -> list[str]:
    missing = [name for name in roles.ids if name not in shared]
    if missing:
        raise CannotImproveError(f"the train table lacks the id column {missing[0]!r}")
    return roles.ids


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


def _constant(problem: Problem, truth: np.ndarray, rows: int, metric: str | None) -> Trial:
    """Predict the same for every row: the shares of the classes, the mean or the median."""
    if problem.is_classification:
        count = len(problem.classes)
        value = (np.bincount(truth.astype(int), minlength=count) + 0.01) / (
            len(truth) + 0.01 * count
        )
    elif metric == "rmsle" and truth.min() >= 0:
        value = np.asarray([np.expm1(np.log1p(truth).mean())])
    else:
        value = np.asarray([np.median(truth) if metric == "mae" else truth.mean()])
    return Trial(
        "constant", np.tile(value, (len(truth), 1)), np.tile(value, (rows, 1)), 1, len(truth), 0.0
    )


def _solve_one(
    problem: Problem,
    features: Features,
    test_rows: int,
    metric: str | None,
    most_seconds: float,
    contract: Contract,
    clock: Clock,
    journal: Journal,
    processors: int,
    result: dict[str, Any],
    answers: dict[str, list[str]],
    sample: pd.DataFrame,
) -> None:
    """Solve one problem; every better blend is submitted at once."""
    until = clock.elapsed() + most_seconds
    rows = np.flatnonzero(~np.isnan(problem.truth))
    if len(rows) == 0:
        raise CannotImproveError(f"the truth of {problem.source!r} is not known for any train row")
    truth = problem.truth[rows]
    outputs = len(problem.classes)

    def submit(trials: list[Trial]) -> dict[str, float]:
        weights = blend(trials, truth, metric)
        answers.update(answers_of(problem, blended(trials, weights, "test")))
        write_submission(sample, answers, contract.submission_file)
        journal.note(outcome="improved")
        return weights

    trials = [_constant(problem, truth, test_rows, metric)]
    weights = submit(trials)
    candidates = []
    if len(rows) >= 4 and len(np.unique(truth)) > 1:
        setting = Setting(problem.is_classification, outputs, len(rows), metric,
                          float(truth.min()), contract.seed, processors)  # fmt: skip
        candidates = features.candidates(rows, setting)
        folds = make_folds(truth, problem.is_classification, contract.seed)
    for candidate in candidates:
        left = until - clock.elapsed()
        if left < 0.2:
            journal.warn(f"no time for {candidate.name}")
            continue
        trial = try_candidate(candidate, truth, outputs, folds, left * SHARE_OF_TIME, contract.seed)
        if trial is None:
            journal.warn(f"no time for {candidate.name}")
            continue
        trials.append(trial)
        finished = ~np.isnan(trial.out_of_fold[:, 0])
        scores = describe_scores(problem, truth[finished], trial.out_of_fold[finished], metric)
        journal.say(f"{trial.name}: {scores}, {trial.folds} folds of {trial.fit_rows} rows, "
                    f"{trial.seconds:.1f} s")  # fmt: skip
        result.setdefault("models", []).append(
            {"name": trial.name, "scores": scores, "folds": trial.folds,
             "fit_rows": trial.fit_rows, "seconds": round(trial.seconds, 2)}
        )  # fmt: skip
        weights = submit(trials)
    chosen = [trial for trial in trials if trial.name in weights]
    if all(trial.is_complete for trial in chosen):
        mixed = blended(trials, weights, "out_of_fold")
        result["scores"] = describe_scores(problem, truth, mixed, metric)
    result["weights"] = {name: round(weight, 3) for name, weight in weights.items()}
    journal.say(f"{problem.source!r}: {result.get('scores')} with {result['weights']}")
