"""Metrics of ranked lists of labels equal what their definitions say, row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from mlebench_data.metrics.registry import load_function

LABEL = st.sampled_from(["a", "b", "c", "d", "07", "7", "new_whale", "é"])
ROWS = st.lists(
    st.tuples(
        st.lists(LABEL, min_size=1, max_size=6),
        st.lists(st.one_of(LABEL, st.just("")), max_size=9),
    ),
    min_size=1,
    max_size=30,
)


def average_precision(truth: list[str], predicted: list[str], k: int) -> float:
    """Plain average precision at k of one row."""
    wanted, seen, hits, total = set(truth), set(), 0, 0.0
    for place, label in enumerate(predicted[:k], start=1):
        if label in wanted and label not in seen:
            hits += 1
            total += hits / place
        seen.add(label)
    return total / min(len(wanted), k)


@given(rows=ROWS, k=st.integers(1, 12))
@settings(max_examples=200, deadline=None)
def test_map_at_k_of_single_blanks(rows: Any, k: int) -> None:
    truth, predicted = zip(*rows, strict=True)
    # Without any label, the empty text still is one empty label.
    expected = [average_precision(t, p or [""], k) for t, p in rows]
    function = load_function("map_at_k")
    texts = [" ".join(labels) for labels in truth], [" ".join(labels) for labels in predicted]
    assert function(*texts, k=k, blanks="single") == pytest.approx(np.mean(expected), rel=1e-15)
    assert function(truth, predicted, k=k, blanks="single") == pytest.approx(
        np.mean(expected), rel=1e-15
    )


@given(rows=ROWS, k=st.integers(1, 12), blank=st.sampled_from(["  ", "\t", " \n"]))
@settings(max_examples=100, deadline=None)
def test_map_at_k_of_any_blanks(rows: Any, k: int, blank: str) -> None:
    expected = [average_precision(t, [label for label in p if label], k) for t, p in rows]
    score = load_function("map_at_k")(
        [" ".join(t) for t, _ in rows], [blank + blank.join(p) + blank for _, p in rows], k=k
    )
    assert score == pytest.approx(np.mean(expected), rel=1e-15)


def test_any_blank_is_what_python_takes_for_one() -> None:
    # Each row is right if and only if the character separates.
    characters = [chr(code) for code in range(0x11000) if not 0xD800 <= code < 0xE000]
    score = load_function("map_at_k")(["a"] * len(characters), [f"a{c}b" for c in characters])
    assert score == pytest.approx(sum(c.isspace() for c in characters) / len(characters))


@given(rows=st.integers(1, 300), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_error_rate(rows: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    truth, predicted = random.integers(0, 4, size=(2, rows))
    function = load_function("error_rate")
    expected = 1 - sklearn.metrics.accuracy_score(truth, predicted)
    assert function(truth, predicted) == expected
    assert function(truth.astype(str), predicted.astype(str)) == expected
    lists = [f" {label}\t{other} x" for label, other in zip(predicted, truth, strict=True)]
    assert function(truth.astype(str), lists, first_of_list=True) == expected


@pytest.mark.parametrize(
    ("name", "references", "predictions", "parameters", "expected"),
    [
        ("map_at_k", ["a"], ["a a a"], {}, 1.0),
        ("map_at_k", ["a"], ["b b a"], {}, 1 / 3),
        ("map_at_k", ["a b"], ["a a b"], {}, (1 + 2 / 3) / 2),
        ("map_at_k", ["a a b"], ["a b"], {}, 1.0),
        ("map_at_k", ["a b c"], ["a b"], {"k": 2}, 1.0),
        ("map_at_k", ["a"], ["b c d e f a"], {}, 0.0),
        ("map_at_k", ["a"], [""], {}, 0.0),
        ("map_at_k", ["a"], ["b  a"], {}, 0.5),
        ("map_at_k", ["a"], ["b  a"], {"blanks": "single"}, 1 / 3),
        ("map_at_k", ["a"], ["\ta"], {"blanks": "single"}, 0.0),
        ("map_at_k", ["7"], ["07"], {}, 0.0),
        ("map_at_k", [["a b"]], [["a b"]], {"blanks": "single"}, 1.0),
        ("error_rate", [1, 2], [1, 2], {}, 0.0),
        ("error_rate", ["7"], ["007 8"], {"first_of_list": True}, 0.0),
        ("error_rate", ["7"], [str(2**70)], {"first_of_list": True}, 1.0),
    ],
)
def test_score(
    name: str, references: Any, predictions: Any, parameters: dict[str, Any], expected: float
) -> None:
    score = load_function(name)(references, predictions, **parameters)
    assert type(score) is float
    assert score == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("name", "references", "predictions", "parameters", "argument", "message"),
    [
        ("map_at_k", ["a", " "], ["a", "b"], {}, "references", "row 1 has none"),
        ("map_at_k", ["a"], [1], {}, "predictions", "must be text"),
        ("map_at_k", ["a"], [1], {"blanks": "single"}, "predictions", "must be text"),
        ("map_at_k", ["a"], ["\ud800"], {}, "predictions", "must be Unicode text"),
        ("map_at_k", ["a"], ["a"], {"k": 0}, "k", "a whole number of at least 1; got 0"),
        ("map_at_k", ["a"], ["a"], {"k": 2.5}, "k", "got 2.5"),
        ("map_at_k", ["a"], ["a"], {"k": True}, "k", "got True"),
        ("map_at_k", ["a"], ["a"], {"blanks": "tab"}, "blanks", "'any' or 'single'; got 'tab'"),
        ("error_rate", ["a"], [1], {}, "predictions", "must be text like the references"),
        ("error_rate", ["1", "2"], ["1", "2.0"], {"first_of_list": True}, "predictions", "row 1"),
        ("error_rate", ["1", "2"], ["1", " "], {"first_of_list": True}, "predictions", "row 1"),
        ("error_rate", ["1"], ["9" * 9999], {"first_of_list": True}, "predictions", "row 0"),
        ("error_rate", ["1"], [1], {"first_of_list": True}, "predictions", "must be text"),
    ],
)
def test_refusal(
    name: str,
    references: Any,
    predictions: Any,
    parameters: dict[str, Any],
    argument: str,
    message: str,
) -> None:
    with pytest.raises(ValueError) as caught:
        load_function(name)(references, predictions, **parameters)
    assert caught.value.argument == argument  # type: ignore[attr-defined]
    assert message in str(caught.value)


@pytest.mark.parametrize("metric", ["multilabel_f1", "map_at_k"])
@pytest.mark.parametrize("blank", [" ", "  ", "\t", "\n", "\x1f", "\u2003"], ids=repr)
def test_any_blanks_separate_labels(metric: str, blank: str) -> None:
    score = load_function(metric)
    cells = [f"b{blank}a", f"{blank}c{blank}"]
    assert score(["a b", "c"], cells) == 1.0
    within = pa.array(["other\t", *cells, "\u2003"], pa.large_string()).slice(1, 2)
    assert score(pa.array(["a b", "c"]), within) == 1.0
