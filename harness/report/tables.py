"""The tables of a report as text, for every form that people read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from mlebench_data.harness.report.attempts import Attempt
from mlebench_data.harness.report.formatting import (
    NOTHING,
    dollars,
    duration_text,
    fixed,
    mean_text,
    plural,
    printable,
    score_estimate,
    score_text,
)
from mlebench_data.harness.report.measures import MEASURES, Measure
from mlebench_data.harness.report.medals_over_time import round_times
from mlebench_data.harness.report.rows import CompetitionRow, Report, SplitRow


@dataclass(frozen=True)
class Column:
    """A column: its heading, and whether it holds numbers."""

    heading: str
    is_number: bool = True


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes
    ----------
    caption : str
        What it shows.
    columns : sequence of Column
        Its columns.
    rows : sequence of sequence of str
        The cells. Nothing in them commands a terminal; no markup is escaped.
    headers : int
        How many of the first columns name the row.
    """

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    headers: int


def split_table(report: Report) -> Table:
    """Return one row for each split and agent."""
    return _group_table(report.splits, report, "Split", f"By split: {_SPLIT_CAPTION}")


def category_table(report: Report) -> Table | None:
    """Return one row for each category of competitions and agent; None with one category only."""
    if len({row.split for row in report.categories}) < 2:
        return None
    caption = f"By category: {_SPLIT_CAPTION}"
    return _group_table(report.categories, report, "Category", caption)


def _group_table(rows: Sequence[SplitRow], report: Report, heading: str, caption: str) -> Table:
    columns = [
        Column(heading, False),
        Column("Agent", False),
        *(Column(name) for name in _split_headings(report)),
    ]
    cells = [[split_name(row), printable(row.agent), *_split_cells(row, report)] for row in rows]
    return Table(caption, columns, cells, 2)


def time_table(report: Report) -> Table | None:
    """Return one row for each split and agent, a column for some times; None without snapshots."""
    curves = report.medals_over_time
    if not curves:
        return None
    known = [time for time, _ in curves[0].points]
    chosen = [known.index(time) for time in round_times(known[-1], _TIMES)[1:-1]]
    chosen.append(len(known) - 1)
    columns = [
        Column("Split", False),
        Column("Agent", False),
        *(Column(duration_text(curves[0].points[i][0])) for i in chosen),
        Column("With snapshots"),
    ]
    rows = [
        [
            printable(curve.split),
            printable(curve.agent),
            *(mean_text(curve.points[i][1], decimals=1) for i in chosen),
            f"{curve.attempts_with_snapshots} of {curve.attempts}",
        ]
        for curve in curves
    ]
    caption = "Medals over time: percent of the competitions in which what lay in the submission "
    caption += "folder would have won a medal, mean ± standard error over seeds"
    return Table(caption, columns, rows, 2)


def split_tables_across(report: Report) -> list[Table]:
    """Return a table for each split with a column for each agent, which fits on narrow screens."""
    tables = []
    for split in dict.fromkeys(row.split for row in report.splits):
        rows = [row for row in report.splits if row.split == split]
        cells = [_split_cells(row, report) for row in rows]
        tables.append(
            Table(
                f"{split_name(rows[0])}: {_SPLIT_CAPTION}",
                [Column("", False), *(Column(printable(row.agent)) for row in rows)],
                [
                    [heading.lower(), *values]
                    for heading, *values in zip(_split_headings(report), *cells, strict=True)
                ],
                1,
            )
        )
    return tables


#: Most columns of a table of times.
_TIMES = 8
_SPLIT_CAPTION = "percent of its competitions, mean ± standard error over seeds"


def split_name(row: SplitRow) -> str:
    """Return the split and its size; where not all of it has medals, also how much has."""
    some = (
        "" if row.with_leaderboard == row.competitions else f", {row.with_leaderboard} with medals"
    )
    return f"{printable(row.split)} ({row.competitions}{some})"


def _split_headings(report: Report) -> list[str]:
    return [
        "Seeds",
        *(measure.title for measure in MEASURES),
        *(f"pass@{k}" for k in report.pass_at),
        "Time/seed",
        *(["Cost/seed"] if _with_cost(report) else []),
    ]


def _split_cells(row: SplitRow, report: Report) -> list[str]:
    return [
        seeds_text(row),
        *(mean_text(row.estimates[measure.name]) for measure in MEASURES),
        *(fixed(row.pass_at[k], 2) for k in report.pass_at),
        duration_text(None if row.hours is None else row.hours * 3600),
        *([dollars(row.cost_usd)] if _with_cost(report) else []),
    ]


def _with_cost(report: Report) -> bool:
    return any(row.cost_usd is not None for row in report.splits)


def seeds_text(row: SplitRow) -> str:
    """Return how many seeds count, and of how many where some do not."""
    total = len(row.seeds) + len(row.incomplete_seeds)
    return str(total) if len(row.seeds) == total else f"{len(row.seeds)} of {total}"


def incomplete_lines(report: Report) -> list[str]:
    """Say which seeds do not count, and what they miss."""
    lines = []
    for row in report.splits:
        if not row.missing:
            continue
        names = ", ".join(printable(label) for label in row.missing[:3])
        more = f" and {len(row.missing) - 3} more" if len(row.missing) > 3 else ""
        what = f"{printable(row.split)}, {printable(row.agent)}: {names}{more}"
        if row.incomplete_seeds:
            seeds = plural(len(row.incomplete_seeds), "incomplete seed")
            hint = (
                "" if report.pad_missing else "; --pad-missing counts missing attempts as failures"
            )
            lines.append(f"{what} missing, so {seeds} not counted{hint}.")
        else:
            lines.append(f"{what} missing, counted as failures (--pad-missing).")
    return lines


def competition_table(report: Report) -> Table:
    """Return one row for each competition and agent.

    Shares of a few attempts are easier to read as numbers of attempts, so these stand here; CSV and
    JSON have them as percent with a standard error.
    """
    with_cost = any(row.cost_usd is not None for row in report.competitions)
    columns = [
        Column("Competition", False),
        Column("Agent", False),
        Column("Attempts"),
        *(Column(measure.title) for measure in MEASURES),
        Column("Score"),
        Column("Best"),
        Column("Metric", False),
        Column("Time"),
        *([Column("Cost")] if with_cost else []),
    ]
    return Table(
        "By competition: number of attempts; score, percentile and normalised score as mean ± "
        "standard error over seeds",
        columns,
        [_competition_cells(row, with_cost) for row in report.competitions],
        2,
    )


def without_columns(table: Table, headings: Collection[str]) -> Table:
    """Return a table with fewer columns, for narrow screens."""
    kept = [i for i, column in enumerate(table.columns) if column.heading not in headings]
    return replace(
        table,
        columns=[table.columns[i] for i in kept],
        rows=[[cells[i] for i in kept] for cells in table.rows],
    )


def _competition_cells(row: CompetitionRow, with_cost: bool) -> list[str]:
    arrow = ("↓" if row.is_lower_better else "↑") if row.metric else ""
    hours = row.hours.mean if row.hours else None
    return [
        printable(row.competition_id),
        printable(row.agent),
        _attempts_text(row),
        *(_measure_text(row, measure) for measure in MEASURES),
        score_estimate(row.score),
        score_text(row.best_score),
        f"{printable(row.metric)} {arrow}".strip(),
        duration_text(None if hours is None else hours * 3600),
        *([dollars(row.cost_usd.mean if row.cost_usd else None)] if with_cost else []),
    ]


def _measure_text(row: CompetitionRow, measure: Measure) -> str:
    found = row.estimates[measure.name]
    if found is None:
        return NOTHING
    if measure.is_yes_or_no:
        return str(round(found.mean / 100 * row.attempts))
    return mean_text(found, decimals=1 if measure.is_percent else 2)


def _attempts_text(row: CompetitionRow) -> str:
    if row.padded:
        return f"{row.attempts} ({row.padded} padded)"
    if row.missing:
        return f"{row.attempts} of {row.attempts + len(row.missing)}"
    return str(row.attempts)


ATTEMPT_COLUMNS = (
    Column("Competition", False),
    Column("Agent", False),
    Column("Seed"),
    Column("Outcome", False),
    Column("Score"),
    Column("Medal", False),
    Column("Percentile"),
    Column("Time"),
    Column("Note", False),
)


def attempt_table(attempts: Sequence[Attempt], caption: str) -> Table:
    """Return one row for each attempt."""
    return Table(caption, ATTEMPT_COLUMNS, [attempt_cells(item) for item in attempts], 3)


def attempt_cells(attempt: Attempt) -> list[str]:
    """Return the cells of an attempt."""
    record = attempt.record
    return [
        printable(record.competition_id),
        printable(record.agent),
        str(record.seed),
        record.outcome,
        "" if attempt.score is None else score_text(attempt.score),
        attempt.medal or ("none" if attempt.thresholds else "n/a"),
        "" if attempt.percentile is None else f"{100 * attempt.percentile:.1f}",
        duration_text(attempt.seconds),
        note_text(attempt),
    ]


def note_text(attempt: Attempt) -> str:
    """Explain an outcome."""
    record = attempt.record
    parts = [printable(record.reason)] if record.reason else []
    if record.outcome in ("scored", "invalid"):
        # These follow from the submission alone, so how the agent ended is told besides.
        if record.ended not in (None, "exited"):
            parts.append(f"ended: {printable(str(record.ended))}")
        elif record.exit_code:
            parts.append(f"exit code {printable(str(record.exit_code))}")
    if record.tries != 1:
        parts.append(f"try {printable(str(record.tries))}")
    return "; ".join(parts)
