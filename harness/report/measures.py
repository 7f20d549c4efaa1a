"""What is measured of an attempt, and for which competitions it means something."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mlebench_data.harness.report.attempts import Attempt

Needs = Literal["nothing", "leaderboard", "scale"]


@dataclass(frozen=True)
class Measure:
    """One number of an attempt.

    Attributes
    ----------
    name : str
        Its name in files.
    title : str
        Its name for people.
    needs : str
        What a competition must have, or it does not count for the measure: `leaderboard` (of
        humans), `scale` (a leaderboard, and a known score of the sample submission).
    of : callable
        The number. An attempt without a valid submission has 0.
    is_yes_or_no : bool
        Whether the number is 0 or 1.
    is_percent : bool
        Whether means of it are given as percent.
    """

    name: str
    title: str
    needs: Needs
    of: Callable[[Attempt], float]
    is_yes_or_no: bool = True
    is_percent: bool = True


def _or_zero(value: float | None, attempt: Attempt) -> float:
    return value if attempt.valid and value is not None and not math.isnan(value) else 0.0


MEASURES: tuple[Measure, ...] = (
    Measure("made", "Made", "nothing", lambda a: float(a.made)),
    Measure("valid", "Valid", "nothing", lambda a: float(a.valid)),
    Measure("above_median", "Above median", "leaderboard", lambda a: float(a.above_median)),
    Measure("bronze", "Bronze", "leaderboard", lambda a: float(a.medal == "bronze")),
    Measure("silver", "Silver", "leaderboard", lambda a: float(a.medal == "silver")),
    Measure("gold", "Gold", "leaderboard", lambda a: float(a.medal == "gold")),
    Measure("any_medal", "Any medal", "leaderboard", lambda a: float(a.medal is not None)),
    Measure(
        "percentile",
        "Percentile",
        "leaderboard",
        lambda a: _or_zero(a.percentile, a),
        is_yes_or_no=False,
    ),
    Measure(
        "normalised_score",
        "Normalised",
        "scale",
        lambda a: _or_zero(a.normalised_score, a),
        is_yes_or_no=False,
        is_percent=False,
    ),
)


@dataclass(frozen=True)
class CompetitionFacts:
    """What a report needs to know of a competition.

    Attributes
    ----------
    competition_id : str
        Its id.
    category : str or None
        Its category; None where the catalogue does not know it.
    has_leaderboard : bool
        Whether there is a leaderboard of humans.
    has_scale : bool
        Whether scores can be normalised.
    """

    competition_id: str
    category: str | None
    has_leaderboard: bool
    has_scale: bool

    def counts_for(self, measure: Measure) -> bool:
        """Tell whether a measure means something for this competition."""
        return {"nothing": True, "leaderboard": self.has_leaderboard, "scale": self.has_scale}[
            measure.needs
        ]


def competition_facts(competition_id: str, attempts: Sequence[Attempt]) -> CompetitionFacts:
    """Return what is known of a competition, from the catalogue and from records.

    Parameters
    ----------
    competition_id : str
        Its id. The catalogue need not know it: runs may come from elsewhere.
    attempts : sequence of Attempt
        Attempts at it.
    """
    from mlebench_data.catalogue import load_competition
    from mlebench_data.errors import UnknownNameError

    leaderboard = any(attempt.thresholds for attempt in attempts)
    scale = any(attempt.normalised_score is not None for attempt in attempts)
    try:
        facts = load_competition(competition_id).facts
    except UnknownNameError:
        return CompetitionFacts(competition_id, None, leaderboard, scale)
    board = facts.leaderboard
    if board is not None:
        leaderboard = True
        scale = scale or board.sample_score not in (None, board.gold)
    return CompetitionFacts(competition_id, facts.category, leaderboard, scale)


Facts = Mapping[str, CompetitionFacts]
