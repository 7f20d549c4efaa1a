"""The state of an attempt that is under way: `state.json`."""

from __future__ import annotations

import errno
import json
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self, get_args

FILE_NAME = "state.json"
FORMAT = 1

State = Literal["waiting", "starting", "running", "scoring", "done", "failed"]

#: Seconds between two tries of writing to a full disk.
_FULL_DISK_PAUSE = 5.0
_FULL_DISK = (errno.ENOSPC, errno.EDQUOT)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class AttemptState:
    """How far an attempt has come; what a later harness needs to go on with it.

    Attributes
    ----------
    state : str
        `waiting`, `starting`, `running`, `scoring` (the agent has ended), `done` (there is a
        result) or `failed` (an infrastructure failure that was not mended by trying again).
    since : str
        UTC time of the last change, ISO 8601.
    tries : int
        How often the agent was started, this time included.
    token : str or None
        What the runtime finds the sandbox by.
    owner : str or None
        Mark of the harness process.
    node : str or None
        Machine that serves it.
    started_at : str or None
        UTC time when the agent was started.
    time_limit_seconds : float or None
        What it was promised.
    gpus : list of str
        Identifiers of the GPUs that serve it.
    reason : str or None
        Explanation for a person.
    facts_sha256 : str or None
        Digest of the `known_facts` under which the agent was started: another command does not go
        on with it.
    execution : dict or None
        How the agent ended, once it has: then only scoring is left.
    """

    state: State
    since: str = ""
    tries: int = 0
    token: str | None = None
    owner: str | None = None
    node: str | None = None
    started_at: str | None = None
    time_limit_seconds: float | None = None
    gpus: list[str] = field(default_factory=list)
    reason: str | None = None
    facts_sha256: str | None = None
    execution: dict[str, Any] | None = None

    @property
    def is_adoptable(self) -> bool:
        """Whether an agent may still run that a harness which is gone had started.

        Whatever the state: where the way to it broke, it may be there again.
        """
        return bool(self.token) and self.execution is None

    def changed(self, state: State, **changes: Any) -> Self:
        """Return the next state."""
        return replace(self, state=state, since=datetime.now(UTC).isoformat(), **changes)

    def write(self, folder: Path) -> None:
        """Write `state.json` at once: readers see the old state or the new one."""
        text = json.dumps({"format": FORMAT, **asdict(self)}, indent=1)
        write_at_once(folder / FILE_NAME, text + "\n")

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Read `state.json`; None where there is none, or none that this version understands.

        A state only says what can be gone on with. Without one, an attempt is made again.
        """
        try:
            content = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
            if content.pop("format") != FORMAT:
                return None
            found = cls(**content)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return found if found.state in get_args(State) else None


def write_at_once(path: Path, text: str, *, durable: bool = False) -> None:
    """Replace a file as a whole.

    Parameters
    ----------
    path : pathlib.Path
        The file. Its folder is made if an agent without isolation has removed it.
    text : str
        Its new content.
    durable : bool
        Whether it must have reached the disk when this returns: after a loss of power too there
        is the old content or the new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8") as stream:
        stream.write(text)
        if durable:
            stream.flush()
            os.fsync(stream.fileno())
    partial.replace(path)


def patiently(
    write: Callable[[], None], cancelled: threading.Event, tell: Callable[[str], None]
) -> None:
    """Write to disk; where it is full, wait until there is room rather than lose what was done.

    Parameters
    ----------
    write : callable
        Writes; is called again after a failure.
    cancelled : threading.Event
        Once set, a full disk is an error.
    tell : callable
        Told once that the disk is full.

    Raises
    ------
    OSError
        If it cannot be written for another reason, or the wait was ended.
    """
    told = False
    while True:
        try:
            write()
            return
        except OSError as error:
            if error.errno not in _FULL_DISK or cancelled.is_set():
                raise
            if not told:
                tell(f"the disk is full ({error}); waiting until there is room")
                told = True
        end = time.monotonic() + _FULL_DISK_PAUSE
        while time.monotonic() < end and not cancelled.is_set():
            time.sleep(0.1)
