"""Which function answers which address."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlebench_data.hub.endpoint.access import ANYONE, Caller
from mlebench_data.hub.endpoint.messages import Request, Response
from mlebench_data.hub.endpoint.names import KINDS, Kind, decode

if TYPE_CHECKING:
    from mlebench_data.hub.endpoint.core import Endpoint

_PARTS = {
    "kinds": f"({'|'.join(KINDS)})",
    # The whole rest of the address.
    "path": "(.*)",
}


@dataclass(frozen=True)
class Target:
    """What an address names, percent-decoded; empty where it has no such part.

    Attributes
    ----------
    kind : {"dataset", "space", "model"}
        Kind of repository.
    organisation, name : str
        The repository.
    revision : str
        Branch, tag or commit.
    path : str
        File or folder in it.
    item : str
        Anything else.
    caller : Caller
        Who asks.
    """

    kind: Kind = "model"
    organisation: str = ""
    name: str = ""
    revision: str = ""
    path: str = ""
    item: str = ""
    caller: Caller = ANYONE


Handler = Callable[["Endpoint", Request, Target], Response]


@dataclass(frozen=True)
class Route:
    """One kind of address.

    Attributes
    ----------
    method : str
        `GET` stands for `HEAD` too.
    pattern : str
        The address; names in braces are parts of a target.
    handler : callable
        Answers it.
    """

    method: str
    pattern: str
    handler: Handler
    _expression: re.Pattern[str] = field(init=False)
    _names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        pieces = re.split(r"\{(\w+)\}", self.pattern)
        # Names stand at the odd places.
        text = "".join(
            (_PARTS.get(piece, "([^/]+)") if place % 2 else re.escape(piece))
            for place, piece in enumerate(pieces)
        )
        object.__setattr__(self, "_expression", re.compile(text, re.DOTALL))
        object.__setattr__(self, "_names", tuple(pieces[1::2]))

    def match(self, path: str) -> dict[str, str] | None:
        """Return the parts of an address, still encoded, if it is of this kind."""
        match = self._expression.fullmatch(path)
        return None if match is None else dict(zip(self._names, match.groups(), strict=True))


def target_of(parts: dict[str, str], caller: Caller) -> Target:
    """Decode the parts of an address.

    Raises
    ------
    RefusedError
        If one is no text.
    """
    kinds = parts.pop("kinds", "models")
    decoded = {name: decode(part) for name, part in parts.items()}
    return Target(kind=KINDS[kinds], caller=caller, **decoded)
