"""A table of a run that renews itself while the run goes on."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from mlebench_data.harness.following import Progress, progress

if TYPE_CHECKING:
    from rich.console import Console, Group

    from mlebench_data.harness.attempt import Attempt
    from mlebench_data.harness.result import AttemptResult

_BUSY = ("starting", "running", "scoring", "failed", "lost")
_OPEN = ("running", "scoring", "waiting", "failed", "lost")
_REFRESH_SECONDS = 1.0
_STYLES = {"running": "cyan", "failed": "red", "lost": "red", "done": "green"}


def clock(seconds: float | None) -> str:
    """Return a time as people read it: 59 s, 12:05, 3:07:09."""
    if seconds is None:
        return ""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    minutes, last = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{last:02d}" if hours else f"{minutes}:{last:02d}"


def overview(attempts: Sequence[Progress], *, everything: bool = False, rows: int = 40) -> Group:
    """Return a table of attempts and a line that sums them up, for `rich`.

    Parameters
    ----------
    attempts : sequence of Progress
        All attempts of a run.
    everything : bool
        List all; otherwise those under way or failed, and the others are counted.
    rows : int
        Rows at most, unless everything is listed.
    """
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    shown = [item for item in attempts if everything or item.state in _BUSY]
    cut = shown if everything else shown[:rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("attempt", "state"):
        table.add_column(name, no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    for name in ("where", "cost"):
        table.add_column(name, no_wrap=True)
    # Where there is too little room, it gives way: of the other columns nothing is cut off for it.
    table.add_column("last line", ratio=1)
    for item in cut:
        limit = f" / {clock(item.limit_seconds)}" if item.limit_seconds else ""
        place = " ".join(filter(None, [item.node, *(gpu[:12] for gpu in item.gpus)]))
        told = item.reason if item.state in ("failed", "lost") else item.last_line
        table.add_row(
            Text(item.label),
            Text(_state(item), style=_STYLES.get(item.state, "")),
            Text(clock(item.elapsed_seconds) + limit),
            Text(place),
            Text("" if item.cost_usd is None else f"${item.cost_usd:.2f}"),
            Text(told or item.last_line, no_wrap=True, overflow="ellipsis"),
        )
    parts = []
    if len(cut) < len(shown):
        parts.append(Text(f"and {len(shown) - len(cut)} more under way"))
    parts.append(Text(summary(attempts), style="bold"))
    return Group(table, *parts) if cut else Group(*parts)


def _state(item: Progress) -> str:
    word = item.outcome or item.state
    again = f" (try {item.tries})" if item.tries > 1 else ""
    medal = f", {item.medal}" if item.medal else ""
    return f"{word}{again}{medal}"


def summary(attempts: Sequence[Progress]) -> str:
    """Return one line: how many attempts are in which state, and how long the rest may take."""
    states = Counter(item.state for item in attempts)
    outcomes = Counter(item.outcome for item in attempts if item.state == "done")
    parts = [f"{states['done']} of {len(attempts)} done"]
    parts += [f"{count} {name}" for name, count in outcomes.most_common() if name]
    parts += [f"{states[name]} {name}" for name in _OPEN if states[name]]
    medals = sum(item.medal is not None for item in attempts)
    if medals:
        parts.append(f"{medals} with a medal")
    costs = [item.cost_usd for item in attempts if item.cost_usd is not None]
    if costs:
        parts.append(f"${sum(costs):.2f}")
    rest = _rest(attempts)
    if rest is not None:
        parts.append(f"about {clock(rest)} left")
    return ", ".join(parts)


def _rest(attempts: Sequence[Progress]) -> float | None:
    """Estimate the time left from those that have ended and how many run at a time."""
    times = [item.elapsed_seconds for item in attempts if item.state == "done"]
    known = [seconds for seconds in times if seconds is not None]
    busy = [item for item in attempts if item.state in ("starting", "running", "scoring")]
    waiting = sum(item.state == "waiting" for item in attempts)
    if not known or not busy:
        return None
    mean = sum(known) / len(known)
    under_way = sum(max(mean - (item.elapsed_seconds or 0), 0) for item in busy)
    return (under_way + waiting * mean) / len(busy)


class LiveTable:
    """An observer that shows the table on a terminal while the run goes on.

    Parameters
    ----------
    console : rich.console.Console
        The terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._attempts: dict[str, Path] = {}
        self._known: dict[str, Progress] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def planned(self, attempts: Sequence[Attempt]) -> None:  # noqa: D102
        self._attempts = {item.label: item.folder for item in attempts}
        self._thread = threading.Thread(target=self._show, name="live-table", daemon=True)
        self._thread.start()

    def kept(self, attempt: Attempt, result: AttemptResult) -> None:  # noqa: D102
        self._settle(attempt)

    def started(self, attempt: Attempt, tries: int) -> None:  # noqa: D102
        self._forget(attempt)

    def adopted(self, attempt: Attempt) -> None:  # noqa: D102
        self._forget(attempt)

    def retried(self, attempt: Attempt, reason: str, delay_seconds: float) -> None:  # noqa: D102
        self.noted(attempt, f"to be retried in {delay_seconds:.0f} s: {reason}")

    def finished(self, attempt: Attempt, result: AttemptResult) -> None:  # noqa: D102
        self._settle(attempt)

    def noted(self, attempt: Attempt | None, text: str) -> None:  # noqa: D102
        line = text if attempt is None else f"{attempt.label}: {text}"
        self._console.print(line, markup=False, soft_wrap=True)

    def _settle(self, attempt: Attempt) -> None:
        """Remember what will not change any more, so that its files are not read again."""
        item = progress(attempt.folder, attempt.label, is_alive=True, with_log=False)
        with self._lock:
            self._known[attempt.label] = item

    def _forget(self, attempt: Attempt) -> None:
        with self._lock:
            self._known.pop(attempt.label, None)

    def _now(self) -> list[Progress]:
        with self._lock:
            known = dict(self._known)
        return [
            known.get(label) or progress(folder, label, is_alive=True)
            for label, folder in self._attempts.items()
        ]

    def _show(self) -> None:
        from rich.live import Live

        with Live(console=self._console, auto_refresh=False, transient=False) as display:
            while True:
                begin = time.monotonic()
                display.update(overview(self._now(), rows=self._rows()), refresh=True)
                # Never more than a tenth of the time for reading many folders.
                pause = max(_REFRESH_SECONDS, 9 * (time.monotonic() - begin))
                if self._stopped.wait(pause):
                    break
            display.update(overview(self._now(), rows=self._rows()), refresh=True)

    def _rows(self) -> int:
        return max(self._console.height - 6, 5)
