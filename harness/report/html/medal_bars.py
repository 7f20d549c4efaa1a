"""Figures: medals by split and by category, as stacked bars with the error of their sum."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from mlebench_data.harness.report.attempts import MEDALS
from mlebench_data.harness.report.formatting import mean_text, plural
from mlebench_data.harness.report.html.elements import node, percent
from mlebench_data.harness.report.html.scales import nice_ticks
from mlebench_data.harness.report.html.strips import axis, figure, share, strip
from mlebench_data.harness.report.rows import Report, SplitRow

_HEIGHT = 24
_BAR = 14


def medals_by_split(report: Report, number: int) -> Element | None:
    """Draw a group of bars for each split; None where none has medals."""
    return _figure(number, "Medals by split", report.splits, "Table 1 holds the numbers.")


def medals_by_category(report: Report, number: int) -> Element | None:
    """Draw a group of bars for each category; None where fewer than two have medals."""
    if len({row.split for row in report.categories if row.with_leaderboard}) < 2:
        return None
    caption = "A seed counts in a category if it is complete there."
    return _figure(number, "Medals by category", report.categories, caption)


def _figure(number: int, title: str, all_rows: Sequence[SplitRow], more: str) -> Element | None:
    rows = [row for row in all_rows if row.estimates["any_medal"]]
    if not rows:
        return None
    ticks = nice_ticks(0.0, min(100.0, max(5.0, max(map(_end, rows)))))
    groups: list[Element] = []
    for name in dict.fromkeys(row.split for row in rows):
        inside = [row for row in rows if row.split == name]
        size = f"{plural(inside[0].with_leaderboard, 'competition')} with medals"
        bars = [_bar(row, ticks) for row in inside]
        groups.append(node("p", node("b", name), f" ({size})", class_="group"))
        groups += bars
    legend = node(
        "ul",
        (
            node("li", node("i", class_=f"swatch {medal}", aria_hidden="true"), medal)
            for medal in MEDALS
        ),
        class_="legend",
    )
    return figure(
        number,
        title,
        "Percent of the competitions in which an agent's submission would have won a medal, mean "
        f"over seeds. Whiskers: standard error of any medal; none with one seed. {more}",
        legend,
        node("div", groups, axis(ticks, "competitions with a medal", " %"), class_="strips"),
    )


def _end(row: SplitRow) -> float:
    total = row.estimates["any_medal"]
    assert total is not None
    return total.mean + (total.standard_error or 0.0)


def _bar(row: SplitRow, ticks: list[float]) -> Element:
    top = (_HEIGHT - _BAR) / 2
    marks = []
    start = 0.0
    for medal in MEDALS:
        part = row.estimates[medal]
        assert part is not None
        begin, end = share(start, ticks), share(start + part.mean, ticks)
        start += part.mean
        if end > begin:
            title = node("title", f"{row.agent}, {row.split}: {medal} {mean_text(part)} %")
            marks.append(
                node(
                    "rect",
                    title,
                    x=percent(begin),
                    width=percent(end - begin),
                    y=top,
                    height=_BAR,
                    class_=f"bar {medal}",
                )
            )
    total = row.estimates["any_medal"]
    assert total is not None
    if total.standard_error is not None:
        low = percent(share(total.mean - total.standard_error, ticks))
        high = percent(share(total.mean + total.standard_error, ticks))
        middle = _HEIGHT / 2
        across = {"x1": low, "x2": high, "y1": middle, "y2": middle}
        # Below in the colour of the page, so that it stands out from every bar.
        marks.append(node("line", **across, class_="halo"))
        marks.append(node("line", **across, class_="whisker"))
        marks += [
            node("line", x1=x, x2=x, y1=middle - 4, y2=middle + 4, class_="whisker")
            for x in (low, high)
        ]
    return strip(row.agent, ticks, _HEIGHT, marks, mean_text(total, decimals=1))
