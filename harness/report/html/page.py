"""A report as one HTML page: tables and figures, nothing fetched from anywhere."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element

from mlebench_data.harness.report.formatting import plural
from mlebench_data.harness.report.html.cost_and_time import cost_and_time
from mlebench_data.harness.report.html.elements import node, raw_text, to_text
from mlebench_data.harness.report.html.html_tables import html_table
from mlebench_data.harness.report.html.medal_bars import medals_by_category, medals_by_split
from mlebench_data.harness.report.html.medal_curves import medal_curves
from mlebench_data.harness.report.html.percentile_dots import percentile_dots
from mlebench_data.harness.report.html.score_curves import score_curves
from mlebench_data.harness.report.html.style import STYLE
from mlebench_data.harness.report.provenance_summary import data_rows, provenance_summary
from mlebench_data.harness.report.rows import Report
from mlebench_data.harness.report.tables import (
    Column,
    Table,
    attempt_table,
    category_table,
    competition_table,
    incomplete_lines,
    split_table,
    without_columns,
)

#: The page may show itself and nothing else, whatever a record smuggles in.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_FIGURES: tuple[tuple[str, Callable[[Report, int], Element | None]], ...] = (
    ("no competition of these runs has medals", medals_by_split),
    ("fewer than two categories with medals", medals_by_category),
    ("no snapshots of competitions with medals (--snapshot-every)", medal_curves),
    ("no competition of these runs has a leaderboard", percentile_dots),
    ("no snapshots of valid submissions (--snapshot-every)", score_curves),
    ("no attempt has a time", cost_and_time),
)


def to_html(report: Report) -> str:
    """Return the page."""
    body = node(
        "body",
        node("main", _head(report), _results(report), _details(report), _origin(report)),
    )
    head = node(
        "head",
        node("meta", charset="utf-8"),
        node("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        node("meta", name="viewport", content="width=device-width, initial-scale=1"),
        node("title", f"Results of {', '.join(report.agents)}"),
        raw_text("style", STYLE),
    )
    return "<!DOCTYPE html>\n" + to_text(node("html", head, body, lang="en")) + "\n"


def _head(report: Report) -> list[Element]:
    attempts = report.runs.attempts
    competitions = {competition for competition, _, _ in report.runs.asked}
    seeds = {seed for _, _, seed in report.runs.asked}
    days = sorted(str(a.record.started_at)[:10] for a in attempts if a.record.started_at)
    when = "" if not days else f", {days[0]}" + (f" to {days[-1]}" if days[-1] != days[0] else "")
    facts = ", ".join(
        [
            plural(len(report.agents), "agent"),
            plural(len(competitions), "competition"),
            plural(len(seeds), "seed"),
            plural(len(attempts), "attempt"),
        ]
    )
    lines = [*incomplete_lines(report), *report.notes]
    found = [node("h1", "Results"), node("p", facts + when + ".", class_="lede")]
    if lines:
        items = node("ul", (node("li", line) for line in lines))
        title = node("h2", "Read this first")
        found.append(node("section", title, items, class_="notes"))
    return found


def _results(report: Report) -> list[Element]:
    padding = (
        "Missing attempts count as failures."
        if report.pad_missing
        else "A seed counts only if no attempt of the split is missing."
    )
    found = [
        html_table(split_table(report), number=1, merge=True),
        node(
            "p",
            "Made: there is a submission. Valid: it follows the format. Medals and median as the "
            "score would have ranked among the humans; only the best medal counts. Percentile: "
            "share of the human teams beaten. Normalised: 0 is the sample submission, 1 a gold "
            "medal, without bounds. An attempt without a valid submission has 0 in both. "
            "Competitions without a leaderboard count for made and valid only. Standard error: "
            "standard deviation over seeds (ddof 1) over the square root of their number. "
            f"{padding}",
            class_="method",
        ),
    ]
    absent = []
    number = 1
    for why_not, draw in _FIGURES:
        element = draw(report, number)
        if element is None:
            absent.append(why_not)
        else:
            found.append(element)
            number += 1
    if absent:
        found.append(node("p", f"Figures left out: {'; '.join(absent)}.", class_="method"))
    return found


def _details(report: Report) -> list[Element]:
    failed = [attempt for attempt in report.runs.attempts if not attempt.valid]
    number = 2
    found: list[Element] = []
    by_category = category_table(report)
    if by_category is not None:
        found += [node("h2", "Categories"), html_table(by_category, number=number, merge=True)]
        number += 1
    found += [
        node("h2", "Competitions"),
        html_table(competition_table(report), number=number, merge=True),
        node("h2", "Attempts without a score"),
    ]
    if failed:
        caption = "Attempts that have no valid submission, and why"
        content = without_columns(attempt_table(failed, caption), ("Score", "Medal", "Percentile"))
        table = html_table(content, number=number + 1)
        found.append(node("div", table, class_="attempts"))
    else:
        found.append(node("p", "None: all attempts have a valid submission."))
    every = html_table(attempt_table(report.runs.attempts, "All attempts"))
    summary = node("summary", f"All {plural(len(report.runs.attempts), 'attempt')}")
    found.append(node("details", summary, every, class_="attempts"))
    return found


def _origin(report: Report) -> list[Element]:
    entries: list[Element] = []
    for title, values in provenance_summary(report.runs):
        entries.append(node("dt", title))
        entries.extend(node("dd", value) for value in values)
    columns = [Column(name, False) for name in ("Competition", "Version", "Data from", "Manifest")]
    table = Table(
        "Data and metric of each competition (beginnings of their SHA-256)",
        [*columns, Column("Metric", False)],
        data_rows(report.runs),
        1,
    )
    return [node("h2", "Provenance"), node("dl", entries), html_table(table)]
