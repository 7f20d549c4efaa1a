"""A small drawing over time: its axes, and what they make of times and values.

Panels stand side by side, as many as the screen is wide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element

from mlebench_data.harness.report.html.elements import node
from mlebench_data.harness.report.html.scales import tick_text, time_ticks, time_unit
from mlebench_data.harness.report.html.strips import share

WIDTH, HEIGHT = 340.0, 220.0
LEFT, RIGHT, TOP, BOTTOM = 48.0, 292.0, 10.0, 186.0


class Panel:
    """A panel.

    Parameters
    ----------
    ticks : sequence of float
        The values that the axis on the left shows, evenly spaced; it ends at the first and last.
    end : float
        The last time, in seconds.
    unit : str
        Follows the numbers of the axis on the left.
    """

    def __init__(self, ticks: Sequence[float], end: float, *, unit: str = "") -> None:
        self._ticks = ticks
        self._unit = unit
        size, self._time_unit = time_unit(end)
        self._end = time_ticks(end)[-1]
        self._times = [time / size for time in time_ticks(end)]
        self._size = size

    def x(self, seconds: float) -> float:
        """Return the place of a time."""
        return LEFT + seconds / self._end * (RIGHT - LEFT)

    def y(self, value: float) -> float:
        """Return the place of a value; one beyond the axis lies at its end."""
        return BOTTOM - share(value, self._ticks) * (BOTTOM - TOP)

    def steps(self, points: Sequence[tuple[float, float]]) -> str:
        """Return the path through points of which each holds until the next one."""
        path = f"M{self.x(points[0][0]):.1f} {self.y(points[0][1]):.1f}"
        for time, value in points[1:]:
            path += f"H{self.x(time):.1f}V{self.y(value):.1f}"
        return path

    def element(
        self, title: str, subtitle: str, marks: Iterable[Element], *, words: str
    ) -> Element:
        """Make the element; `words` say what it shows to those who do not see it."""
        drawing = node(
            "svg",
            self._axes(),
            marks,
            viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}",
            role="img",
            aria_label=words,
        )
        return node("div", node("p", node("b", title), subtitle), drawing, class_="panel")

    def _axes(self) -> list[Element]:
        parts: list[Element] = []
        for tick in self._ticks:
            y = self.y(tick)
            text = tick_text(tick, self._ticks) + self._unit
            parts.append(node("line", x1=LEFT, x2=RIGHT, y1=y, y2=y, class_="grid"))
            parts.append(node("text", text, x=LEFT - 5, y=y + 4, text_anchor="end"))
        for time in self._times:
            place = {"x": self.x(time * self._size), "y": BOTTOM + 14, "text_anchor": "middle"}
            parts.append(node("text", tick_text(time, self._times), **place))
        place = {"x": (LEFT + RIGHT) / 2, "y": BOTTOM + 29, "text_anchor": "middle"}
        parts.append(node("text", f"time ({self._time_unit})", **place, class_="axis-title"))
        return parts


def panels(elements: Iterable[Element]) -> Element:
    """Place panels side by side."""
    return node("div", elements, class_="panels")
