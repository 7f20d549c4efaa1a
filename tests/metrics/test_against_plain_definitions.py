"""Scores equal those of the plain definition, written out row by row."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from mlebench_data.metrics.registry import load_function

ROWS = st.integers(1, 60)
SEEDS = st.integers(0, 2**32 - 1)

some_examples = settings(max_examples=60, deadline=None)


@given(rows=ROWS, seed=SEEDS, decimals=st.sampled_from([None, 0, 3]))
@some_examples
def test_mae(rows: int, seed: int, decimals: int | None) -> None:
    truth, predicted = np.random.default_rng(seed).normal(0, 100, (2, rows))
    expected = sklearn.metrics.mean_absolute_error(truth, predicted)
    if decimals is not None:
        expected = round(float(expected), decimals)
    assert load_function("mae")(truth, predicted, decimals=decimals) == expected


@given(rows=ROWS, seed=SEEDS, groups=st.integers(1, 8), text=st.booleans())
@some_examples
def test_log_mae(rows: int, seed: int, groups: int, text: bool) -> None:
    random = np.random.default_rng(seed)
    truth, predicted = random.normal(0, 100, (2, rows))
    labels: list[Any] = random.integers(0, groups, rows).tolist()
    labels = [f"type {label}" for label in labels] if text else labels
    errors: dict[Any, list[float]] = {}
    for t, p, label in zip(truth, predicted, labels, strict=True):
        errors.setdefault(label, []).append(abs(t - p))
    expected = math.fsum(math.log(math.fsum(e) / len(e)) for e in errors.values()) / len(errors)
    score = load_function("log_mae")(truth, predicted, groups=labels)
    assert score == pytest.approx(expected, rel=1e-12)


@given(rows=ROWS, columns=st.integers(1, 5), seed=SEEDS)
@some_examples
def test_columnwise_rmse(rows: int, columns: int, seed: int) -> None:
    truth, predicted = np.random.default_rng(seed).normal(0, 1, (2, rows, columns))
    expected = np.mean(
        [
            sklearn.metrics.root_mean_squared_error(truth[:, j], predicted[:, j])
            for j in range(columns)
        ]
    )
    score = load_function("columnwise_rmse")(truth, predicted)
    assert score == pytest.approx(expected, rel=1e-14)


@given(rows=ROWS, seed=SEEDS)
@some_examples
def test_laplace_log_likelihood(rows: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.uniform(1000, 5000, rows)
    predicted = np.column_stack([random.uniform(1000, 5000, rows), random.uniform(-50, 500, rows)])
    total = 0.0
    for t, (value, deviation) in zip(truth, predicted, strict=True):
        sigma, delta = max(deviation, 70.0), min(abs(t - value), 1000.0)
        total += -math.sqrt(2) * delta / sigma - math.log(math.sqrt(2) * sigma)
    score = load_function("laplace_log_likelihood")(truth, predicted)
    assert score == pytest.approx(total / rows, rel=1e-12)


@given(rows=ROWS, seed=SEEDS, groups=st.integers(1, 6))
@some_examples
def test_haversine_percentiles(rows: int, seed: int, groups: int) -> None:
    random = np.random.default_rng(seed)
    truth = np.column_stack([random.uniform(-80, 80, rows), random.uniform(-180, 180, rows)])
    predicted = truth + random.normal(0, 0.1, truth.shape)
    labels = random.integers(0, groups, rows)
    by_group: dict[int, list[float]] = {}
    for (lat, lng), (lat_2, lng_2), label in zip(truth, predicted, labels, strict=True):
        one, two = (
            np.array([math.cos(a) * math.cos(b), math.cos(a) * math.sin(b), math.sin(a)])
            for a, b in (
                (math.radians(lat), math.radians(lng)),
                (math.radians(lat_2), math.radians(lng_2)),
            )
        )
        # The angle between unit vectors, by a formula of its own.
        angle = math.atan2(float(np.linalg.norm(np.cross(one, two))), float(one @ two))
        by_group.setdefault(int(label), []).append(6_371_000 * angle)
    scores = []
    for distances in by_group.values():
        ordered = sorted(distances)
        for level in (0.5, 0.95):
            place = level * (len(ordered) - 1)
            low = math.floor(place)
            high = min(low + 1, len(ordered) - 1)
            scores.append(ordered[low] + (place - low) * (ordered[high] - ordered[low]))
    score = load_function("haversine_percentiles")(truth, predicted, groups=labels)
    assert score == pytest.approx(math.fsum(scores) / len(scores), rel=1e-7)


@given(rows=ROWS, seed=SEEDS, turns=st.integers(-2, 2))
@some_examples
def test_angular_error(rows: int, seed: int, turns: int) -> None:
    random = np.random.default_rng(seed)
    angles = random.uniform(0, [2 * math.pi, math.pi], (2, rows, 2))
    total = 0.0
    for one, two in zip(*angles, strict=True):
        u, v = (
            np.array([math.cos(a) * math.sin(z), math.sin(a) * math.sin(z), math.cos(z)])
            for a, z in (one, two)
        )
        total += math.atan2(float(np.linalg.norm(np.cross(u, v))), float(u @ v))
    score = load_function("angular_error")(angles[0], angles[1] + 2 * math.pi * turns)
    assert score == pytest.approx(total / rows, abs=1e-7)


@given(rows=ROWS, seed=SEEDS, classes=st.integers(1, 4), text=st.booleans())
@some_examples
def test_matthews_corrcoef(rows: int, seed: int, classes: int, text: bool) -> None:
    labels = np.random.default_rng(seed).integers(0, classes, (2, rows))
    truth, predicted = labels.astype(str) if text else labels
    expected = sklearn.metrics.matthews_corrcoef(truth, predicted)
    assert load_function("matthews_corrcoef")(truth, predicted) == pytest.approx(
        expected, abs=1e-14
    )


@given(rows=ROWS, seed=SEEDS, missing=st.booleans())
@some_examples
def test_kl_divergence(rows: int, seed: int, missing: bool) -> None:
    random = np.random.default_rng(seed)
    votes = random.integers(0, 4, (rows, 5))
    votes[:, 0] += 1
    predicted = random.dirichlet(np.full(5, 0.3), rows)
    if missing:
        # A row that leaves out what it holds impossible still adds up to 1.
        predicted[predicted < 1e-9] = math.nan
    total = 0.0
    for counts, row in zip(votes, predicted, strict=True):
        for count, q in zip(counts, row, strict=True):
            p = count / counts.sum()
            if p > 0 and not math.isnan(q):
                total += p * math.log(p / min(max(q, 1e-15), 1 - 1e-15))
    score = load_function("kl_divergence")(
        votes, predicted, missing="skip" if missing else "refuse"
    )
    assert score == pytest.approx(total / rows, rel=1e-12, abs=1e-15)


@given(rows=ROWS, seed=SEEDS, labels=st.integers(2, 9), ties=st.booleans())
@some_examples
def test_label_ranking_average_precision(rows: int, seed: int, labels: int, ties: bool) -> None:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, (rows, labels))
    scores = random.normal(0, 1, (rows, labels))
    scores = np.round(scores) if ties else scores
    function = load_function("label_ranking_average_precision")
    reference = sklearn.metrics.label_ranking_average_precision_score
    assert function(truth, scores) == pytest.approx(reference(truth, scores), rel=1e-12)
    some = truth.sum(axis=1) > 0
    if some.any():
        weights = truth[some].sum(axis=1)
        expected = reference(truth[some], scores[some], sample_weight=weights)
        assert function(truth, scores, weights="labels") == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "references", "predictions", "parameters", "expected"),
    [
        ("mae", [0, 0], [1000, 1001], {"decimals": 0}, 1000.0),
        ("mae", [0, 0], [1001, 1002], {"decimals": 0}, 1002.0),
        ("mae", [-1e308], [1e308], {}, math.inf),
        ("log_mae", [1, 2], [1, 2], {}, math.log(1e-9)),
        ("log_mae", [1, 2], [1, 5], {"groups": [0, 1], "floor": 0}, -math.inf),
        ("columnwise_rmse", [0.0], [1e200], {}, math.inf),
        ("laplace_log_likelihood", [0], [[math.nan, 1]], {"gaps": "propagate"}, math.nan),
        ("laplace_log_likelihood", [0], [[0, math.inf]], {"gaps": "propagate"}, -math.inf),
        (
            "laplace_log_likelihood",
            [0],
            [[0, math.nan]],
            {"gaps": "propagate"},
            -math.log(70 * math.sqrt(2)),
        ),
        ("laplace_log_likelihood", [], [], {"gaps": "propagate"}, math.nan),
        ("haversine_percentiles", [[10, 20]], [[10, 380]], {}, 0.0),
        ("haversine_percentiles", [[90, 0]], [[-90, 0]], {"radius": 1}, math.pi),
        ("haversine_percentiles", [[0, 0]], [[math.nan, 0]], {"places": "any"}, math.nan),
        ("angular_error", [[0, 0]], [[1, math.pi]], {}, math.pi),
        ("matthews_corrcoef", [0, 1], [1, 1], {}, 0.0),
        ("matthews_corrcoef", [0, 1], [2, 3], {}, 0.0),
        ("kl_divergence", [[1, 0]], [[0, 1]], {}, -math.log(1e-15)),
        ("kl_divergence", [[0, 1]], [[1, math.nan]], {"missing": "skip"}, 0.0),
        ("label_ranking_average_precision", [[0, 1]], [[1, 1]], {}, 0.5),
        ("label_ranking_average_precision", [[0, 0]], [[0, 1]], {}, 1.0),
    ],
)
def test_edges(
    name: str, references: Any, predictions: Any, parameters: dict[str, Any], expected: float
) -> None:
    score = load_function(name)(references, predictions, **parameters)
    assert type(score) is float
    assert score == pytest.approx(expected, rel=1e-12, abs=1e-8, nan_ok=True)


@pytest.mark.parametrize(
    ("name", "references", "predictions", "parameters", "message"),
    [
        ("mae", [1], [1], {"decimals": 0.5}, "decimals: must be a whole number; got 0.5"),
        (
            "log_mae",
            [1],
            [1],
            {"floor": -1},
            "floor: must be a finite number, not negative; got -1",
        ),
        ("log_mae", [1], [1], {"groups": [1, 2]}, "groups: must have one label per row, 1; got 2"),
        ("log_mae", [1], [1], {"groups": [None]}, "groups: must not be missing; row 0 holds None"),
        ("laplace_log_likelihood", [1], [[1]], {}, "predictions: must have two columns and a row"),
        ("laplace_log_likelihood", [1], [[1, 2]], {"gaps": "x"}, "gaps: must be 'refuse' or"),
        ("laplace_log_likelihood", [1], [[1, 2]], {"largest_error": 0}, "largest_error: must be a"),
        ("haversine_percentiles", [[0, 0]], [[91, 0]], {}, "predictions: latitudes must lie in"),
        ("haversine_percentiles", [[91, 0]], [[0, 0]], {"places": "any"}, "references: latitudes"),
        ("haversine_percentiles", [[0]], [[0]], {}, "references: must have two columns, latitude"),
        ("haversine_percentiles", [[0, 0]], [[0, 0]], {"percentiles": [101]}, "percentiles: must"),
        ("haversine_percentiles", [[0, 0]], [[0, 0]], {"radius": 0}, "radius: must be a finite"),
        ("angular_error", [[0]], [[0]], {}, "references: must have two columns, azimuth"),
        ("matthews_corrcoef", ["a"], [1], {}, "predictions: must be text like the references"),
        ("kl_divergence", [[0, 0]], [[0.5, 0.5]], {}, "references: rows must not be all zero"),
        ("kl_divergence", [[1, 0]], [[0.5, 0.6]], {}, "predictions: rows must sum to 1 within"),
        ("kl_divergence", [[1, 0]], [[1.5, -0.5]], {}, r"predictions: must lie in \[0, 1\]"),
        ("kl_divergence", [[1, 0]], [[0.5, 0.5]], {"eps": 0}, "eps: must lie between"),
        ("label_ranking_average_precision", [[0, 2]], [[0, 1]], {}, "references: must be 0 or 1"),
        (
            "label_ranking_average_precision",
            [[0, 0]],
            [[0, 1]],
            {"weights": "labels"},
            "references: must hold a 1",
        ),
        ("label_ranking_average_precision", [[1]], [[0]], {"weights": "x"}, "weights: must be"),
    ],
)
def test_refusals(
    name: str, references: Any, predictions: Any, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        load_function(name)(references, predictions, **parameters)
