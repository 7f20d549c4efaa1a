"""Weighted ROC AUC and weighted multi-label log loss against their plain definitions."""

from __future__ import annotations

import itertools
from math import log
from typing import Any

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from mlebench_data.metrics.registry import load_function

SEEDS = st.integers(0, 2**32 - 1)
PARTS = ["overall", "C1", "C2"]
WEIGHTS = {"overall": 7.0, "C1": 1.0, "C2": 0.5}


def _area_of_band(truth: np.ndarray, scores: np.ndarray, low: float, high: float) -> float:
    """Area of a band below the ROC curve: the curve read sideways, exactly between its corners."""
    points = [(0.0, 0.0)]
    for threshold in sorted(set(scores), reverse=True):
        seen = scores >= threshold
        points.append((float(np.mean(seen[truth == 0])), float(np.mean(seen[truth == 1]))))
    area = 0.0
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        bottom, top = max(y0, low), min(y1, high)
        if bottom < top:
            # What lies right of this piece of the curve; the mean distance is that of its middle.
            middle = x0 + (x1 - x0) * ((bottom + top) / 2 - y0) / (y1 - y0)
            area += (top - bottom) * (1 - middle)
    return area


@given(
    seed=SEEDS,
    rows=st.integers(2, 40),
    digits=st.integers(0, 2),
    bands=st.sampled_from(
        [([0, 0.4, 1], [2, 1]), ([0, 1], [3]), ([0, 0.2, 0.5, 1], [1, 0, 2.5])],
    ),
)
@settings(max_examples=100, deadline=None)
def test_weighted_roc_auc(seed: int, rows: int, digits: int, bands: Any) -> None:
    random = np.random.default_rng(seed)
    truth = np.r_[0, 1, random.integers(0, 2, rows - 2)]
    scores = np.round(random.normal(0.5 * truth, 1), digits)
    limits, weights = bands
    areas = [_area_of_band(truth, scores, low, high) for low, high in itertools.pairwise(limits)]
    expected = np.dot(areas, weights) / np.dot(np.diff(limits), weights)
    score = load_function("weighted_roc_auc")(truth, scores, thresholds=limits, weights=weights)
    assert score == pytest.approx(expected, abs=1e-12)


@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_one_band_is_the_plain_area(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth = np.r_[0, 1, random.integers(0, 2, 200)]
    scores = np.round(random.normal(truth, 1), 1)
    score = load_function("weighted_roc_auc")(truth, scores, thresholds=[0, 1], weights=[5])
    assert score == pytest.approx(sklearn.metrics.roc_auc_score(truth, scores), abs=1e-12)


def test_known_weighted_areas() -> None:
    function = load_function("weighted_roc_auc")
    assert function([0, 1, 1, 0], [1, 1, 1, 1]) == pytest.approx(0.82 / 1.4)
    assert function([0, 1, 1, 0], [0.9, 0.1, 0.2, 0.8]) == 0.0
    assert function([0, 1, 1, 0], [0.1, 0.9, 0.8, 0.2]) == 1.0
    # Scores of any size are ranked; their differences are not looked at.
    assert function([0, 1], [-1.7e308, 1.7e308]) == 1.0


@pytest.mark.parametrize(
    ("references", "parameters", "message"),
    [
        ([1, 1], {}, r"^references: must hold both classes; every row holds 1"),
        ([0, 1], {"thresholds": [0, 0.5, 0.4, 1]}, r"^thresholds: must rise from 0 to 1"),
        ([0, 1], {"thresholds": [0.1, 1]}, r"^thresholds: must rise from 0 to 1"),
        ([0, 1], {"thresholds": [0]}, r"^thresholds: must rise from 0 to 1"),
        ([0, 1], {"weights": [1]}, r"^weights: must be one for each of 2 bands; got 1"),
        ([0, 1], {"weights": [1, -1]}, r"^weights: must not be below 0"),
        ([0, 1], {"weights": [0, 0]}, r"^weights: must not all be 0"),
    ],
)
def test_unfit_bands_are_refused(
    references: list[int], parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        load_function("weighted_roc_auc")(references, [0.2, 0.3], **parameters)


@given(seed=SEEDS, groups=st.integers(1, 12), factor=st.sampled_from([1.0, 2.0, 0.25]))
@settings(max_examples=60, deadline=None)
def test_weighted_multilabel_log_loss(seed: int, groups: int, factor: float) -> None:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, (groups, 3))
    guess = random.choice([0.0, 1.0, 0.5, 1e-20, 0.3], (groups, 3))
    means = []
    for classes, probabilities in zip(truth.tolist(), guess.tolist(), strict=True):
        total = weight_sum = 0.0
        for label, y, p in zip(PARTS, classes, probabilities, strict=True):
            p = min(max(p, 1e-15), 1 - 1e-15)
            weight = WEIGHTS[label] * (factor if y else 1)
            total -= weight * (log(p) if y else log(1 - p))
            weight_sum += weight
        means.append(total / weight_sum)

    order = random.permutation(3 * groups)
    score = load_function("weighted_multilabel_log_loss")(
        truth.ravel()[order],
        guess.ravel()[order],
        groups=np.repeat([f"study {i}" for i in range(groups)], 3)[order],
        labels=np.array(PARTS * groups)[order],
        weights=WEIGHTS,
        positive_factor=factor,
    )
    assert score == pytest.approx(np.mean(means), rel=1e-12)


def test_groups_count_the_same_whatever_their_size() -> None:
    function = load_function("weighted_multilabel_log_loss")
    truth, guess, groups = [1, 1, 1, 0], [0.5, 0.5, 0.5, 0.25], [3, 3, 3, 4]
    assert function(truth, guess, groups=groups) == pytest.approx((log(2) - log(0.75)) / 2)
    assert function(truth, guess) == pytest.approx((3 * log(2) - log(0.75)) / 4)
    assert function([0, 1], [0.5, 0.5], positive_factor=9) == pytest.approx(log(2))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"groups": ["a"]}, r"^groups: must have one value per row, 2; got 1"),
        ({"groups": ["a", None]}, r"^groups: must not be missing"),
        ({"labels": ["a", "b"]}, r"^weights: missing; labels and weights need each other"),
        ({"weights": {"a": 1}}, r"^labels: missing; labels and weights need each other"),
        ({"labels": ["a", "b"], "weights": {"a": 1}}, r"^labels: must each have .* 'b' has none"),
        ({"labels": ["a", "b"], "weights": {"a": 1, "b": 0}}, r"^weights: must be positive; got 0"),
        ({"positive_factor": 0}, r"^positive_factor: must be positive; got 0"),
        ({"positive_factor": float("nan")}, r"^positive_factor: must be finite"),
    ],
)
def test_unfit_weights_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_function("weighted_multilabel_log_loss")([0, 1], [0.2, 0.3], **parameters)
