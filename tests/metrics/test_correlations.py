"""Correlations equal SciPy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from mlebench_data.metrics.registry import load_function

SEEDS = st.integers(0, 2**32 - 1)
NAN = float("nan")
INF = float("inf")


@given(rows=st.integers(2, 200), seed=SEEDS, scale=st.sampled_from([1e-30, 1.0, 1e6]))
@settings(max_examples=60, deadline=None)
def test_pearson(rows: int, seed: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 5, rows) / 4
    truth[:2] = 0.0, 1.0
    predicted = (truth + random.normal(0, 1, rows)) * scale
    expected = scipy.stats.pearsonr(truth, predicted).statistic
    assert load_function("pearson")(truth, predicted) == pytest.approx(
        expected, rel=1e-9, abs=1e-12
    )


def test_pearson_of_extreme_values() -> None:
    pearson = load_function("pearson")
    largest = np.finfo(np.float64).max
    assert pearson([0, 1, 2], [-largest, 0.0, largest]) == pytest.approx(1.0)
    assert pearson([0, 1, 2], [0.0, 5e-324, 1e-323]) == pytest.approx(1.0)
    assert pearson([1e300, -1e300], [0, 1]) == pytest.approx(-1.0)


@pytest.mark.parametrize("predicted", [[1.0, 1.0, 1.0], [1.0, NAN, 2.0], [INF, 0.0, 1.0]])
def test_pearson_without_a_value(predicted: list[float]) -> None:
    pearson = load_function("pearson")
    assert math.isnan(pearson([0.0, 1.0, 0.5], predicted, undefined="nan"))
    with pytest.raises(ValueError, match=r"^predictions: must"):
        pearson([0.0, 1.0, 0.5], predicted)
    with pytest.raises(ValueError, match=r"^predictions: must have the shape"):
        pearson([0.0, 1.0], predicted, undefined="nan")


@given(rows=st.integers(3, 100), columns=st.integers(1, 5), seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_columnwise_spearman(rows: int, columns: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 4, (rows, columns)) / 3
    truth[:2] = [[0.0], [1.0]]
    predicted = np.round(truth + random.normal(0, 1, truth.shape), 1)
    predicted[:2] += [[0.0], [9.0]]
    expected = [
        scipy.stats.spearmanr(*pair).statistic for pair in zip(truth.T, predicted.T, strict=True)
    ]
    ours = load_function("columnwise_spearman")(truth, predicted)
    assert ours == pytest.approx(np.mean(expected), rel=1e-10, abs=1e-12)


def test_spearman_without_a_value() -> None:
    spearman = load_function("columnwise_spearman")
    truth = [[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]]
    for predicted in ([[1, 1], [1, 2], [1, 3]], [[NAN, 1.0], [1.0, 2.0], [2.0, 3.0]]):
        assert math.isnan(spearman(truth, predicted, undefined="nan"))
        with pytest.raises(ValueError, match=r"^predictions: must"):
            spearman(truth, predicted)
    infinite = [[-INF, INF], [INF, -INF], [0.0, 0.0]]
    assert spearman(truth, infinite, undefined="nan") == 1.0
    with pytest.raises(ValueError, match=r"^predictions: must be finite"):
        spearman(truth, infinite)
    with pytest.raises(ValueError, match=r"^references: must not all be equal; column 1"):
        spearman([[0, 1], [1, 1]], [[0, 1], [1, 2]])
