"""What a case of an operation is; the modules `cases_*.py` hold them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mlebench_data.errors import MlebenchError

TABLE = "id,kind,x\na,cat,1\nb,dog,2\nc,cat,3\n"
RECORDS = [{"id": "a", "n": 1, "yes": True}, {"id": "b", "n": 2, "yes": False}]


@dataclass(frozen=True)
class Case:
    """One use of an operation.

    Attributes
    ----------
    name : str
        What the case is about.
    op : str
        The operation.
    parameters : dict
        Its parameters.
    raw : dict
        Raw files.
    given : dict
        Named values before; tables as CSV text.
    written : dict
        Output files before.
    code : str
        The competition's `prepare.py`.
    values : dict
        Values expected after; tables as CSV text.
    files : dict
        All files expected in the output folder, archives as a list of (member, content).
    folders : list
        Folders expected.
    rows : dict
        Row counts expected.
    error : tuple
        Class of the error and a part of its message.
    """

    name: str
    op: str
    parameters: dict[str, Any]
    raw: dict[str, str | bytes] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    code: str | None = None
    values: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Any] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    error: tuple[type[MlebenchError], str] | None = None

    def __str__(self) -> str:
        return f"{self.op}-{self.name}"
