"""Scores equal those of scikit-learn, bit for bit where its versions agree with each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import xlogy

from mlebench_data.metrics.registry import load_function

ROWS = st.integers(1, 400)
SEEDS = st.integers(0, 2**32 - 1)
SCALES = st.sampled_from([1e-300, 1e-8, 1.0, 1e3, 1e150])


def old_log_loss(one_hot: Any, probabilities: Any) -> float:
    """The formula of scikit-learn 1.5."""
    eps = np.finfo(probabilities.dtype).eps
    return float(np.average(-xlogy(one_hot, np.clip(probabilities, eps, 1 - eps)).sum(axis=1)))


def rounded_sometimes(random: np.random.Generator, values: Any) -> Any:
    """Produce ties and exact bounds in some of the runs."""
    return np.round(values, 1) if random.integers(2) else values


@given(rows=ROWS, seed=SEEDS, kind=st.sampled_from(["int", "bool", "text"]))
@settings(max_examples=50, deadline=None)
def test_accuracy(rows: int, seed: int, kind: str) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2 if kind == "bool" else 4, size=(2, rows))
    truth, predicted = labels.astype({"int": np.int64, "bool": np.bool_, "text": str}[kind])
    ours = load_function("accuracy")(truth, predicted)
    assert ours == sklearn.metrics.accuracy_score(truth, predicted)


@given(truth=st.lists(st.text(max_size=3), min_size=1, max_size=30), data=st.data())
@settings(max_examples=50, deadline=None)
def test_accuracy_of_any_text(truth: list[str], data: st.DataObject) -> None:
    predicted = [data.draw(st.sampled_from([label, label + " ", label + "\0"])) for label in truth]
    expected = sum(t == p for t, p in zip(truth, predicted, strict=True)) / len(truth)
    assert load_function("accuracy")(truth, predicted) == expected


@given(rows=st.integers(2, 400), seed=SEEDS, scale=SCALES)
@settings(max_examples=100, deadline=None)
def test_roc_auc(rows: int, seed: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, rows)
    truth[:2] = 0, 1
    scores = rounded_sometimes(random, random.normal(size=rows) + truth) * scale
    ours = load_function("roc_auc")(truth, scores)
    assert ours == sklearn.metrics.roc_auc_score(truth, scores)
    difference = scores[truth == 1][:, None] - scores[truth == 0]
    assert ours == pytest.approx(np.mean((difference > 0) + 0.5 * (difference == 0)), abs=1e-12)


@given(rows=ROWS, seed=SEEDS)
@settings(max_examples=100, deadline=None)
def test_log_loss(rows: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, rows)
    probabilities = rounded_sometimes(random, random.beta(0.1, 0.1, rows))
    ours = load_function("log_loss")(truth, probabilities)
    eps = np.finfo(np.float64).eps
    clipped = np.clip(probabilities, eps, 1 - eps)
    assert ours == old_log_loss(
        np.column_stack([1 - truth, truth]), np.column_stack([1 - clipped, clipped])
    )
    theirs = sklearn.metrics.log_loss(truth, probabilities, labels=[0, 1])
    assert ours == pytest.approx(theirs, rel=1e-14)


@pytest.mark.filterwarnings("ignore:The y_prob values do not sum to one:UserWarning")
@pytest.mark.filterwarnings("ignore:The y_pred values do not sum to one:UserWarning")
@given(rows=ROWS, classes=st.integers(2, 40), seed=SEEDS)
@settings(max_examples=100, deadline=None)
def test_multiclass_log_loss(rows: int, classes: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    positions = random.integers(0, classes, rows)
    one_hot = np.eye(classes)[positions]
    table = rounded_sometimes(random, random.dirichlet(np.full(classes, 0.3), rows))
    function = load_function("multiclass_log_loss")
    ours = function(one_hot, table, sum_tolerance=None)
    assert ours == function(positions, table, sum_tolerance=None)
    assert ours == old_log_loss(one_hot, table)
    theirs = sklearn.metrics.log_loss(positions, table, labels=range(classes))
    assert ours == pytest.approx(theirs, rel=1e-14)


@given(rows=ROWS, seed=SEEDS, scale=SCALES)
@settings(max_examples=100, deadline=None)
def test_rmse(rows: int, seed: int, scale: float) -> None:
    truth, predicted = np.random.default_rng(seed).normal(size=(2, rows)) * scale
    ours = load_function("rmse")(truth, predicted)
    assert ours == sklearn.metrics.root_mean_squared_error(truth, predicted)


@given(rows=ROWS, columns=st.integers(1, 12), seed=SEEDS, scale=SCALES)
@settings(max_examples=100, deadline=None)
def test_columnwise_rmsle(rows: int, columns: int, seed: int, scale: float) -> None:
    tables = np.random.default_rng(seed).exponential(size=(2, rows, columns)) * scale
    expected: Callable[..., float] = sklearn.metrics.root_mean_squared_log_error
    ours = load_function("columnwise_rmsle")(*tables)
    # numpy's logarithm may differ in the last bit between dense and strided columns.
    columns = np.ascontiguousarray(tables.transpose(0, 2, 1))
    assert ours == np.mean([expected(t, p) for t, p in zip(*columns, strict=True)])
    assert ours == pytest.approx(expected(*tables, multioutput="uniform_average"), rel=1e-12)
