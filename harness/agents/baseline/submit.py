"""Write submissions: always complete, always in the sample submission's form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from schema import Problem
from storage import write_bytes
from validation import as_probabilities


def write_submission(sample: pd.DataFrame, answers: dict[str, list[str]], target: Path) -> None:
    """Write the sample submission with some columns replaced.

    Parameters
    ----------
    sample
        All cells as text; columns, rows and their order are kept.
    answers
        Column -> one text per row.
    target
        The file to write.
    """
    table = sample.copy()
    for column, values in answers.items():
        if len(values) != len(table):
            raise ValueError(f"{column}: {len(values)} answers for {len(table)} rows")
        table[column] = pd.Series(values, index=table.index, dtype=object)
    write_bytes(table.to_csv(index=False).encode("utf-8"), target)


def answers_of(problem: Problem, predicted: np.ndarray) -> dict[str, list[str]]:
    """Turn predictions into the cells of a submission.

    Parameters
    ----------
    problem
        What was asked.
    predicted
        Shape (rows, classes) of probabilities, or (rows, 1) of numbers.

    Returns
    -------
    dict
        Column of the submission -> one text per row.
    """
    if problem.fill == "label":
        labels = predicted.argmax(axis=1)
        return {problem.columns[0]: [problem.spelling[label] for label in labels]}
    if problem.fill == "positive":
        if len(problem.classes) == 1:
            certain = problem.classes[0].lower() not in ("0", "0.0", "false", "no")
            return {problem.columns[0]: [repr(float(certain))] * len(predicted)}
        return {problem.columns[0]: _texts(as_probabilities(predicted)[:, 1])}
    if problem.fill == "per_class":
        probabilities = as_probabilities(predicted)
        return {
            column: _texts(probabilities[:, index]) for index, column in enumerate(problem.columns)
        }
    known = problem.truth[~np.isnan(problem.truth)]
    numbers = np.clip(predicted[:, 0], known.min(), known.max())
    if problem.fill == "whole_number":
        return {problem.columns[0]: [str(round(float(number))) for number in numbers]}
    return {problem.columns[0]: _texts(numbers)}


def _texts(numbers: np.ndarray) -> list[str]:
    """Spell numbers so that reading them gives the same numbers."""
    return [repr(float(number)) for number in numbers]
