"""Tables of a page."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from mlebench_data.harness.report.html.elements import node
from mlebench_data.harness.report.tables import Table


def html_table(table: Table, *, number: int | None = None, merge: bool = False) -> Element:
    """Make a table that can be scrolled sideways where the screen is narrow.

    Parameters
    ----------
    table : Table
        Its content.
    number : int, optional
        Its number on the page.
    merge : bool
        Whether equal cells of the first column become one.
    """
    title = f"Table {number}. {table.caption}." if number else f"{table.caption}."
    rows = []
    previous: str | None = None
    for cells in table.rows:
        first = cells[0] != previous
        previous = cells[0]
        rows.append(_row(cells, table, first=first, span=_span(table, cells[0], merge, first)))
    return node(
        "div",
        node(
            "table",
            node("caption", node("b", title)),
            node(
                "thead",
                node(
                    "tr",
                    (
                        node(
                            "th", column.heading, scope="col",
                            class_="number" if column.is_number else None,
                        )
                        for column in table.columns
                    ),
                ),
            ),
            node("tbody", rows),
        ),
        class_="scroll",
        role="region",
        aria_label=title,
        tabindex=0,
    )  # fmt: skip


def _span(table: Table, name: str, merge: bool, first: bool) -> int:
    """Return over how many rows the first cell goes: 0 where it is part of one above."""
    if not merge:
        return 1
    return sum(cells[0] == name for cells in table.rows) if first else 0


def _row(cells: Sequence[str], table: Table, *, first: bool, span: int) -> Element:
    row = node("tr", class_="first" if first else None)
    for place, (column, text) in enumerate(zip(table.columns, cells, strict=True)):
        if place == 0 and span == 0:
            continue
        kind = "number" if column.is_number else None
        if place < table.headers:
            spans = span if place == 0 and span > 1 else None
            scope = "rowgroup" if spans else "row"
            row.append(node("th", text, scope=scope, rowspan=spans, class_=kind))
        else:
            row.append(node("td", text, class_=kind))
    return row
