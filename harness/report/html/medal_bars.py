"""Figure: medals by split, as stacked bars with the standard error of their sum."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from mlebench_data.harness.report.aggregation import Report, SplitRow
from mlebench_data.harness.report.attempts import MEDALS
from mlebench_data.harness.report.formatting import mean_text, plural
from mlebench_data.harness.report.html.elements import node, percent
from mlebench_data.harness.report.html.scales import nice_ticks
from mlebench_data.harness.report.html.strips import axis, figure, share, strip

_HEIGHT = 24
_BAR = 14


def medal_bars(report: Report, number: int) -> Element | None:
    """Draw the figure; None where no split has medals."""
    rows = [row for row in report.splits if row.estimates["any_medal"]]
    if not rows:
        return None
    ticks = nice_ticks(0.0, min(100.0, max(5.0, max(map(_end, rows)))))
    content: list[Element] = []
    for split in dict.fromkeys(row.split for row in rows):
        inside = [row for row in rows if row.split == split]
        size = f"{plural(inside[0].with_leaderboard, 'competition')} with medals"
        content.append(node("p", node("b", split), f" ({size})", class_="group"))
        content += [_bar(row, ticks) for row in inside]
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
        "Medals by split",
        "Percent of the competitions in which an agent's submission would have won a medal, mean "
        "over seeds. Whiskers: standard error of any medal; none with one seed. Table 1 holds the "
        "numbers.",
        legend,
        node("div", content, axis(ticks, "competitions with a medal", " %"), class_="strips"),
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
