"""Axes: round numbers over a range."""

from __future__ import annotations

import math
from collections.abc import Sequence

#: Seconds; tens of hours are counted like other numbers.
_TIME_STEPS = (
    *(0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0),
    *(60.0 * step for step in (1, 2, 5, 10, 15, 30)),
    *(3600.0 * step for step in (1, 2, 3, 4, 6, 12, 24)),
)


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return about `count` round numbers that enclose a range.

    Parameters
    ----------
    low, high : float
        The range; finite.
    count : int
        Number of intervals aimed at.

    Returns
    -------
    list of float
        At least two, evenly spaced; the first is at most `low`, the last at least `high`.
    """
    if not high > low:
        width = abs(low) or 1.0
        low, high = low - width / 2, low + width / 2
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def tick_text(value: float, ticks: Sequence[float]) -> str:
    """Return a tick with as many decimals as tell the ticks apart."""
    step = abs(ticks[1] - ticks[0])
    largest = max(abs(tick) for tick in ticks)
    if largest >= 1e6 or step < 1e-6:
        return f"{value:.3g}"
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def time_ticks(end: float, count: int = 6) -> list[float]:
    """Return evenly spaced times that clocks show, from 0 to `end` or the next one.

    Parameters
    ----------
    end : float
        In seconds; at least 0.
    count : int
        How many there are after 0, at most; of very long times about as many.

    Returns
    -------
    list of float
        In seconds.
    """
    step = next((step for step in _TIME_STEPS if step * count >= end), None)
    if step is None:
        return nice_ticks(0.0, end, count)
    return [number * step for number in range(max(1, math.ceil(end / step)) + 1)]


def time_unit(seconds: float) -> tuple[float, str]:
    """Return the unit in which a time is best shown: its seconds, and its name."""
    for size, name in ((3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return size, name
    return 1.0, "s"
