"""Cross-validate the models for one problem, blend them and submit, in the time given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from clock import Clock
from contract import Contract
from features import Features
from journal import Journal
from models import Setting
from roles import CannotImproveError
from schema import Problem
from scores import describe_scores
from submit import answers_of, write_submission
from validation import Trial, blend, blended, make_folds, try_candidate

# A candidate may take this share of the time that is left for its problem.
SHARE_OF_TIME = 0.45


@dataclass(frozen=True)
class Session:
    """What all problems of a run share."""

    contract: Contract
    clock: Clock
    journal: Journal
    processors: int
    metric: str | None
    sample: pd.DataFrame


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


def solve_problem(
    problem: Problem,
    features: Features,
    test_rows: int,
    most_seconds: float,
    session: Session,
    answers: dict[str, list[str]],
) -> dict[str, Any]:
    """Solve one problem; every better blend is submitted at once.

    Parameters
    ----------
    problem, features, test_rows
        What to predict, from what, and for how many rows.
    most_seconds
        The time that the problem may take.
    session
        Limits, log, metric and sample submission.
    answers
        Filled columns of the submission, also of other problems; this one's are added.

    Returns
    -------
    dict
        The truth's name, the models with their scores, the blend's weights and scores.

    Raises
    ------
    CannotImproveError
        If the truth is not known for any row.
    """
    contract, clock, journal, metric = (
        session.contract, session.clock, session.journal, session.metric
    )  # fmt: skip
    result: dict[str, Any] = {"truth": problem.source}
    until = clock.elapsed() + most_seconds
    rows = np.flatnonzero(~np.isnan(problem.truth))
    if len(rows) == 0:
        raise CannotImproveError(f"the truth of {problem.source!r} is not known for any train row")
    truth = problem.truth[rows]
    outputs = len(problem.classes)

    def submit(trials: list[Trial]) -> dict[str, float]:
        weights = blend(trials, truth, metric)
        answers.update(answers_of(problem, blended(trials, weights, "test")))
        write_submission(session.sample, answers, contract.submission_file)
        if set(weights) != {"constant"}:
            journal.note(outcome="improved")
        elif journal.facts["outcome"] != "improved":
            journal.note(outcome="constant predictions")
        return weights

    trials = [_constant(problem, truth, test_rows, metric)]
    weights = submit(trials)
    candidates = []
    if len(rows) >= 4 and len(np.unique(truth)) > 1:
        setting = Setting(problem.is_classification, outputs, len(rows), metric,
                          float(truth.min()), contract.seed,
                          session.processors)  # fmt: skip
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
    return result
