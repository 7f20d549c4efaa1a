"""How many medals there were at each time, from snapshots of submissions."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from mlebench_data.harness.report.attempts import Attempt
from mlebench_data.harness.report.estimates import Estimate, estimate
from mlebench_data.harness.report.reading import Key

#: Time between two points, in seconds. Each divides the next, so that the times of a coarse series
#: are among those of a fine one.
_STEPS = (
    *(1.0, 5.0, 15.0, 30.0),
    *(60.0, 300.0, 900.0, 1800.0),
    *(3600.0, 10800.0, 21600.0, 43200.0, 86400.0),
)
_MOST_STEPS = 100


@dataclass(frozen=True)
class MedalCurve:
    """Medals of an agent in a split over the time since the start of its attempts.

    Attributes
    ----------
    split, agent : str
        Which.
    seeds : int
        How many count.
    attempts, attempts_with_snapshots : int
        How many attempts there are at competitions that have medals, and of how many there are
        snapshots.
    points : tuple of (float, Estimate)
        Times in seconds, and percent of the competitions with a medal at that time.
    """

    split: str
    agent: str
    seeds: int
    attempts: int
    attempts_with_snapshots: int
    points: tuple[tuple[float, Estimate], ...]


def has_medal_at(attempt: Attempt, seconds: float) -> bool:
    """Tell whether what lay in the submission folder at a time would have won a medal.

    That is the newest snapshot, and from the end of the attempt on its submission. An attempt of
    which no snapshots were made counts from its end on, one without a known time at all times.
    """
    if attempt.seconds is None or seconds >= attempt.seconds:
        return attempt.medal is not None
    before = [item for item in attempt.snapshots_within if item.seconds <= seconds]
    return bool(before) and before[-1].any_medal


def times_of(attempts: Collection[Attempt]) -> list[float]:
    """Return the times at which medals are counted: evenly spaced, round, from 0 to the last end.

    Empty if there are no snapshots, which leaves nothing to be told.
    """
    if not any(attempt.snapshots_within for attempt in attempts):
        return []
    end = max(
        max([attempt.seconds or 0.0, *(item.seconds for item in attempt.snapshots_within)])
        for attempt in attempts
    )
    return round_times(end, _MOST_STEPS)


def round_times(end: float, most_steps: int) -> list[float]:
    """Return round times from 0 on, evenly spaced, of which the last is `end` or the next later."""
    step = next((step for step in _STEPS if end <= step * most_steps), _STEPS[-1])
    while end > step * most_steps:
        step *= 2
    return [number * step for number in range(math.ceil(end / step) + 1)]


def medal_curve(
    split: str,
    agent: str,
    ids: Sequence[str],
    seeds: Sequence[int],
    final: Mapping[Key, Attempt],
    times: Sequence[float],
) -> MedalCurve:
    """Count the medals of an agent.

    Parameters
    ----------
    split, agent : str
        Which.
    ids : sequence of str
        The competitions of the split that have medals; at least one.
    seeds : sequence of int
        Those that count. An attempt that is missing in them has no medal.
    final : mapping of key to Attempt
        The attempts that count.
    times : sequence of float
        When, in seconds since the start of each attempt.
    """
    of_seed = [
        [attempt for name in ids if (attempt := final.get((name, agent, seed))) is not None]
        for seed in seeds
    ]
    points = []
    for time in times:
        shares = [
            100.0 * sum(has_medal_at(attempt, time) for attempt in attempts) / len(ids)
            for attempts in of_seed
        ]
        if (value := estimate(shares)) is not None:
            points.append((time, value))
    return MedalCurve(
        split,
        agent,
        seeds=len(seeds),
        attempts=sum(map(len, of_seed)),
        attempts_with_snapshots=sum(
            bool(attempt.snapshots_within) for attempts in of_seed for attempt in attempts
        ),
        points=tuple(points),
    )
