"""Describe predictions by the usual scores, for the log."""

from __future__ import annotations

import numpy as np
from schema import Problem
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score
from validation import loss_of


def describe_scores(
    problem: Problem, truth: np.ndarray, predicted: np.ndarray, metric: str | None
) -> dict[str, float]:
    """Return scores by name, rounded to 5 digits.

    Parameters
    ----------
    problem
        What was asked.
    truth
        Class numbers or values, shape (rows,).
    predicted
        Probabilities of shape (rows, classes), or numbers of shape (rows, 1).
    metric
        The name of a metric to include where it applies.
    """
    if not problem.is_classification:
        names = ["rmse", "mae"] + (["rmsle"] if metric == "rmsle" and truth.min() >= 0 else [])
        return {name: round(loss_of(truth, predicted, name), 5) for name in names}
    labels = predicted.argmax(axis=1)
    scores = {"accuracy": float(accuracy_score(truth.astype(int), labels))}
    if predicted.shape[1] > 1:
        scores["log_loss"] = loss_of(truth, predicted, "log_loss")
    if predicted.shape[1] == 2 and len(np.unique(truth)) == 2:
        scores["auc"] = float(roc_auc_score(truth, predicted[:, 1]))
    if metric == "f1":
        average = "binary" if predicted.shape[1] == 2 else "macro"
        scores["f1"] = float(f1_score(truth.astype(int), labels, average=average, zero_division=0))
    return {name: round(value, 5) for name, value in scores.items()}
