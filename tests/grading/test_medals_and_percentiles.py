"""Medals, the median and the share of human teams that a score beats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlebench_data.errors import CatalogueError
from mlebench_data.grading import grade
from mlebench_data.grading.leaderboard import normalise, read_table, share_beaten, standing

TABLE = "position,score\n0,0.1\n0.5,0.5\n0.9,0.9\n1,0.95\n"
BOARD = {"teams": 11, "gold": 0.9, "silver": 0.8, "bronze": 0.7, "median": 0.5}
NEGATED = "position,score\n0,-0.1\n0.5,-0.5\n0.9,-0.9\n1,-0.95\n"
NEGATED_BOARD = {key: value if key == "teams" else -value for key, value in BOARD.items()}


@pytest.fixture(scope="module")
def boards(graded: Any) -> dict[bool, Any]:
    """The same leaderboard twice: higher is better, and negated."""
    return {
        True: graded(leaderboard=BOARD, table=TABLE),
        False: graded(leaderboard=NEGATED_BOARD, table=NEGATED),
    }


@pytest.mark.parametrize("higher", [True, False])
@pytest.mark.parametrize(
    ("score", "medal", "above_median"),
    [
        (0.99, "gold", True),
        (0.9, "gold", True),
        (0.89999, "silver", True),
        (0.8, "silver", True),
        (0.79999, "bronze", True),
        (0.7, "bronze", True),
        (0.69999, None, True),
        (0.50001, None, True),
        (0.5, None, False),
        (0.0, None, False),
        (float("inf"), "gold", True),
        (float("-inf"), None, False),
    ],
)
def test_thresholds_are_reached_from_below(
    score: float, medal: str | None, above_median: bool, higher: bool, boards: Any
) -> None:
    own = score if higher else -score
    result = standing(boards[higher], own, higher_is_better=higher)
    medals = {name: getattr(result, f"{name}_medal") for name in ("gold", "silver", "bronze")}
    assert medals == {name: name == medal for name in medals}
    assert result.any_medal == (medal is not None)
    assert result.above_median == above_median
    assert result.percentile is not None
    assert 0 <= result.percentile <= 1


@pytest.mark.parametrize("score", [None, float("nan")])
def test_no_score_has_no_standing(score: float | None, boards: Any) -> None:
    result = standing(boards[True], score, higher_is_better=True)
    assert (result.gold_threshold, result.median_threshold) == (0.9, 0.5)
    assert not result.any_medal
    assert not result.above_median
    assert result.percentile is None


@pytest.mark.parametrize(
    ("score", "normalised"),
    [(0.5, 0.0), (0.9, 1.0), (0.7, 0.5), (0.1, -1.0), (1.3, 2.0), (float("-inf"), float("-inf"))],
)
@pytest.mark.parametrize("higher", [True, False])
def test_normalised_score(score: float, normalised: float, higher: bool, graded: Any) -> None:
    sign = 1 if higher else -1
    board = {**(BOARD if higher else NEGATED_BOARD), "sample_score": sign * 0.5}
    competition = graded(leaderboard=board, table=TABLE if higher else NEGATED)
    result = standing(competition, sign * score, higher_is_better=higher)
    assert result.normalised_score == pytest.approx(normalised, abs=1e-12)
    for none in (None, float("nan")):
        assert standing(competition, none, higher_is_better=higher).normalised_score is None


def test_normalised_score_needs_a_known_sample_score(boards: Any) -> None:
    assert standing(boards[True], 0.9, higher_is_better=True).normalised_score is None
    assert normalise(0.9, sample=0.9, gold=0.9) is None


@given(
    sample=st.floats(-1e6, 1e6),
    gold=st.floats(-1e6, 1e6),
    scores=st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9)),
)
def test_normalised_score_keeps_the_order(
    sample: float, gold: float, scores: tuple[float, float]
) -> None:
    if sample == gold:
        return
    assert normalise(sample, sample=sample, gold=gold) == 0
    assert normalise(gold, sample=sample, gold=gold) == 1
    low, high = (normalise(score, sample=sample, gold=gold) for score in sorted(scores))
    assert low is not None and high is not None
    assert low <= high if gold > sample else low >= high


def test_without_a_leaderboard(graded: Any) -> None:
    result = standing(graded(), 1.0, higher_is_better=True)
    assert set(result.__dict__.values()) == {None, False}


def test_scores_are_rounded_before_they_are_compared(graded: Any) -> None:
    # The root of the mean square is the one difference of the one row.
    competition = graded(
        leaderboard={"teams": 3, "gold": 0.12346, "silver": 1, "bronze": 2, "median": 0.2},
        table="position,score\n0,3\n1,0.1\n",
    )
    answers = pd.DataFrame({"id": ["a"], "value": [0.0]})
    for value, rounded, gold in [
        (0.123456, 0.12346, True),
        (0.123464, 0.12346, True),
        (0.123466, 0.12347, False),
    ]:
        report = grade(competition, answers.assign(value=value), answers=answers)
        assert report.raw_score == pytest.approx(value, rel=1e-12)
        assert (report.score, report.gold_medal) == (rounded, gold)
        assert report.is_lower_better


def test_score_that_is_no_number(graded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlebench_data.grading import grade as package

    module = __import__(package.__module__, fromlist=["grade"])
    monkeypatch.setattr(module, "load_function", lambda name: lambda **arguments: float("nan"))
    competition = graded(leaderboard=BOARD, table=TABLE)
    answers = pd.DataFrame({"id": ["a"], "value": [0.0]})
    report = grade(competition, answers, answers=answers)
    assert report.status == "valid"
    assert report.score != report.score
    assert (report.any_medal, report.above_median, report.percentile) == (False, False, None)
    assert '"score": "NaN"' in report.to_json()


@settings(deadline=None)
@given(
    scores=st.lists(st.integers(-20, 20), min_size=2, max_size=40),
    own=st.integers(-25, 25),
    higher=st.booleans(),
)
def test_share_beaten_of_a_whole_leaderboard_is_exact(
    scores: list[int], own: int, higher: bool
) -> None:
    """With one row for each team, the share is that of the teams that are strictly worse."""
    teams = len(scores)
    worst_first = sorted(scores, reverse=not higher)
    positions = [rank / (teams - 1) for rank in range(teams)]
    share = share_beaten(
        own, positions, [float(item) for item in worst_first], teams=teams, higher_is_better=higher
    )
    worse = sum(item < own if higher else item > own for item in scores)
    if own in scores or worse in (0, teams):
        assert share == pytest.approx(worse / teams)
    else:
        # Between two teams the position is interpolated, at most one team off.
        assert worse - 1 <= share * teams + 1e-9
        assert share * teams <= worse + 1e-9


@settings(deadline=None)
@given(
    own=st.lists(st.floats(allow_nan=False), min_size=2, max_size=2).map(sorted),
    higher=st.booleans(),
)
def test_better_scores_beat_no_fewer(own: list[float], higher: bool) -> None:
    positions = [0.0, 0.01, 0.5, 0.99, 1.0]
    scores = [-1e300, -2.0, 0.0, 0.0, 5.0] if higher else [1e300, 2.0, 0.0, 0.0, -5.0]
    shares = [
        share_beaten(value, positions, scores, teams=1000, higher_is_better=higher) for value in own
    ]
    assert shares == (sorted(shares) if higher else sorted(shares, reverse=True))
    assert 0 <= min(shares) <= max(shares) <= 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "is no percentile table"),
        ("rank,score\n1,2\n", "is no percentile table: 'position'"),
        ("position,score\n0,best\n", "is no percentile table: could not convert"),
        ("position,score\n", "is an empty percentile table"),
    ],
)
def test_broken_table(text: str | None, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "leaderboard.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(CatalogueError, match=r"leaderboard\.csv") as caught:
        read_table(path)
    assert expected in str(caught.value)
