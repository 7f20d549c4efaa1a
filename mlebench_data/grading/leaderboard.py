"""Medals, percentile and normalised score: a score against the human leaderboard."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlebench_data.catalogue import Competition
from mlebench_data.errors import CatalogueError

TABLE_NAME = "leaderboard.csv"


@dataclass(frozen=True)
class Standing:
    """How a score stands among the human teams; all false or None without a leaderboard."""

    gold_threshold: float | None = None
    silver_threshold: float | None = None
    bronze_threshold: float | None = None
    median_threshold: float | None = None
    gold_medal: bool = False
    silver_medal: bool = False
    bronze_medal: bool = False
    any_medal: bool = False
    above_median: bool = False
    percentile: float | None = None
    normalised_score: float | None = None


def read_table(path: Path) -> tuple[list[float], list[float]]:
    """Read a percentile table.

    Parameters
    ----------
    path : pathlib.Path
        CSV with the columns `position` (0 = worst team, 1 = best) and `score`, worst first.

    Returns
    -------
    positions, scores : list of float
        The two columns.

    Raises
    ------
    CatalogueError
        If the file is missing or not such a table.
    """
    import csv

    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        table = [float(row["position"]) for row in rows], [float(row["score"]) for row in rows]
    except (OSError, KeyError, ValueError) as error:
        raise CatalogueError(f"{path} is no percentile table: {error}") from error
    if not rows:
        raise CatalogueError(f"{path} is an empty percentile table.")
    return table


def share_beaten(
    score: float,
    positions: list[float],
    scores: list[float],
    *,
    teams: int,
    higher_is_better: bool,
) -> float:
    """Return the share of teams that are strictly worse than a score.

    Parameters
    ----------
    score : float
        The score, not NaN.
    positions, scores : list of float
        The percentile table, worst team first. Between its rows the position is interpolated, so
        the result is off by at most the distance of two rows (1 % in the middle, less at the ends).
    teams : int
        Number of teams.
    higher_is_better : bool
        Direction of the score.

    Returns
    -------
    float
        Between 0 (beats nobody) and 1 (beats all).
    """
    sign = 1.0 if higher_is_better else -1.0
    quality = [sign * value for value in scores]
    own = sign * score
    first = next((i for i, value in enumerate(quality) if value >= own), None)
    if first is None:
        return 1.0
    if first == 0:
        return 0.0
    low, high = quality[first - 1], quality[first]
    at_low, at_high = positions[first - 1], positions[first]
    share = 1.0 if own == high or math.isinf(high - low) else (own - low) / (high - low)
    # Position p is the team of rank p * (teams - 1), from 0 at the worst: so many are worse.
    worse = (at_low + share * (at_high - at_low)) * (teams - 1)
    return min(1.0, worse / teams)


def normalise(score: float, *, sample: float | None, gold: float) -> float | None:
    """Place a score on the scale where the sample submission is 0 and a gold medal 1.

    Parameters
    ----------
    score : float
        The score, not NaN. Scores worse than the sample submission's give less than 0, and scores
        better than gold more than 1.
    sample : float or None
        Score of the sample submission.
    gold : float
        Threshold of the gold medal.

    Returns
    -------
    float or None
        None where the sample submission has no known score, or one that equals gold: there is no
        such scale. The direction of the score needs no mention, for it is that from sample to gold.
    """
    if sample is None or sample == gold:
        return None
    return (score - sample) / (gold - sample)


def standing(competition: Competition, score: float | None, *, higher_is_better: bool) -> Standing:
    """Compare a rounded score with a competition's leaderboard.

    The rules are those of the published benchmark: a medal for a score as good as its threshold or
    better, only the best one counted; above the median means strictly better than it.

    Parameters
    ----------
    competition : Competition
        The competition.
    score : float or None
        The score, rounded to 5 decimals; None for a submission without one.
    higher_is_better : bool
        Direction of the score.
    """
    board = competition.facts.leaderboard
    if board is None:
        return Standing()
    thresholds: dict[str, Any] = {
        "gold_threshold": board.gold,
        "silver_threshold": board.silver,
        "bronze_threshold": board.bronze,
        "median_threshold": board.median,
    }
    if score is None or math.isnan(score):
        return Standing(**thresholds)
    sign = 1.0 if higher_is_better else -1.0
    own = sign * score
    gold = own >= sign * board.gold
    silver = not gold and own >= sign * board.silver
    bronze = not gold and not silver and own >= sign * board.bronze
    positions, scores = read_table(competition.folder / TABLE_NAME)
    return Standing(
        **thresholds,
        gold_medal=gold,
        silver_medal=silver,
        bronze_medal=bronze,
        any_medal=gold or silver or bronze,
        above_median=own > sign * board.median,
        percentile=round(
            share_beaten(
                score, positions, scores, teams=board.teams, higher_is_better=higher_is_better
            ),
            4,
        ),
        normalised_score=normalise(score, sample=board.sample_score, gold=board.gold),
    )
