"""Figure: percentile among the humans in each competition, a dot for each seed."""

from __future__ import annotations

from collections import defaultdict
from xml.etree.ElementTree import Element

from mlebench_data.harness.report.attempts import Attempt
from mlebench_data.harness.report.html.elements import node, percent
from mlebench_data.harness.report.html.marks import agent_class, legend, mark
from mlebench_data.harness.report.html.strips import axis, figure, share, strip
from mlebench_data.harness.report.rows import Report

_TICKS = [0.0, 25.0, 50.0, 75.0, 100.0]
_ROW = 12


def percentile_dots(report: Report, number: int) -> Element | None:
    """Draw the figure; None where no competition has a leaderboard."""
    groups: dict[str, list[Attempt]] = defaultdict(list)
    ranked = {
        row.competition_id for row in report.competitions if row.estimates["percentile"] is not None
    }
    for attempt in report.runs.attempts:
        if attempt.final and attempt.record.competition_id in ranked:
            groups[attempt.record.competition_id].append(attempt)
    if not groups:
        return None
    # The best first: the order shows at a glance where agents do well.
    order = sorted(groups, key=lambda name: (-_mean(groups[name]), name))
    rows = [_row(name, groups[name], report.agents) for name in order]
    return figure(
        number,
        "Percentile by competition",
        "Share of the human teams that a submission beats; one mark for each seed, a line at the "
        "mean of each agent. Hollow marks at 0: no valid submission. Ordered by the mean.",
        legend(report.agents),
        node("div", rows, axis(_TICKS, "percentile", " %"), class_="strips"),
    )


def _value(attempt: Attempt) -> float:
    return 100.0 * attempt.percentile if attempt.valid and attempt.percentile is not None else 0.0


def _mean(attempts: list[Attempt]) -> float:
    return sum(map(_value, attempts)) / len(attempts)


def _row(competition: str, attempts: list[Attempt], agents: tuple[str, ...]) -> Element:
    present = [name for name in agents if any(a.record.agent == name for a in attempts)]
    height = 8 + _ROW * len(present)
    marks: list[Element] = []
    for place, agent in enumerate(present):
        y = 4 + _ROW * (place + 0.5)
        own = [attempt for attempt in attempts if attempt.record.agent == agent]
        x = percent(share(_mean(own), _TICKS))
        colour = agent_class(agents.index(agent))
        marks.append(node("line", x1=x, x2=x, y1=y - 6, y2=y + 6, class_=f"mean {colour}"))
        marks += [
            mark(
                agents.index(agent),
                percent(share(_value(attempt), _TICKS)),
                y,
                f"{agent}, seed {attempt.record.seed}: "
                + (f"{_value(attempt):.1f} %" if attempt.valid else attempt.record.outcome),
                hollow=not attempt.valid,
            )
            for attempt in own
        ]
    return strip(competition, _TICKS, height, marks)
