"""Figure: medals over time in each split, from snapshots of submissions."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from mlebench_data.harness.report.formatting import duration_text, mean_text, plural
from mlebench_data.harness.report.html.elements import node
from mlebench_data.harness.report.html.marks import agent_class, legend, mark
from mlebench_data.harness.report.html.panel import Panel, panels
from mlebench_data.harness.report.html.scales import nice_ticks
from mlebench_data.harness.report.html.strips import figure
from mlebench_data.harness.report.medals_over_time import MedalCurve
from mlebench_data.harness.report.rows import Report


def medal_curves(report: Report, number: int) -> Element | None:
    """Draw one panel for each split; None without snapshots."""
    curves = report.medals_over_time
    if not curves:
        return None
    # One axis for all, so that splits can be compared.
    highest = max(_high(curve) for curve in curves)
    ticks = nice_ticks(0.0, min(100.0, max(5.0, highest)), 4)
    splits = dict.fromkeys(curve.split for curve in curves)
    total = sum(curve.attempts for curve in curves)
    with_snapshots = sum(curve.attempts_with_snapshots for curve in curves)
    some = (
        ""
        if with_snapshots == total
        else "An attempt without snapshots counts from its end on. The panels say how many have "
        "some. "
    )
    return figure(
        number,
        "Medals over time",
        "Percent of the competitions in which what lay in the submission folder at that time would "
        "have won a medal, mean over seeds; it falls where a better submission was replaced. From "
        "the end of an attempt on, its submission counts. "
        f"{some}Bands: standard error; none with one seed.",
        legend(report.agents),
        panels(
            _panel(split, [c for c in curves if c.split == split], ticks, report.agents)
            for split in splits
        ),
    )


def _high(curve: MedalCurve) -> float:
    return max(value.mean + (value.standard_error or 0.0) for _, value in curve.points)


def _panel(
    split: str, curves: Sequence[MedalCurve], ticks: Sequence[float], agents: tuple[str, ...]
) -> Element:
    panel = Panel(ticks, curves[0].points[-1][0], unit=" %")
    numbers = [agents.index(curve.agent) for curve in curves]
    marks = [
        *(_band(curve, number, panel) for curve, number in zip(curves, numbers, strict=True)),
        *(
            part
            for curve, number in zip(curves, numbers, strict=True)
            for part in _line(curve, number, panel)
        ),
    ]
    total = sum(curve.attempts for curve in curves)
    some = sum(curve.attempts_with_snapshots for curve in curves)
    subtitle = plural(total, "attempt") + (f", {some} with snapshots" if some < total else "")
    ends = "; ".join(
        f"{curve.agent}, from {mean_text(curve.points[0][1], decimals=1)} to "
        f"{mean_text(curve.points[-1][1], decimals=1)} percent after "
        f"{duration_text(curve.points[-1][0])}"
        for curve in curves
    )
    return panel.element(split, subtitle, marks, words=f"Medals over time in {split}: {ends}.")


def _band(curve: MedalCurve, number: int, panel: Panel) -> Element:
    """Draw the standard error."""
    low = [(time, value.mean - (value.standard_error or 0.0)) for time, value in curve.points]
    high = [(time, value.mean + (value.standard_error or 0.0)) for time, value in curve.points]
    path = panel.steps(high) + f"V{panel.y(low[-1][1]):.1f}"
    # Back along the lower edge; a value holds until the next one, so steps are at the later time.
    for (time, _), (_, before) in zip(low[:0:-1], low[-2::-1], strict=True):
        path += f"H{panel.x(time):.1f}V{panel.y(before):.1f}"
    path += f"H{panel.x(low[0][0]):.1f}"
    return node("path", d=f"{path}Z", class_=f"band {agent_class(number)}")


def _line(curve: MedalCurve, number: int, panel: Panel) -> list[Element]:
    points = [(time, value.mean) for time, value in curve.points]
    time, value = curve.points[-1]
    name = f"{curve.agent}, {curve.split}: {mean_text(value, decimals=1)} %"
    return [
        node(
            "path",
            node("title", name),
            d=panel.steps(points),
            class_=f"curve {agent_class(number)}",
        ),
        mark(number, panel.x(time), panel.y(value.mean), f"{name} after {duration_text(time)}"),
    ]
