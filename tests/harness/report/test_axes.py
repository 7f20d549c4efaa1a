"""Axes, places of names, and numbers as text."""

from __future__ import annotations

import itertools
import math
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mlebench_data.harness.report.estimates import Estimate
from mlebench_data.harness.report.formatting import (
    duration_text,
    fixed,
    mean_text,
    printable,
    score_text,
)
from mlebench_data.harness.report.html.scales import nice_ticks, tick_text, time_unit
from mlebench_data.harness.report.html.score_curves import apart, score_range

NUMBERS = st.floats(-1e9, 1e9).filter(lambda x: x == 0 or abs(x) > 1e-9)


@given(NUMBERS, NUMBERS, st.integers(2, 8))
def test_ticks_enclose_the_range(low: float, high: float, count: int):
    assume(low == high or abs(high - low) > 1e-6 * max(abs(low), abs(high)))
    low, high = sorted((low, high))
    ticks = nice_ticks(low, high, count)
    step = ticks[1] - ticks[0]
    assert 2 <= len(ticks) <= 2 * count + 3
    assert ticks == sorted(set(ticks))
    assert ticks[0] <= low + 1e-6 * step
    assert ticks[-1] >= high - 1e-6 * step
    texts = [tick_text(tick, ticks) for tick in ticks]
    if max(map(abs, ticks)) < 1e6 and step > 1e-6:
        assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0, 100, ["0", "20", "40", "60", "80", "100"]),
        (0.61, 0.94, ["0.6", "0.7", "0.8", "0.9", "1.0"]),
        (-0.02, 0.03, ["-0.02", "-0.01", "0.00", "0.01", "0.02", "0.03"]),
        (1, 1, ["0.4", "0.6", "0.8", "1.0", "1.2", "1.4", "1.6"]),
    ],
)
def test_ticks_are_round(low: float, high: float, texts: list[str]):
    ticks = nice_ticks(low, high)
    assert [tick_text(tick, ticks) for tick in ticks] == texts


@given(st.lists(st.floats(10, 186), max_size=4).map(sorted))
def test_names_of_thresholds_stand_apart(places: list[float]):
    found = apart(places)
    assert all(b - a >= 11 - 1e-9 for a, b in itertools.pairwise(found))
    assert not found or found[-1] <= 186


@pytest.mark.parametrize(
    ("scores", "last", "thresholds", "expected"),
    [
        ([0.5, 0.8], [0.8], [0.9, 0.7], (0.5, 0.9)),
        ([1e9, 0.8], [0.8], [0.9, 0.7], (0.7, pytest.approx(1.5))),
        ([-1e9, 5.0], [5.0], [], (-1e9, 5.0)),
    ],
)
def test_a_bad_beginning_does_not_flatten_the_rest(scores, last, thresholds, expected):
    assert score_range(scores, last, thresholds) == expected


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (mean_text(Estimate(100 * 19 / 22, 0.0)), "86.36 ± 0.00"),
        (mean_text(Estimate(50.0, None)), "50.00"),
        (mean_text(None), "–"),  # noqa: RUF001
        (mean_text(Estimate(-math.inf, math.nan)), "−∞"),  # noqa: RUF001
        (fixed(-0.001, 2), "0.00"),
        (score_text(0.1), "0.1"),
        (score_text(1.0), "1"),
        (score_text(0.00001234), "1.234e-05"),
        (score_text(123456789.0), "1.2346e+08"),
        (score_text(math.nan), "NaN"),
        (duration_text(5.04), "5.0 s"),
        (duration_text(90), "1.5 min"),
        (duration_text(86400), "24.0 h"),
        (str(time_unit(100)), "(1.0, 's')"),
        (str(time_unit(7200)), "(3600.0, 'h')"),
        (printable("a\x1b[1mb\u202e\nc"), "a\\x1b[1mb\\u202e c"),
    ],
)
def test_texts(shown: str, text: str):
    assert shown == text


@given(st.text(st.characters()))
def test_printable_text_commands_nothing(text: str):
    shown = printable(text)
    shown.encode()
    kinds = set(map(unicodedata.category, shown))
    assert not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}
