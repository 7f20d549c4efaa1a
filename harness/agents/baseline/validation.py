"""Cross-validate candidates within the time that is left, and blend the good ones."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from models import Candidate
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

SMALL_PROBE_ROWS = 2000
# Below this number of cells of the matrix one thread is fastest.
MANY_CELLS = 3_000_000
LOWEST_PROBABILITY = 1e-7


@dataclass
class Trial:
    """What came out of one candidate.

    Attributes
    ----------
    name : str
        The candidate's name.
    out_of_fold : numpy.ndarray
        Shape (train rows, outputs); NaN for rows that no finished fold held out.
    test : numpy.ndarray
        Shape (test rows, outputs).
    folds, fit_rows : int
        Finished folds, and the rows that each was fitted on.
    seconds : float
        What it took.
    """

    name: str
    out_of_fold: np.ndarray
    test: np.ndarray
    folds: int
    fit_rows: int
    seconds: float

    @property
    def is_complete(self) -> bool:
        """Whether every train row was held out once."""
        return not bool(np.isnan(self.out_of_fold).any())


def make_folds(truth: np.ndarray, is_classification: bool, seed: int) -> list[Any]:
    """Cut the rows into 5 folds (3 for many rows), with equal shares of the classes.

    Returns
    -------
    list of (numpy.ndarray, numpy.ndarray)
        Row numbers to fit on and to hold out; at least two folds need two rows.
    """
    count = min(5 if len(truth) < 10_000 else 3, len(truth))
    if is_classification and np.bincount(truth.astype(int)).max() >= count:
        splitter: Any = StratifiedKFold(count, shuffle=True, random_state=seed)
    else:
        splitter = KFold(count, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # Rare classes have fewer rows than there are folds; that is no problem here.
        warnings.simplefilter("ignore", UserWarning)
        return list(splitter.split(np.zeros(len(truth)), truth))


def try_candidate(
    candidate: Candidate,
    truth: np.ndarray,
    outputs: int,
    folds: list[Any],
    most_seconds: float,
    seed: int,
) -> Trial | None:
    """Cross-validate a candidate in at most about ``most_seconds``.

    A first fit on few rows tells how many rows can be afforded.

    Parameters
    ----------
    candidate
        The model and its features.
    truth
        Class numbers or values, shape (train rows,).
    outputs
        Number of classes, or 0 for numbers.
    folds
        From `make_folds`.
    most_seconds, seed
        Limit, and seed of the choice of rows.

    Returns
    -------
    Trial or None
        None if there is not enough time for one fold.
    """
    started = time.monotonic()
    random = np.random.default_rng(seed)
    fit_rows = all_rows = min(len(fit) for fit, _ in folds)
    if fit_rows > 2 * SMALL_PROBE_ROWS:
        rows = random.choice(folds[0][0], SMALL_PROBE_ROWS, replace=False)
        _predict(candidate, truth, rows, [candidate.train[folds[0][1][:500]]], outputs)
        probe_seconds = time.monotonic() - started
        affordable = SMALL_PROBE_ROWS * most_seconds / (len(folds) + 1) / max(probe_seconds, 0.01)
        if affordable < SMALL_PROBE_ROWS:
            return None
        fit_rows = int(min(fit_rows, affordable))
    width = max(outputs, 1)
    out_of_fold = np.full((len(truth), width), np.nan)
    test = np.zeros((candidate.test.shape[0], width))
    done = 0
    for fit, held_out in folds:
        rows = fit if fit_rows == all_rows else random.choice(fit, fit_rows, replace=False)
        matrices = [candidate.train[held_out], candidate.test]
        out_of_fold[held_out], of_test = _predict(candidate, truth, rows, matrices, outputs)
        test += of_test
        done += 1
        spent = time.monotonic() - started
        if spent + spent / done > most_seconds:
            break
    spent = time.monotonic() - started
    test /= done
    if candidate.ending == "refit" and done == len(folds) and spent * 1.5 < most_seconds:
        rows = np.arange(len(truth))
        if fit_rows < all_rows:
            rows = random.choice(rows, fit_rows, replace=False)
        test = _predict(candidate, truth, rows, [candidate.test], outputs)[0]
    return Trial(candidate.name, out_of_fold, test, done, fit_rows, time.monotonic() - started)


def _predict(
    candidate: Candidate, truth: np.ndarray, rows: np.ndarray, matrices: list[Any], outputs: int
) -> list[np.ndarray]:
    """Fit on some rows and predict matrices, shape (rows, outputs) each."""
    values = truth[rows]
    if candidate.transform == "log":
        values = np.log1p(values)
    present = np.unique(values).astype(int) if outputs else np.asarray([], dtype=int)
    if outputs and len(present) == 1:
        # Only one class was seen: there is nothing to fit.
        certain = np.eye(outputs)[present[0]]
        return [np.tile(certain, (matrix.shape[0], 1)) for matrix in matrices]
    model = candidate.make()
    # Threads that wait for each other cost more than they save on small data, above all on a busy
    # machine (measured: boosting on 1,700 rows took 0.6 s with one thread and 5 s with two).
    threads = 1 if len(rows) * candidate.train.shape[1] < MANY_CELLS else None
    with threadpool_limits(threads), warnings.catch_warnings():
        # Few iterations are chosen on purpose, and rare classes are known.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", FutureWarning)
        model.fit(candidate.train[rows], values.astype(int) if outputs else values)
    predictions = []
    for matrix in matrices:
        if matrix.shape[0] == 0:
            predictions.append(np.zeros((0, max(outputs, 1))))
        elif outputs:
            probabilities = np.zeros((matrix.shape[0], outputs))
            probabilities[:, np.asarray(model.classes_, dtype=int)] = model.predict_proba(matrix)
            predictions.append(np.nan_to_num(probabilities, nan=1.0 / outputs))
        else:
            numbers = np.asarray(model.predict(matrix), dtype=float).reshape(-1, 1)
            if candidate.transform == "log":
                numbers = np.expm1(np.clip(numbers, -50, 50))
            # What a model says beyond the range ever seen is nearly always wrong.
            low, high = truth[rows].min(), truth[rows].max()
            predictions.append(np.clip(np.nan_to_num(numbers, nan=low), low, high))
    return predictions


def loss_of(truth: np.ndarray, predicted: np.ndarray, metric: str | None) -> float:
    """Return the loss that blends are chosen by; lower is better.

    Log loss for classes, unless the metric is the area under the ROC curve (then one minus it);
    for numbers the metric itself, or the root mean squared error.
    """
    if predicted.shape[1] > 1:
        if metric == "auc" and predicted.shape[1] == 2 and len(np.unique(truth)) == 2:
            return 1.0 - float(roc_auc_score(truth, predicted[:, 1]))
        chosen = as_probabilities(predicted)[np.arange(len(truth)), truth.astype(int)]
        return float(-np.log(chosen).mean())
    error = predicted[:, 0] - truth
    if metric == "mae":
        return float(np.abs(error).mean())
    if metric == "rmsle" and truth.min() >= 0:
        error = np.log1p(np.maximum(predicted[:, 0], 0)) - np.log1p(truth)
    return float(np.sqrt((error**2).mean()))


def as_probabilities(predicted: np.ndarray) -> np.ndarray:
    """Clip to (0, 1) and scale each row to the sum 1."""
    clipped = np.clip(predicted, LOWEST_PROBABILITY, 1 - LOWEST_PROBABILITY)
    return np.asarray(clipped / clipped.sum(axis=1, keepdims=True))


def blend(trials: list[Trial], truth: np.ndarray, metric: str | None) -> dict[str, float]:
    """Choose the weights of an average by adding, again and again, the trial that helps most.

    The first trial is the constant one. Only complete trials take part, as the others cannot be
    compared with them; but if the constant one alone is complete, the best unfinished one replaces
    it where it is better. Greedy selection with replacement is due to Caruana
    et al., "Ensemble selection from libraries of models" (ICML 2004).

    Returns
    -------
    dict
        Name of a trial -> weight above 0; the weights' sum is 1.
    """
    complete = [trial for trial in trials if trial.is_complete]
    if len(complete) == 1:
        gains = {trial.name: _gain(trial, complete[0], truth, metric) for trial in trials}
        return {max(gains, key=lambda name: gains[name]): 1.0}
    total = np.zeros_like(complete[0].out_of_fold)
    picks: list[str] = []
    best = np.inf
    for size in range(1, 21):
        losses = [loss_of(truth, (total + trial.out_of_fold) / size, metric) for trial in complete]
        index = int(np.argmin(losses))
        if losses[index] >= best - 1e-6:
            break
        best = losses[index]
        total += complete[index].out_of_fold
        picks.append(complete[index].name)
    if not picks:
        picks = [complete[0].name]
    return {name: picks.count(name) / len(picks) for name in dict.fromkeys(picks)}


def _gain(trial: Trial, other: Trial, truth: np.ndarray, metric: str | None) -> float:
    """Return by how much a trial's loss is smaller than another's, on the rows it has."""
    rows = ~np.isnan(trial.out_of_fold[:, 0])
    losses = [loss_of(truth[rows], each.out_of_fold[rows], metric) for each in (other, trial)]
    return losses[0] - losses[1]


def blended(trials: list[Trial], weights: dict[str, float], part: str) -> np.ndarray:
    """Return the weighted average of ``out_of_fold`` or ``test`` predictions."""
    by_name = {trial.name: trial for trial in trials}
    return np.asarray(
        sum(weight * getattr(by_name[name], part) for name, weight in weights.items())
    )
