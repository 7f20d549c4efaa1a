"""Subgroup AUC against scikit-learn, and the probabilistic F1 score against its definition."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from mlebench_data.metrics.registry import load_function

SEEDS = st.integers(0, 2**32 - 1)


@given(seed=SEEDS, threshold=st.sampled_from([None, 0.5]), power=st.sampled_from([-5.0, 1.0, 2.0]))
@settings(max_examples=60, deadline=None)
def test_subgroup_roc_auc(seed: int, threshold: float | None, power: float) -> None:
    random = np.random.default_rng(seed)
    truth = random.uniform(size=400)
    scores = np.round(0.5 * truth + random.normal(0, 0.3, 400), 2)
    groups = random.uniform(size=(400, 3))
    groups[random.uniform(size=groups.shape) < 0.1] = np.nan
    positive, inside = truth >= 0.5, groups >= 0.5
    seen = scores if threshold is None else scores >= threshold

    def area(chosen: np.ndarray) -> float:
        return float(sklearn.metrics.roc_auc_score(positive[chosen], seen[chosen]))

    expected = 0.25 * area(np.ones(400, dtype=bool))
    for kind in range(3):
        areas = []
        for group in inside.T:
            chosen = [group, (group & ~positive) | (~group & positive), group == positive][kind]
            areas.append(area(chosen))
        expected += 0.25 * np.mean(np.array(areas) ** power) ** (1 / power)
    score = load_function("subgroup_roc_auc")(
        truth, scores, groups, threshold=threshold, power=power
    )
    assert score == pytest.approx(expected, rel=1e-12)


def test_subgroup_whose_area_is_zero() -> None:
    function = load_function("subgroup_roc_auc")
    truth, scores = [0, 1, 0, 1], [0.9, 0.1, 0.2, 0.8]
    groups = [[1], [1], [0], [0]]
    # Inside, the area is 0, and so is its mean of negative powers; so it is with the outside.
    assert function(truth, scores, groups) == 0.25 * 0.25
    assert function(truth, scores, groups, overall_weight=1.0) == 0.25


def test_threshold_takes_any_number() -> None:
    function = load_function("subgroup_roc_auc")
    scores = np.array([np.nan, np.inf, -np.inf, 0.5])
    assert function([0, 1, 0, 1], scores, threshold=0.5) == 1.0
    with pytest.raises(ValueError, match=r"^predictions: must be finite"):
        function([0, 1, 0, 1], scores)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([[1], [0], [0], [0]], r"subgroups: must hold both classes .* subgroup 0 \(inside\)"),
        ([[1], [0]], "subgroups: must have 4 rows; got 2"),
        ([1, 0, 1, 0], r"subgroups: must have shape \(n, k\)"),
    ],
)
def test_unusable_subgroups_are_refused(groups: list[object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_function("subgroup_roc_auc")([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4], groups)


@given(seed=SEEDS, rows=st.integers(1, 50))
@settings(max_examples=60, deadline=None)
def test_probabilistic_f1(seed: int, rows: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, rows)
    truth[0] = 1
    predictions = random.uniform(-0.5, 1.5, rows)
    predictions[0] = 0.5
    clipped = [min(max(value, 0.0), 1.0) for value in predictions.tolist()]
    found = sum(p for p, t in zip(clipped, truth, strict=True) if t)
    precision, recall = found / sum(clipped), found / truth.sum()
    function = load_function("probabilistic_f1")
    expected = 2 * precision * recall / (precision + recall)
    assert function(truth, predictions, outside="clip") == pytest.approx(expected, rel=1e-12)
    hard = (predictions > 0.4).astype(int)
    assert function(truth, hard) == pytest.approx(sklearn.metrics.f1_score(truth, hard))


def test_probabilistic_f1_of_strange_values() -> None:
    function = load_function("probabilistic_f1")
    assert function([0, 1], np.array([-np.inf, np.inf]), outside="clip") == 1.0
    assert function([0, 1], np.array([np.nan, 1.0]), missing="zero_score") == 0.0
    assert function([0, 1], [0.0, 0.0]) == 0.0
    with pytest.raises(ValueError, match=r"^predictions: must not all be negative"):
        function([0, 1], [-1.0, -2.0], outside="clip")
    with pytest.raises(ValueError, match=r"^predictions: must lie in \[0, 1\]; row 0 holds -1.0"):
        function([0, 1], [-1.0, 1.0])
    with pytest.raises(ValueError, match=r"^references: must hold a 1"):
        function([0, 0], [0.5, 0.5])
    with pytest.raises(ValueError, match=r"^outside: must be one of forbid, clip; got 'cut'"):
        function([0, 1], [0.0, 1.0], outside="cut")
