"""Infer what is to be predicted, and in which form the submission wants it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from roles import CannotImproveError

Fill = Literal["label", "positive", "per_class", "number", "whole_number"]
# Integers with at most this many values are classes, unless the metric's wording says otherwise.
FEW_VALUES = 30
MANY_CLASSES = 2000


@dataclass(frozen=True)
class Problem:
    """One thing to predict.

    Attributes
    ----------
    source : str
        The train column with the truth.
    columns : tuple[str, ...]
        The sample submission's columns to fill.
    fill : str
        ``label``: the most likely class; ``positive``: probability of the last class;
        ``per_class``: one probability column per class; ``number``/``whole_number``: a number.
    classes : tuple[str, ...]
        Spelled as in the train table; empty for numbers. For ``per_class``, class ``i`` belongs to
        ``columns[i]``.
    spelling : tuple[str, ...]
        The classes as the submission wants them.
    truth : numpy.ndarray
        Per train row: the class's index, or the number; NaN where unknown.
    """

    source: str
    columns: tuple[str, ...]
    fill: Fill
    classes: tuple[str, ...]
    spelling: tuple[str, ...]
    truth: np.ndarray

    @property
    def is_classification(self) -> bool:
        """Whether classes, not numbers, are predicted."""
        return self.fill in ("label", "positive", "per_class")


def infer_problems(
    sample: pd.DataFrame,
    targets: list[str],
    train: pd.DataFrame,
    known_in_test: set[str],
    metric: str | None,
    wants_probability: bool,
) -> list[Problem]:
    """Infer what the target columns of the sample submission ask for.

    Parameters
    ----------
    sample
        The sample submission, as text.
    targets
        Its columns to fill.
    train
        The train table; candidate columns are text.
    known_in_test
        Columns that the test rows have, which can't be the truth.
    metric, wants_probability
        What the description's wording suggests.

    Raises
    ------
    CannotImproveError
        If no column of the train table explains the target columns.
    """
    if all(column in train.columns for column in targets):
        if len(targets) > 1 and all(_is_binary_number(train[column]) for column in targets):
            return _binary_columns(train, targets)
        return [
            _single(column, column, train[column], sample[column], metric, wants_probability)
            for column in targets
        ]
    candidates = [column for column in train.columns if column not in known_in_test]
    if len(targets) > 1:
        for column in sorted(candidates, key=lambda name: train[name].nunique()):
            problem = _per_class(column, targets, train[column])
            if problem is not None:
                return [problem]
    else:
        same_name = [name for name in candidates if _plain(name) == _plain(targets[0])]
        chosen = same_name or candidates
        if len(chosen) == 1:
            return [
                _single(chosen[0], targets[0], train[chosen[0]], sample[targets[0]], metric,
                        wants_probability)
            ]  # fmt: skip
    raise CannotImproveError(
        f"no column of the train table explains {targets[:5]} of the sample submission "
        f"(columns that only the train table has: {candidates[:20]})"
    )


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def _numbers(column: pd.Series) -> pd.Series:
    """Read text as numbers, NaN where it is none."""
    return pd.to_numeric(column.astype(object), errors="coerce").astype(float)


def _is_binary_number(column: pd.Series) -> bool:
    values = _numbers(column[column.astype(str) != ""])
    return len(values) > 0 and bool(values.isin([0.0, 1.0]).all())


def _binary_columns(train: pd.DataFrame, targets: list[str]) -> list[Problem]:
    """Several 0/1 columns: one class each, or exactly one of them per row."""
    values = np.column_stack([_numbers(train[column]) for column in targets])
    if bool((values.sum(axis=1) == 1).all()):
        names = tuple(targets)
        truth = values.argmax(axis=1).astype(float)
        return [Problem(", ".join(targets), names, "per_class", names, names, truth)]
    return [
        Problem(column, (column,), "positive", ("0", "1"), ("0", "1"), values[:, index])
        for index, column in enumerate(targets)
    ]


def _per_class(column: str, targets: list[str], values: pd.Series) -> Problem | None:
    """Match the values of a train column with the names of the target columns."""
    seen = [value for value in values.astype(str).unique() if value != ""]
    if not seen or len(seen) > 2 * len(targets):
        return None
    prefix = re.sub(r"\d+$", "", _common_prefix(targets))
    spellings = (
        lambda text: text,
        _plain,
        lambda text: _plain(text[len(prefix) :] if text.startswith(prefix) else text),
    )
    for spell in spellings:
        to_column = {spell(name): index for index, name in enumerate(targets)}
        hits = sum(spell(value) in to_column for value in seen)
        if (
            hits >= 0.8 * len(seen)
            and hits >= 0.5 * len(targets)
            and len(to_column) == len(targets)
        ):
            indices = {value: to_column.get(spell(value), np.nan) for value in seen}
            truth = np.asarray([indices.get(value, np.nan) for value in values.astype(str)], float)
            names = tuple(targets)
            return Problem(column, names, "per_class", names, names, truth)
    return None


def _common_prefix(texts: list[str]) -> str:
    first, last = min(texts), max(texts)
    length = next(
        (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    return first[:length]


def _single(
    source: str,
    column: str,
    values: pd.Series,
    sample: pd.Series,
    metric: str | None,
    wants_probability: bool,
) -> Problem:
    """Decide between a class label, a probability and a number for one target column."""
    text = values.astype(str)
    known = text[text != ""]
    if known.empty:
        raise CannotImproveError(f"the train table has no value of {source!r}")
    numbers = _numbers(known)
    sample_numbers = _numbers(sample)
    sample_is_fractional = bool((sample_numbers.dropna() % 1 != 0).any())
    distinct = known.nunique()
    two_valued = distinct <= 2 and (bool(numbers.isna().any()) or bool((numbers % 1 == 0).all()))
    if two_valued:
        asks_probability = metric in ("auc", "log_loss") or (
            metric not in ("accuracy", "f1", "kappa") and wants_probability
        )
        # A sample submission full of names of classes wants such names.
        may_be_number = set(sample[sample_numbers.isna()].str.lower()) <= {"true", "false"}
        as_probability = sample_is_fractional or (asks_probability and may_be_number)
        return _classes(source, column, text, sample, "positive" if as_probability else "label")
    if numbers.notna().mean() < 0.95:
        if distinct > MANY_CLASSES or (distinct > 50 and distinct > 0.5 * len(known)):
            raise CannotImproveError(f"{source!r} has {distinct} different texts: no classes")
        return _classes(source, column, text, sample, "label")
    whole = bool((numbers.dropna() % 1 == 0).all())
    if whole and metric == "kappa":
        # Ordered grades: the rounded mean is a better answer than the likeliest grade.
        fill: Fill = "whole_number"
    elif whole and not sample_is_fractional and _means_classes(metric, distinct):
        return _classes(source, column, text, sample, "label")
    else:
        fill = "number"
    return Problem(source, (column,), fill, (), (), _numbers(text).to_numpy())


def _means_classes(metric: str | None, distinct: int) -> bool:
    """Tell whether whole numbers are class labels."""
    if metric in ("accuracy", "f1"):
        return distinct <= MANY_CLASSES
    return metric not in ("rmse", "rmsle", "mae", "r2") and distinct <= FEW_VALUES


def _classes(source: str, column: str, text: pd.Series, sample: pd.Series, fill: Fill) -> Problem:
    """Build a classification problem whose last class is the positive one."""
    classes = sorted((value for value in text.unique() if value != ""), key=_natural_order)
    positive = next((value for value in classes if _plain(value) == _plain(column)), None)
    if fill == "positive" and len(classes) == 2 and positive is not None:
        classes.sort(key=lambda value: value == positive)
    index = {value: float(position) for position, value in enumerate(classes)}
    truth = np.asarray([index.get(value, np.nan) for value in text], float)
    return Problem(source, (column,), fill, tuple(classes), _spelling(classes, sample), truth)


def _natural_order(value: str) -> tuple[int, float, str]:
    """Order numbers by size, before texts; ``False`` is before ``True``, ``no`` before ``yes``."""
    try:
        return 0, float(value), value
    except ValueError:
        return 1, 0.0, value.lower()


def _spelling(classes: list[str], sample: pd.Series) -> tuple[str, ...]:
    """Spell the classes as in train, or as numbers where the sample holds whole numbers."""
    samples = sample[sample.astype(str) != ""].astype(str)
    if samples.empty or not samples.str.fullmatch(r"-?\d+").all():
        return tuple(classes)
    numbers = {"false": "0", "true": "1"}
    spelled = []
    for value in classes:
        if re.fullmatch(r"-?\d+\.0+", value):
            value = value.split(".")[0]
        spelled.append(numbers.get(value.lower(), value))
    return tuple(spelled)
