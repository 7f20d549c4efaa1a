"""What an examination of a machine finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes
    ----------
    area : str
        What was looked at.
    level : {"ok", "note", "problem"}
        Whether something is wrong: a note is something that only some uses need.
    text : str
        What is there.
    remedy : str
        What to do, where something is missing.
    """

    area: str
    level: Level
    text: str
    remedy: str = ""
