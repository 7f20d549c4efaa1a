"""Times and sizes as people write them."""

from __future__ import annotations

import math
import re

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(text: str) -> float:
    """Return the seconds of a time such as 90, 90s, 10m, 24h or 1.5d.

    Raises
    ------
    ValueError
        If it is no time greater than 0; the message says how to write one.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip())
    if match is None or float(match[1]) <= 0:
        raise ValueError(f"'{text}' is no duration; write 90s, 10m, 24h or 1.5d")
    return float(match[1]) * _SECONDS[match[2]]


def parse_size(text: str) -> int:
    """Return the bytes of a size such as 512m or 8g (powers of 1024).

    Raises
    ------
    ValueError
        If it is no size greater than 0; the message says how to write one.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmgt]?)b?", text.strip().lower())
    if match is None or float(match[1]) <= 0:
        raise ValueError(f"'{text}' is no size; write 512m or 8g")
    return math.ceil(float(match[1]) * 1024.0 ** " kmgt".index(match[2] or " "))
