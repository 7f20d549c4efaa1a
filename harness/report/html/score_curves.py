"""Figure: score over time, from snapshots of submissions, with the thresholds of medals."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from xml.etree.ElementTree import Element

from mlebench_data.harness.report.aggregation import Report
from mlebench_data.harness.report.attempts import MEDALS, Attempt, Snapshot
from mlebench_data.harness.report.formatting import duration_text, score_text
from mlebench_data.harness.report.html.elements import node
from mlebench_data.harness.report.html.marks import agent_class, legend, mark
from mlebench_data.harness.report.html.scales import nice_ticks, tick_text, time_unit
from mlebench_data.harness.report.html.strips import figure, share

_WIDTH, _HEIGHT = 340.0, 220.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 48.0, 292.0, 10.0, 186.0
#: Height of a line of text.
_LINE = 11.0

Scale = Callable[[float], float]
"""From seconds or a score to a place in the panel."""


def score_curves(report: Report, number: int) -> Element | None:
    """Draw one panel for each competition; None without snapshots."""
    groups: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in report.runs.attempts:
        if any(_shown(point) for point in attempt.snapshots):
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
        node(
            "div",
            (_panel(name, groups[name], report.agents) for name in sorted(groups)),
            class_="panels",
        ),
    )


def _shown(point: Snapshot) -> bool:
    return point.score is not None and math.isfinite(point.score)


def _points(attempt: Attempt) -> list[tuple[float, float]]:
    """Return times and scores; between two of them the earlier score holds."""
    points = [(item.seconds, item.score) for item in attempt.snapshots if item.score is not None]
    if attempt.seconds is not None and attempt.valid and attempt.score is not None:
        points = [point for point in points if point[0] < attempt.seconds]
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
    end = max(time for points in curves.values() for time, _ in points)
    size, unit = time_unit(end)
    times = nice_ticks(0.0, end / size, 4)

    def x(seconds: float) -> float:
        return _LEFT + seconds / size / times[-1] * (_RIGHT - _LEFT)

    def y(score: float) -> float:
        return _BOTTOM - share(score, ticks) * (_BOTTOM - _TOP)

    lower = attempts[0].is_lower_better
    parts: list[Element] = []
    for tick in ticks:
        parts.append(node("line", x1=_LEFT, x2=_RIGHT, y1=y(tick), y2=y(tick), class_="grid"))
        text = tick_text(tick, ticks)
        parts.append(node("text", text, x=_LEFT - 5, y=y(tick) + 4, text_anchor="end"))
    for time in times:
        place = {"x": x(time * size), "y": _BOTTOM + 14, "text_anchor": "middle"}
        parts.append(node("text", tick_text(time, times), **place))
    middle = (_LEFT + _RIGHT) / 2
    unit_place = {"x": middle, "y": _BOTTOM + 29, "text_anchor": "middle", "class_": "axis-title"}
    parts.append(node("text", f"time ({unit})", **unit_place))
    parts += _threshold_lines(thresholds, y, lower)
    for attempt in attempts:
        parts += _curve(attempt, curves[attempt.key], agents.index(attempt.record.agent), x, y)
    metric = str((attempts[0].record.grading or {}).get("metric", "score"))
    return node(
        "div",
        node("p", node("b", competition), f"{metric} {'↓' if lower else '↑'}"),
        node(
            "svg",
            parts,
            viewBox=f"0 0 {_WIDTH:.0f} {_HEIGHT:.0f}",
            role="img",
            aria_label=_words(competition, attempts, curves),
        ),
        class_="panel",
    )


def _threshold_lines(thresholds: Mapping[str, float], y: Scale, lower: bool) -> list[Element]:
    """Draw the thresholds; their names stand apart even where the lines lie close together."""
    best_first = [name for name in (*MEDALS, "median") if name in thresholds]
    downwards = best_first[::-1] if lower else best_first
    places = [y(thresholds[name]) for name in downwards]
    parts = []
    for name, place, text_place in zip(downwards, places, apart(places), strict=True):
        title = node("title", f"{name}: {score_text(thresholds[name])}")
        line = {"x1": _LEFT, "x2": _RIGHT, "y1": place, "y2": place}
        parts.append(node("line", title, **line, class_=f"threshold {name}"))
        parts.append(node("text", name, x=_RIGHT + 4, y=text_place + 4, class_="threshold-name"))
    return parts


def apart(places: Sequence[float]) -> list[float]:
    """Move places, given from top to bottom, so that names at them do not overlap."""
    found: list[float] = []
    for place in places:
        found.append(max(place, found[-1] + _LINE) if found else place)
    # Names that were pushed below the panel push those above them up again.
    limit = _BOTTOM - 5
    for i in reversed(range(len(found))):
        found[i] = min(found[i], limit)
        limit = found[i] - _LINE
    return found


def _curve(
    attempt: Attempt, points: list[tuple[float, float]], agent: int, x: Scale, y: Scale
) -> list[Element]:
    """Draw a line with steps, for a submission holds until the next one, and a mark at its end."""
    path = f"M{x(points[0][0]):.1f} {y(points[0][1]):.1f}"
    for time, score in points[1:]:
        path += f"H{x(time):.1f}V{y(score):.1f}"
    time, score = points[-1]
    name = f"{attempt.record.agent}, seed {attempt.record.seed}: {score_text(score)}"
    return [
        node("path", node("title", name), d=path, class_=f"curve {agent_class(agent)}"),
        mark(agent, x(time), y(score), f"{name} after {duration_text(time)}"),
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
