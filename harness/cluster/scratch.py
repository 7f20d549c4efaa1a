"""Folders in which a node serves attempts, found again after the process that made them."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.remove_tree import remove_tree
from mlebench_data.harness.runtimes.owner import Owner
from mlebench_data.harness.state import write_at_once

AGENT = "_agent"
_RECORD = "record.json"
_OWNER = "owner"
_TOKEN = "token"
_EXECUTION = "execution.json"
#: Seconds after its deadline for which a folder is kept for the run that it belongs to.
_KEPT_SECONDS = 7 * 86400.0


def base_folder() -> Path:
    """Return the folder of all scratch folders of this account; only it may look into it.

    Raises
    ------
    MlebenchError
        If somebody else has made it.
    """
    base = Path(tempfile.gettempdir()).resolve() / f"mlebench-cluster-{os.geteuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    status = base.lstat()
    if base.is_symlink() or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise MlebenchError(
            f"{base} is not this account's alone. Remove it, or set TMPDIR to another folder "
            "before Ray is started."
        )
    return base


@dataclass(frozen=True)
class Scratch:
    """The folder of one attempt on a node.

    Attributes
    ----------
    folder : pathlib.Path
        Everything of it.
    run : str
        Name of the run.
    deadline : float
        Time (seconds since 1970) by which the agent has certainly ended.
    """

    folder: Path
    run: str
    deadline: float

    @classmethod
    def make(cls, name: str, run: str, seconds: float) -> Self:
        """Make the folder of an attempt.

        Parameters
        ----------
        name : str
            Its name.
        run : str
            Name of the run.
        seconds : float
            Time that the attempt may take.
        """
        folder = base_folder() / name
        folder.mkdir()
        made = cls(folder, run, time.time() + seconds)
        made.claim()
        record = {"run": run, "deadline": made.deadline}
        write_at_once(folder / _RECORD, json.dumps(record))
        return made

    @classmethod
    def find(cls, name: str) -> Self | None:
        """Return the folder of that name, if it is there."""
        folder = base_folder() / name
        try:
            record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
            return cls(folder, str(record["run"]), float(record["deadline"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def claim(self) -> None:
        """Note that this process serves the attempt."""
        write_at_once(self.folder / _OWNER, str(Owner.current()))

    def is_served(self) -> bool:
        """Tell whether another process than this one serves the attempt still."""
        owner = Owner.parse(_read(self.folder / _OWNER))
        return owner is not None and owner != Owner.current() and not owner.is_gone()

    def is_abandoned(self) -> bool:
        """Tell whether it is so old that nobody can be going to ask for it."""
        return time.time() > self.deadline + _KEPT_SECONDS and not self.is_served()

    def wait_until_free(self, seconds: float) -> bool:
        """Wait for the end of the process that served the attempt; tell whether it came."""
        last = time.monotonic() + seconds
        while self.is_served():
            if time.monotonic() > last:
                return False
            time.sleep(0.2)
        return True

    def attempt_folder(self, label: str) -> Path:
        """Return where the attempt's own files are, laid out as in a run folder."""
        return self.folder / label

    @property
    def token(self) -> str:
        """What the runtime finds the sandbox by; empty if it was never started."""
        return _read(self.folder / _TOKEN)

    def note_token(self, token: str) -> None:
        """Remember what the runtime finds the sandbox by."""
        write_at_once(self.folder / _TOKEN, token)

    def execution(self) -> dict[str, Any] | None:
        """Return how the agent ended, if it has."""
        try:
            content: dict[str, Any] = json.loads(_read(self.folder / _EXECUTION))
        except ValueError:
            return None
        return content

    def note_execution(self, content: dict[str, Any]) -> None:
        """Remember how the agent ended: from now on only its files are to be fetched."""
        write_at_once(self.folder / _EXECUTION, json.dumps(content), durable=True)

    def remove(self) -> None:
        """Remove it with all that is in it."""
        remove_tree(self.folder)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


@dataclass(frozen=True)
class Leftovers:
    """What is on a node: folders that are wanted, and those that nobody wants any more."""

    kept: tuple[Scratch, ...]
    unwanted: tuple[Scratch, ...]


def look_around(run: str, keep: Collection[str], drop: Collection[str]) -> Leftovers:
    """Tell which folders on this node nobody is going to ask for.

    Parameters
    ----------
    run : str
        The run of the caller, which alone decides on its folders.
    keep : collection of str
        Names of folders that are wanted.
    drop : collection of str
        Names of folders that are not, whatever run they are of.
    """
    kept, unwanted = [], []
    for scratch in _all():
        name = scratch.folder.name
        if name in keep:
            kept.append(scratch)
        elif name in drop or scratch.run == run or scratch.is_abandoned():
            unwanted.append(scratch)
        else:
            kept.append(scratch)
    return Leftovers(tuple(kept), tuple(unwanted))


def _all() -> Iterator[Scratch]:
    for folder in sorted(base_folder().iterdir()):
        scratch = Scratch.find(folder.name)
        if scratch is not None:
            yield scratch
        elif folder.is_dir() and time.time() > folder.stat().st_mtime + _KEPT_SECONDS:
            yield Scratch(folder, "", 0.0)
