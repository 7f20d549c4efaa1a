"""Numbers and foreign text as people read them."""

from __future__ import annotations

import math
import unicodedata

from mlebench_data.harness.report.estimates import Estimate

NOTHING = "–"  # noqa: RUF001 (a dash is meant)


def printable(text: str) -> str:
    """Return text without characters that would command a terminal or hide what is there.

    Control and formatting characters (escape sequences, changes of direction) become their escapes,
    line ends and tabs spaces.
    """
    spaced = " ".join(text.split()) if any(mark in text for mark in "\n\r\t") else text
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        else character
        for character in spaced
    )


def mean_text(value: Estimate | None, *, decimals: int = 2) -> str:
    """Return `86.36 ± 0.00`; without a spread only the mean; a dash without either."""
    if value is None:
        return NOTHING
    mean = fixed(value.mean, decimals)
    if value.standard_error is None or math.isnan(value.standard_error):
        return mean
    return f"{mean} ± {fixed(value.standard_error, decimals)}"


def fixed(number: float | None, decimals: int) -> str:
    """Return a number with so many decimals; a dash for None."""
    if number is None:
        return NOTHING
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else "∞" if number > 0 else "−∞"  # noqa: RUF001
    text = f"{number:.{decimals}f}"
    # A mean of small negative numbers is not shown as -0.00.
    return text.removeprefix("-") if float(text) == 0 else text


def score_text(number: float | None) -> str:
    """Return a score with at most 5 decimals, as it is graded."""
    if number is None or not math.isfinite(number):
        return fixed(number, 0)
    return (
        f"{number:.5g}"
        if abs(number) >= 1e6 or 0 < abs(number) < 1e-4
        else f"{number:.5f}".rstrip("0").rstrip(".")
    )


def score_estimate(value: Estimate | None) -> str:
    """Return mean and standard error of scores."""
    if value is None:
        return NOTHING
    error = value.standard_error
    shown = score_text(value.mean)
    return shown if error is None or math.isnan(error) else f"{shown} ± {error:.2g}"


def duration_text(seconds: float | None) -> str:
    """Return a time such as `12 s`, `3.5 min` or `23.9 h`."""
    if seconds is None:
        return NOTHING
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def dollars(amount: float | None) -> str:
    """Return `$1.23`; a dash for None."""
    return NOTHING if amount is None else f"${amount:,.2f}"


def plural(number: int, singular: str, many: str | None = None) -> str:
    """Return `1 seed`, `3 seeds`."""
    return f"{number:,} {singular if number == 1 else many or singular + 's'}"
