"""Metrics of texts and orders equal plain definitions."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from mlebench_data.metrics.registry import load_function

TEXT = st.text(st.sampled_from("ab é\U0001f600"), max_size=12)
PAIRS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8)
NUMBERS = st.lists(st.integers(-3, 3), max_size=8)


def edits(first: Any, second: Any) -> int:
    """Levenshtein distance by its recursion."""
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, start=1):
        above, row = row, [i]
        for j, b in enumerate(second, start=1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (a != b)))
    return row[-1]


@given(pairs=PAIRS)
@settings(max_examples=100, deadline=None)
def test_levenshtein_of_characters(pairs: list[tuple[str, str]]) -> None:
    truth, predicted = zip(*pairs, strict=True)
    expected = sum(itertools.starmap(edits, pairs)) / len(pairs)
    assert load_function("levenshtein")(truth, predicted) == pytest.approx(expected, rel=1e-15)


@given(pairs=PAIRS)
@settings(max_examples=50, deadline=None)
def test_levenshtein_of_text_in_arrow(pairs: list[tuple[str, str]]) -> None:
    score = load_function("levenshtein")
    # Within longer arrays, of several types and parts.
    truth = pa.array(["x", *(first for first, _ in pairs)], pa.large_string()).slice(1)
    half = len(pairs) // 2
    predicted = pa.chunked_array(
        [[second for _, second in pairs[:half]], [second for _, second in pairs[half:]]],
        pa.string(),
    )
    expected = score(*zip(*pairs, strict=True))
    assert score(truth, predicted) == pytest.approx(expected, rel=1e-15)


@given(pairs=st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_levenshtein_of_numbers(pairs: list[tuple[list[int], list[int]]]) -> None:
    truth, predicted = zip(*pairs, strict=True)
    length = sum(map(len, truth))
    arguments = {"unit": "integers", "normalization": "reference_length"}
    texts = [[" ".join(map(str, row)) for row in rows] for rows in (truth, predicted)]
    score = load_function("levenshtein")
    if length == 0:
        with pytest.raises(ValueError, match="references: must not all be empty"):
            score(*texts, **arguments)
        return
    expected = sum(itertools.starmap(edits, pairs)) / length
    assert score(*texts, **arguments) == pytest.approx(expected, rel=1e-15)


def test_levenshtein_of_long_texts() -> None:
    truth, predicted = "ab" * 3000, "b" + "ab" * 2999 + "c"
    assert load_function("levenshtein")([truth], [predicted]) == 2.0


@pytest.mark.parametrize("cell", ["1.0", "a", "1 2 x", "1,2", "9" * 5000])
def test_levenshtein_refuses_what_is_no_whole_number(cell: str) -> None:
    with pytest.raises(ValueError, match=r"^predictions: must be whole numbers .* row 1") as caught:
        load_function("levenshtein")(["1", "2"], ["1", cell], unit="integers")
    assert caught.value.row == 1  # type: ignore[attr-defined]


@given(pairs=PAIRS)
@settings(max_examples=100, deadline=None)
def test_word_jaccard(pairs: list[tuple[str, str]]) -> None:
    truth, predicted = zip(*pairs, strict=True)
    scores = []
    for texts in pairs:
        first, second = (set(text.lower().split()) for text in texts)
        scores.append(len(first & second) / len(first | second) if first | second else 0.0)
    score = load_function("word_jaccard")
    ours = score(truth, predicted, both_empty="zero")
    assert ours == pytest.approx(np.mean(scores), rel=1e-14)
    empty = [not (a + b).split() for a, b in pairs]
    assert score(truth, predicted) == pytest.approx(ours + np.mean(empty), rel=1e-14)
    if any(empty):
        with pytest.raises(ValueError, match=f"row {empty.index(True)} holds"):
            score(truth, predicted, both_empty="refuse")
    else:
        assert score(truth, predicted, both_empty="refuse") == ours


@given(lengths=st.lists(st.integers(0, 40), min_size=1, max_size=12), seed=st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_kendall_tau(lengths: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    names = [[f"n{i}" for i in random.permutation(length)] for length in lengths]
    orders = [random.permutation(length) for length in lengths]
    truth = [" ".join(row) for row in names]
    predicted = [" ".join(row[i] for i in order) for row, order in zip(names, orders, strict=True)]
    pairs = [len(row) * (len(row) - 1) // 2 for row in names]
    score = load_function("kendall_tau")
    if sum(pairs) == 0:
        with pytest.raises(ValueError, match="references: must hold a row of two names"):
            score(truth, predicted)
        return
    swapped = sum(a > b for order in orders for a, b in itertools.combinations(order, 2))
    assert score(truth, predicted) == pytest.approx(1 - 2 * swapped / sum(pairs), rel=1e-14)
    for row, order in zip(names, orders, strict=True):
        if len(row) > 1:
            own = score([" ".join(row)], [" ".join(row[i] for i in order)])
            expected = scipy.stats.kendalltau(np.arange(len(row)), order).statistic
            assert own == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("b", "row 1 holds 1 names instead of 2"),
        ("b a a", "row 1 holds 3 names instead of 2"),
        ("b c", "row 1 holds 'c', which is none of them"),
        ("b b", "row 1 holds one of them more than once"),
    ],
)
def test_kendall_tau_refuses_other_names(row: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        load_function("kendall_tau")(["x y z", "a b"], ["z y x", row])
    assert (caught.value.argument, caught.value.row) == ("predictions", 1)  # type: ignore[attr-defined]


ANSWERS = st.sampled_from(["1:2", "0:5", "3:4", "YES", "NO"])


@given(
    rows=st.lists(
        st.tuples(st.lists(ANSWERS, max_size=3), st.one_of(st.just(""), ANSWERS)),
        min_size=1,
        max_size=30,
    )
)
@settings(max_examples=100, deadline=None)
def test_natural_questions_f1(rows: list[tuple[list[str], str]]) -> None:
    truth, predicted = [" ".join(answers) for answers, _ in rows], [answer for _, answer in rows]
    right = [answer in answers if answer else not answers for answers, answer in rows]
    score = load_function("natural_questions_f1")
    assert score(truth, predicted, blanks="score") == pytest.approx(np.mean(right))
    hits = sum(answer in answers for answers, answer in rows)
    given_answers = sum(bool(answer) for _, answer in rows)
    missed = sum(bool(answers) and not answer for answers, answer in rows)
    expected = 2 * hits / (hits + given_answers + missed) if hits else 0.0
    assert score(truth, predicted) == pytest.approx(expected)


@pytest.mark.parametrize("answer", [" 1:2", "01:+2", "1 : 2 ", "1:2"])
def test_spans_are_compared_as_numbers(answer: str) -> None:
    assert load_function("natural_questions_f1")(["1:2"], [answer]) == 1.0


@pytest.mark.parametrize(
    "answer", ["yes", "1:2:3", "1:2 3:4", "1.0:2", "1:", "a:b", "12", "YES NO"]
)
def test_other_answers_are_refused(answer: str) -> None:
    with pytest.raises(ValueError, match=r"^predictions: must be a span") as caught:
        load_function("natural_questions_f1")(["1:2", ""], ["", answer])
    assert caught.value.row == 1  # type: ignore[attr-defined]
