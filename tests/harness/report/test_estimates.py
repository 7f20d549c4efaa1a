"""Means, standard errors and pass@k."""

from __future__ import annotations

import itertools
import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlebench_data.harness.report.estimates import Estimate, estimate, pass_at_k


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20))
def test_against_the_standard_library(values: list[float]):
    found = estimate(values)
    assert found is not None
    assert found.mean == pytest.approx(statistics.fmean(values), abs=1e-6)
    expected = statistics.stdev(values) / math.sqrt(len(values))
    assert found.standard_error == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_nothing_and_one_seed():
    assert estimate([]) is None
    assert estimate([86.36]) == Estimate(86.36, None)


@pytest.mark.parametrize("value", [1.08959, 1 / 3, 0.1])
def test_equal_values_have_no_spread_at_all(value: float):
    assert estimate([value] * 41) == Estimate(value, 0.0)


@pytest.mark.parametrize("huge", [1.9e154, 1e200, 1.7e308])
def test_scores_that_ran_away(huge: float):
    found = estimate([0.7, huge])
    assert found is not None
    assert found.mean == pytest.approx(huge / 2)
    assert found.standard_error == pytest.approx(huge / 2)


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_scores_that_are_no_numbers_do_not_break_it(bad: float):
    found = estimate([1.0, bad])
    assert found is not None
    assert not math.isfinite(found.mean)
    assert found.standard_error is not None
    assert math.isnan(found.standard_error)


@given(st.data())
def test_pass_at_k_counts_the_choices_with_a_success(data: st.DataObject):
    attempts = data.draw(st.integers(1, 8))
    successes = data.draw(st.integers(0, attempts))
    k = data.draw(st.integers(1, attempts))
    outcomes = [True] * successes + [False] * (attempts - successes)
    choices = list(itertools.combinations(outcomes, k))
    assert pass_at_k(attempts, successes, k) == pytest.approx(sum(map(any, choices)) / len(choices))
