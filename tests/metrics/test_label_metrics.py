"""Metrics of labels equal scikit-learn's, and plain counting."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import MultiLabelBinarizer

from mlebench_data.metrics.registry import load_function

ROWS = st.integers(1, 200)
SEEDS = st.integers(0, 2**32 - 1)
TOKENS = st.sampled_from(["a", "b", "c", "A", "01", "1", "zz", "é"])
CELLS = st.lists(TOKENS, max_size=4)


@given(rows=ROWS, seed=SEEDS, spread=st.sampled_from([1, 2, 5, 1000, 10**12]))
@settings(max_examples=60, deadline=None)
def test_kappa(rows: int, seed: int, spread: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 6, rows)
    predicted = np.where(random.random(rows) < 0.5, truth, random.integers(-spread, spread, rows))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = sklearn.metrics.cohen_kappa_score(truth, predicted, weights="quadratic")
    ours = load_function("quadratic_weighted_kappa")(truth, predicted.astype(float))
    assert ours == pytest.approx(expected, rel=1e-12, abs=1e-14, nan_ok=True)


@given(pairs=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=50))
@settings(max_examples=60, deadline=None)
def test_kappa_on_a_given_scale(pairs: list[tuple[int, int]]) -> None:
    truth, predicted = zip(*pairs, strict=True)
    observed = sum((t - p) ** 2 for t, p in pairs)
    by_chance = sum((t - p) ** 2 for t in truth for p in predicted) / len(pairs)
    ours = load_function("quadratic_weighted_kappa")(truth, predicted, labels=[1, 2, 3, 4, 5, 6])
    assert ours == pytest.approx(1 - observed / by_chance if by_chance else math.nan, nan_ok=True)


@pytest.mark.parametrize(
    ("parameters", "predictions", "message"),
    [
        ({}, [0, 1.5], "predictions: must be whole numbers; row 1 holds 1.5"),
        ({"labels": [0, 1, 2]}, [0, 7], "predictions: must be one of 0, 1, 2; row 1 holds 7.0"),
        ({"labels": [1, 0]}, [0, 1], "labels: must be two or more, in ascending order"),
        ({"labels": [1]}, [1, 1], "labels: must be two or more, in ascending order"),
    ],
)
def test_kappa_refuses(parameters: dict[str, Any], predictions: list[Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        load_function("quadratic_weighted_kappa")([0, 1], predictions, **parameters)
    assert str(caught.value).startswith(message)


def test_kappa_of_one_label_is_not_defined() -> None:
    assert math.isnan(load_function("quadratic_weighted_kappa")([3, 3], [3, 3]))


@given(rows=st.integers(2, 300), columns=st.integers(1, 9), seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_columnwise_roc_auc(rows: int, columns: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, (rows, columns))
    truth[0], truth[1] = 0, 1
    scores = np.round(random.normal(size=(rows, columns)) + truth, 1)
    ours = load_function("columnwise_roc_auc")(truth, scores)
    assert ours == pytest.approx(sklearn.metrics.roc_auc_score(truth, scores), rel=1e-14)
    single = load_function("roc_auc")(truth[:, 0], scores[:, 0])
    assert load_function("columnwise_roc_auc")(truth[:, 0], scores[:, 0]) == single


def test_columnwise_roc_auc_needs_both_classes() -> None:
    with pytest.raises(ValueError, match="every row of column 1 holds 1") as caught:
        load_function("columnwise_roc_auc")([[0, 1], [1, 1]], [[0.1, 0.2], [0.3, 0.4]])
    assert caught.value.argument == "references"  # type: ignore[attr-defined]


@pytest.mark.parametrize("average", ["macro", "micro"])
@given(rows=ROWS, seed=SEEDS, text=st.booleans())
@settings(max_examples=60, deadline=None)
def test_f1(average: str, rows: int, seed: int, text: bool) -> None:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 6, rows)
    predicted = np.where(random.random(rows) < 0.5, truth, random.integers(-2, 12, rows))
    if text:
        truth, predicted = truth.astype(str), predicted.astype(str)
    expected = sklearn.metrics.f1_score(truth, predicted, average=average, zero_division=0)
    ours = load_function("f1")(truth, predicted, average=average)
    assert ours == pytest.approx(expected, rel=1e-14)


@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=40), closed=st.booleans())
@settings(max_examples=100, deadline=None)
def test_multilabel_f1(rows: list[tuple[list[str], list[str]]], closed: bool) -> None:
    truth, predicted = zip(*rows, strict=True)
    known = {label for labels in truth for label in labels}
    hits = found = 0
    for true_labels, labels in rows:
        counted = set(labels) & known if closed else set(labels)
        hits += len(set(true_labels) & counted)
        found += len(set(true_labels)) + len(counted)
    function = load_function("multilabel_f1")
    vocabulary = "references" if closed else "all"
    ours = function(truth, predicted, vocabulary=vocabulary)
    assert ours == (2 * hits / found if found else 0.0)
    as_text = [[" ".join(labels) for labels in side] for side in (truth, predicted)]
    assert function(*as_text, vocabulary=vocabulary) == ours
    # Of a single class scikit-learn would make a binary problem.
    if len(known) > 1 and closed:
        binarizer = MultiLabelBinarizer(classes=sorted(known))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            matrices = [binarizer.fit_transform(side) for side in (truth, predicted)]
        expected = sklearn.metrics.f1_score(*matrices, average="micro", zero_division=0)
        assert ours == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("name", "references", "predictions", "parameters", "message"),
    [
        ("f1", ["a"], [1], {}, "predictions: must be text like the references"),
        ("f1", [1], [1], {"average": "samples"}, "average: must be 'macro' or 'micro'"),
        ("multilabel_f1", ["a"], ["a"], {"vocabulary": "x"}, "vocabulary: must be 'all' or"),
        ("multilabel_f1", ["a"], [1], {}, "predictions: must be text; row 0 holds 1"),
        ("multilabel_f1", [["a"]], [[1]], {}, "predictions: must be text or lists of text; row 0"),
        ("multilabel_f1", ["a", "b"], ["a", ["b"]], {}, "predictions: must be an array of"),
    ],
)
def test_refusal(
    name: str, references: Any, predictions: Any, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError) as caught:
        load_function(name)(references, predictions, **parameters)
    assert str(caught.value).startswith(message)
