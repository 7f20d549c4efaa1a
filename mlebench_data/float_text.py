"""Numbers of CSV files as pandas' own parser read them before it became exact.

Up to version 3.0, `pandas.read_csv` reads decimal numbers of many digits to a double near the
nearest one. Published data that was read that way holds these doubles.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_NUMBER = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?")
_DIGITS = 17
# A number of so many digits, without an exponent, is rounded once: to the nearest double.
_EXACT_DIGITS = 15


def parse_float(text: str) -> float:
    """Parse one decimal number as pandas' parser `high` does.

    At most 17 digits are read into a double one by one, leading zeros included; one multiplication
    or division by a power of ten follows.

    Parameters
    ----------
    text : str
        The number; what has another form (such as `inf`) is parsed exactly.
    """
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        return float(text)
    sign, whole, fraction, written = match.groups()
    fraction = fraction or ""
    exponent = int(written or 0)
    value = 0.0
    used = 0
    for digit in whole:
        if used < _DIGITS:
            value = value * 10 + int(digit)
            used += 1
        else:
            exponent += 1
    for digit in fraction[: _DIGITS - used]:
        value = value * 10 + int(digit)
        exponent -= 1
    if exponent > 308:
        value = float("inf") if value else 0.0
    elif exponent > 0:
        value *= float(f"1e{exponent}")
    elif exponent < -308:
        value = value / float(f"1e{-308 - exponent}") / 1e308 if exponent > -616 else 0.0
    else:
        value /= float(f"1e{-exponent}")
    return -value if sign == "-" else value


def parse_floats(exact: pd.Series[Any], text: pd.Series[Any]) -> pd.Series[Any]:
    """Replace exactly parsed numbers by what pandas' parser `high` makes of their text.

    Parameters
    ----------
    exact : pandas.Series of float64
        The numbers, parsed to the nearest double.
    text : pandas.Series of str
        Their text; missing where the number is.
    """
    digits = text.str.replace(r"[eE].*|[^0-9]", "", regex=True).str.len()
    # Numbers of few digits and without an exponent are the same either way: nearly all.
    long = (digits > _EXACT_DIGITS) | text.str.contains("[eE]", regex=True, na=False)
    long &= text.notna()
    result = exact.copy()
    if long.any():
        result[long] = [parse_float(value) for value in text[long]]
    return result
