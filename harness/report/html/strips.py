"""Figures of labelled rows: a label, a strip drawn over a shared axis, and a value.

Strips are SVG whose places across are shares of the width, so they fill any screen while text and
marks keep their size.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element

from mlebench_data.harness.report.html.elements import Child, node, percent
from mlebench_data.harness.report.html.scales import tick_text


def grid_lines(ticks: Sequence[float], height: float) -> list[Element]:
    """Draw a line at each tick."""
    return [
        node("line", x1=(x := percent(share(tick, ticks))), x2=x, y1=0, y2=height, class_="grid")
        for tick in ticks
    ]


def share(value: float, ticks: Sequence[float]) -> float:
    """Return where between the first and the last tick a value lies: 0 to 1."""
    return min(1.0, max(0.0, (value - ticks[0]) / (ticks[-1] - ticks[0])))


def strip(
    label: Child, ticks: Sequence[float], height: int, marks: Iterable[Element], value: str = ""
) -> Element:
    """Make a row."""
    return node(
        "div",
        node("span", label, class_="label"),
        node(
            "svg",
            grid_lines(ticks, height),
            marks,
            width="100%",
            height=height,
            aria_hidden="true",
        ),
        node("span", value, class_="value"),
        class_="strip",
    )


def axis(ticks: Sequence[float], title: str, unit: str = "") -> Element:
    """Make the row below the strips, with the numbers of the axis."""
    return node(
        "div",
        node("span", class_="label"),
        node(
            "svg",
            (
                node(
                    "text",
                    tick_text(tick, ticks) + unit,
                    x=percent(share(tick, ticks)),
                    y=13,
                    text_anchor="start" if i == 0 else "end" if tick == ticks[-1] else "middle",
                )
                for i, tick in enumerate(ticks)
            ),
            node("text", title, x="50%", y=30, text_anchor="middle", class_="axis-title"),
            width="100%",
            height=36,
            aria_hidden="true",
        ),
        node("span", class_="value"),
        class_="strip axis",
    )


def figure(
    number: int, title: str, caption: Child | Sequence[Child], *content: Child | Iterable[Child]
) -> Element:
    """Make a numbered figure."""
    text = [caption] if isinstance(caption, str | Element) or caption is None else caption
    return node(
        "figure",
        *content,
        node("figcaption", node("b", f"Figure {number}. {title}."), " ", text),
    )
