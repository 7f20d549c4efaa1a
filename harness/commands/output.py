"""How verbs write: results to stdout, everything else to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


def console(stream: TextIO | None = None) -> Console:
    """Return a console on stderr, or on another stream.

    Into a pipe or file, lines are not cut to a width of 80 columns that nobody looks at.
    """
    from rich.console import Console

    target = stream or sys.stderr
    wide = None if target.isatty() or "COLUMNS" in os.environ else 160
    return Console(file=target, highlight=False, width=wide)


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    right: Sequence[str] = (),
    to: TextIO | None = None,
) -> None:
    """Print a table; `right` names the columns aligned to the right.

    Only notes are wrapped: what stands in the other columns is to be copied and searched for.
    """
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    needed = 3 * len(columns)
    for name, *column in zip(columns, *cells, strict=True):
        wraps = name in ("note", "problem")
        longest = max(map(cell_len, [name, *column]))
        least = min(longest, 30) if wraps else longest
        table.add_column(
            name,
            justify="right" if name in right else "left",
            no_wrap=not wraps,
            min_width=least,
        )
        needed += least
    for row in cells:
        table.add_row(*map(Text, row))
    target = console(to or sys.stdout)
    # A screen that is too narrow breaks the lines itself, which loses nothing.
    target.width = max(target.width, needed)
    target.print(table)


def progress() -> Progress:
    """Return a progress display on stderr: bar, count, rate, elapsed and remaining time."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TaskProgressColumn(show_speed=True),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console(),
        transient=True,
    )


def size(number: float) -> str:
    """Return a number of bytes for people: 1.5 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(number) < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
