"""Condense a leaderboard into the percentile table that lies beside a competition.

For maintainers: `python tools/leaderboard_table.py SCORES.csv --direction lower|higher >
leaderboard.csv`. SCORES.csv has one row per team and a column `score`. The table says how good a
score is among the human teams, and the list itself cannot be rebuilt from it.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections.abc import Sequence
from pathlib import Path

LARGEST_SHARE_OF_TEAMS = 1 / 3


def positions(teams: int) -> list[float]:
    """Return the places of a leaderboard that its table shows, from worst (0) to best (1).

    Every per cent, closer at both ends, and the best and second-best team.

    Parameters
    ----------
    teams : int
        Number of teams, at least 2.

    Returns
    -------
    list of float
        Sorted, at most a third as many as there are teams (but always both ends).
    """
    tails = [0.001, 0.002, 0.005]
    whole = max(2, min(100, math.floor(teams * LARGEST_SHARE_OF_TEAMS) - 2 * len(tails) - 2))
    grid = {step / whole for step in range(whole + 1)}
    if whole == 100:
        grid.update(tails, (round(1 - tail, 6) for tail in tails), [round(1 - 1 / teams, 6)])
    return sorted(grid)


def leaderboard_table(
    scores: Sequence[float], *, higher_is_better: bool
) -> list[tuple[float, float]]:
    """Sample the empirical quantile function of a leaderboard.

    The row of position p holds the score of the team at place `floor(p * (n - 1))` when the n teams
    are sorted from the worst (place 0) to the best (place n - 1). So a score that is better than
    this one beats every team up to that place, and a score equal to it beats at most the teams
    before that place (fewer if several teams share it). Positions that fall on one team are shown
    once.

    Parameters
    ----------
    scores : sequence of float
        Score of every team, in any order.
    higher_is_better : bool
        Direction of the metric.

    Returns
    -------
    list of (float, float)
        Position and score, from the worst team to the best.

    Raises
    ------
    ValueError
        If there are fewer than two scores, or one is not finite.
    """
    if len(scores) < 2:
        raise ValueError(f"a table needs two scores or more, got {len(scores)}")
    for score in scores:
        if not math.isfinite(score):
            raise ValueError(f"scores must be finite numbers, got {score}")
    ordered = sorted(scores, reverse=not higher_is_better)
    table = []
    shown = -1
    for position in positions(len(ordered)):
        # Rounded first: 0.29 * 100 is 28.999... in floating point.
        place = math.floor(round(position * (len(ordered) - 1), 6))
        if place > shown:
            table.append((position, ordered[place]))
            shown = place
    return table


def read_scores(path: Path) -> list[float]:
    """Read the column `score` of a CSV file.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Raises
    ------
    ValueError
        If there is no such column, or a cell of it is no number.
    """
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        if "score" not in (reader.fieldnames or []):
            raise ValueError(f"{path} has no column 'score'; its columns: {reader.fieldnames}")
        scores = []
        for row in reader:
            try:
                scores.append(float(row["score"]))
            except (TypeError, ValueError):
                raise ValueError(
                    f"{path}, line {reader.line_num}: score {row['score']!r} is not a number"
                ) from None
    return scores


def main() -> None:
    """Write the table of a leaderboard to standard output."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("scores", type=Path, metavar="SCORES.csv", help="one row per team")
    parser.add_argument("--direction", choices=["lower", "higher"], required=True, help="is better")
    arguments = parser.parse_args()
    try:
        table = leaderboard_table(
            read_scores(arguments.scores), higher_is_better=arguments.direction == "higher"
        )
    except (OSError, ValueError) as error:
        parser.error(str(error))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["position", "score"])
    writer.writerows((f"{position:.6g}", repr(score)) for position, score in table)


if __name__ == "__main__":
    main()
