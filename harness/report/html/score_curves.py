"""Figure: score over time, from snapshots of submissions, with the thresholds of medals."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element

from mlebench_data.harness.report.attempts import MEDALS, Attempt, Snapshot
from mlebench_data.harness.report.formatting import duration_text, score_text
from mlebench_data.harness.report.html.elements import node
from mlebench_data.harness.report.html.marks import agent_class, legend, mark
from mlebench_data.harness.report.html.panel import BOTTOM, LEFT, RIGHT, Panel, panels
from mlebench_data.harness.report.html.scales import nice_ticks
from mlebench_data.harness.report.html.strips import figure
from mlebench_data.harness.report.rows import Report

#: Height of a line of text.
_LINE = 11.0


def score_curves(report: Report, number: int) -> Element | None:
    """Draw one panel for each competition; None without snapshots."""
    groups: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in report.runs.attempts:
        if any(_shown(point) for point in attempt.snapshots_within):
            groups[attempt.record.competition_id].append(attempt)
    if not groups:
        return None
    return figure(
        number,
        "Score over time",
        "Score of the submission as it was at each snapshot, one line for each attempt, up to its "
        "end (mark). Snapshots are scored after the attempt; the agent learns nothing from them. "
        "Dashed: scores of the medals and of the median human. Scores far from all others lie at "
        "the edge. Arrows tell which way is better.",
        legend(report.agents),
        panels(_panel(name, groups[name], report.agents) for name in sorted(groups)),
    )


def _shown(point: Snapshot) -> bool:
    return point.score is not None and math.isfinite(point.score)


def _points(attempt: Attempt) -> list[tuple[float, float]]:
    """Return times and scores; between two of them the earlier score holds."""
    points = [
        (item.seconds, item.score) for item in attempt.snapshots_within if item.score is not None
    ]
    if attempt.seconds is not None and attempt.valid and attempt.score is not None:
        points.append((attempt.seconds, attempt.score))
    return [point for point in points if math.isfinite(point[1])]


def score_range(
    scores: Sequence[float], last: Sequence[float], thresholds: Sequence[float]
) -> tuple[float, float]:
    """Return which scores a panel shows.

    A first submission may be so bad that everything else would lie on one line. So scores further
    from the thresholds and the last scores than three times the span of these lie at the edge.

    Parameters
    ----------
    scores : sequence of float
        All scores; finite, at least one.
    last : sequence of float
        The last one of each attempt.
    thresholds : sequence of float
        Of the medals and the median; may be empty.
    """
    core = [*last, *thresholds]
    room = 3.0 * (max(core) - min(core))
    low, high = min(*scores, *core), max(*scores, *core)
    if room > 0:
        low, high = max(low, min(core) - room), min(high, max(core) + room)
    return low, high


def _panel(competition: str, attempts: list[Attempt], agents: tuple[str, ...]) -> Element:
    curves = {attempt.key: _points(attempt) for attempt in attempts}
    thresholds = next((a.thresholds for a in attempts if a.thresholds), {})
    scores = [score for points in curves.values() for _, score in points]
    last = [points[-1][1] for points in curves.values()]
    ticks = nice_ticks(*score_range(scores, last, list(thresholds.values())), 4)
    panel = Panel(ticks, max(time for points in curves.values() for time, _ in points))
    lower = attempts[0].is_lower_better
    parts = _threshold_lines(thresholds, panel, lower)
    for attempt in attempts:
        number = agents.index(attempt.record.agent)
        parts += _curve(attempt, curves[attempt.key], number, panel)
    metric = str((attempts[0].record.grading or {}).get("metric", "score"))
    words = _words(competition, attempts, curves)
    return panel.element(competition, f"{metric} {'↓' if lower else '↑'}", parts, words=words)


def _threshold_lines(thresholds: Mapping[str, float], panel: Panel, lower: bool) -> list[Element]:
    """Draw the thresholds; their names stand apart even where the lines lie close together."""
    best_first = [name for name in (*MEDALS, "median") if name in thresholds]
    downwards = best_first[::-1] if lower else best_first
    places = [panel.y(thresholds[name]) for name in downwards]
    parts = []
    for name, place, text_place in zip(downwards, places, apart(places), strict=True):
        title = node("title", f"{name}: {score_text(thresholds[name])}")
        line = {"x1": LEFT, "x2": RIGHT, "y1": place, "y2": place}
        parts.append(node("line", title, **line, class_=f"threshold {name}"))
        parts.append(node("text", name, x=RIGHT + 4, y=text_place + 4, class_="threshold-name"))
    return parts


def apart(places: Sequence[float]) -> list[float]:
    """Move places, given from top to bottom, so that names at them do not overlap."""
    found: list[float] = []
    for place in places:
        found.append(max(place, found[-1] + _LINE) if found else place)
    # Names that were pushed below the panel push those above them up again.
    limit = BOTTOM - 5
    for i in reversed(range(len(found))):
        found[i] = min(found[i], limit)
        limit = found[i] - _LINE
    return found


def _curve(
    attempt: Attempt, points: list[tuple[float, float]], agent: int, panel: Panel
) -> list[Element]:
    """Draw a line with steps, for a submission holds until the next one, and a mark at its end."""
    time, score = points[-1]
    name = f"{attempt.record.agent}, seed {attempt.record.seed}: {score_text(score)}"
    return [
        node(
            "path",
            node("title", name),
            d=panel.steps(points),
            class_=f"curve {agent_class(agent)}",
        ),
        mark(agent, panel.x(time), panel.y(score), f"{name} after {duration_text(time)}"),
    ]


def _words(
    competition: str,
    attempts: list[Attempt],
    curves: Mapping[tuple[str, str, int], list[tuple[float, float]]],
) -> str:
    """Say what a panel shows to those who do not see it."""
    ends = "; ".join(
        f"{attempt.record.agent}, seed {attempt.record.seed}, from {score_text(points[0][1])} to "
        f"{score_text(points[-1][1])}"
        for attempt in attempts
        if (points := curves[attempt.key])
    )
    return f"Score over time in {competition}: {ends}."
