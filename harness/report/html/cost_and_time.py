"""Figure: time and cost by competition."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element

from mlebench_data.harness.report.attempts import Attempt
from mlebench_data.harness.report.estimates import Estimate
from mlebench_data.harness.report.formatting import dollars, duration_text
from mlebench_data.harness.report.html.elements import node, percent
from mlebench_data.harness.report.html.marks import agent_class, legend, mark
from mlebench_data.harness.report.html.scales import nice_ticks, time_unit
from mlebench_data.harness.report.html.strips import axis, figure, share, strip
from mlebench_data.harness.report.rows import CompetitionRow, Report

_ROW = 14

OfAttempt = Callable[[Attempt], float | None]
OfRow = Callable[[CompetitionRow], Estimate | None]


def cost_and_time(report: Report, number: int) -> Element | None:
    """Draw the figure; None where no attempt has a time."""
    seconds = [a.seconds for a in report.runs.attempts if a.final and a.seconds is not None]
    if not seconds:
        return None
    size, unit = time_unit(max(seconds))
    parts = [
        _part(
            report,
            f"time of an attempt ({unit})",
            lambda attempt: None if attempt.seconds is None else attempt.seconds / size,
            lambda row: row.hours,
            lambda mean: duration_text(mean * 3600),
        )
    ]
    with_cost = any(a.final and a.cost_usd is not None for a in report.runs.attempts)
    if with_cost:
        cost = _part(
            report,
            "cost of an attempt (US dollars)",
            lambda attempt: attempt.cost_usd,
            lambda row: row.cost_usd,
            dollars,
        )
        parts.append(cost)
    return figure(
        number,
        "Time and cost by competition" if with_cost else "Time by competition",
        "Bars: mean over the attempts; marks: each attempt. "
        + (
            "Cost is what language models cost, as the proxy counted it."
            if with_cost
            else "No cost of language models was recorded."
        ),
        legend(report.agents),
        node("div", parts, class_="side-by-side"),
    )


def _part(
    report: Report, title: str, of: OfAttempt, of_row: OfRow, words: Callable[[float], str]
) -> Element:
    values = [value for a in report.runs.attempts if a.final and (value := of(a)) is not None]
    ticks = nice_ticks(0.0, max([*values, 1e-9]))
    names = dict.fromkeys(row.competition_id for row in report.competitions)
    rows = [_row(name, report, ticks, of, of_row, words) for name in names]
    return node("div", rows, axis(ticks, title), class_="strips")


def _row(
    competition: str,
    report: Report,
    ticks: list[float],
    of: OfAttempt,
    of_row: OfRow,
    words: Callable[[float], str],
) -> Element:
    marks: list[Element] = []
    shown = []
    y = 4.0
    for row in report.competitions:
        mean = of_row(row) if row.competition_id == competition else None
        if mean is None:
            continue
        agent = report.agents.index(row.agent)
        own = {
            attempt.record.seed: value
            for attempt in report.runs.attempts
            if attempt.final
            and attempt.key[:2] == (competition, row.agent)
            and (value := of(attempt)) is not None
        }
        width = share(sum(own.values()) / len(own), ticks)
        title = node("title", f"{row.agent}: {words(mean.mean)} (mean)")
        bar = {"x": 0, "y": y + 2, "width": percent(width), "height": _ROW - 4}
        marks.append(node("rect", title, **bar, class_=f"amount {agent_class(agent)}"))
        marks += [
            mark(agent, percent(share(value, ticks)), y + _ROW / 2, f"{row.agent}, seed {seed}")
            for seed, value in own.items()
        ]
        shown.append(words(mean.mean))
        y += _ROW
    # More than two numbers have no room; the table of competitions has them all.
    text = " / ".join(shown) if len(report.agents) <= 2 else ""
    return strip(competition, ticks, int(y + 4), marks, text)
