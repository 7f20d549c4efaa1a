"""What every runtime offers: one sandbox in, one ending out."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mlebench_data.errors import MlebenchError

HowEnded = Literal["exited", "time_limit", "out_of_memory", "too_many_processes", "interrupted"]
Network = Literal["none", "full"]

#: Default cap of a kept log, in bytes.
DEFAULT_LOG_BYTES = 100 * 1024 * 1024


class RuntimeFailure(MlebenchError):  # noqa: N818 - a failure of the machinery, not of the agent
    """The machinery failed, so the attempt says nothing about the agent and may be repeated."""


@dataclass(frozen=True)
class Limits:
    """What a sandbox may use.

    Attributes
    ----------
    time_seconds : float
        Wall-clock time, counted from the moment the sandbox runs; greater than 0.
    grace_seconds : float
        Time between the request to stop (SIGTERM) and the end by force (SIGKILL).
    cpus : float or None
        Number of processors' worth of time; None leaves it open.
    memory_bytes : int or None
        Memory of all processes together; no swap on top. None leaves it open.
    processes : int or None
        Processes (in Docker: and threads) that may exist at once. None leaves it open.
    log_bytes : int
        Size that the kept log never exceeds.
    """

    time_seconds: float
    grace_seconds: float = 10.0
    cpus: float | None = None
    memory_bytes: int | None = None
    processes: int | None = None
    log_bytes: int = DEFAULT_LOG_BYTES

    def __post_init__(self) -> None:
        for name in ("time_seconds", "cpus", "memory_bytes", "processes", "log_bytes"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be greater than 0, not {value!r}")
        if not self.grace_seconds >= 0:
            raise ValueError(f"grace_seconds must not be negative, not {self.grace_seconds!r}")


@dataclass(frozen=True)
class Folders:
    """Host paths of what the agent sees; nothing else of the host is shown to it.

    Attributes
    ----------
    data : pathlib.Path
        The competition's public files, read only. Symbolic links that lead out of this folder
        lead nowhere inside a container.
    agent : pathlib.Path
        The agent's own files, read only.
    instructions : pathlib.Path
        The file with the task, read only.
    submission, logs, code : pathlib.Path
        Folders that the agent may write; they exist already.
    """

    data: Path
    agent: Path
    instructions: Path
    submission: Path
    logs: Path
    code: Path

    @property
    def writable(self) -> tuple[Path, Path, Path]:
        """The folders that the agent may write."""
        return (self.submission, self.logs, self.code)

    def check(self) -> None:
        """Make sure that everything is there before anything is started.

        Raises
        ------
        RuntimeFailure
            If a folder or the file of instructions is missing.
        """
        for name in ("data", "agent", "submission", "logs", "code"):
            path: Path = getattr(self, name)
            if not path.is_dir():
                raise RuntimeFailure(f"The {name} folder {path} does not exist. Make it first.")
        if not self.instructions.is_file():
            raise RuntimeFailure(f"The file of instructions {self.instructions} does not exist.")


@dataclass(frozen=True)
class Sandbox:
    """One run of one agent.

    Attributes
    ----------
    name : str
        Unique among the sandboxes that run at the same time.
    command : tuple of str
        The program and its arguments. `{python}` in it becomes the runtime's Python, `{agent}`
        the path of the agent's folder as the program sees it.
    image : str or None
        Container image; runtimes without images ignore it.
    folders : Folders
        What the agent sees of the host.
    environment : mapping of str to str
        Variables on top of the contract's.
    network : {"none", "full"}
        Whether the sandbox reaches any network.
    limits : Limits
        What it may use.
    log_file : pathlib.Path
        Where standard output and standard error are written, together, as they come.
    """

    name: str
    command: tuple[str, ...]
    image: str | None
    folders: Folders
    limits: Limits
    log_file: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    network: Network = "none"

    def __post_init__(self) -> None:
        if not self.command:
            raise ValueError("the command of a sandbox must name a program")
        if self.network not in ("none", "full"):
            raise ValueError(f"network must be 'none' or 'full', not {self.network!r}")

    def command_line(self, *, python: str, agent: str) -> list[str]:
        """Return the command with its placeholders filled in."""
        return [part.replace("{python}", python).replace("{agent}", agent) for part in self.command]


@dataclass(frozen=True)
class Ending:
    """How a sandbox ended; it is gone, with all its processes, when this exists.

    Attributes
    ----------
    how : str
        "exited" (by itself), "time_limit", "out_of_memory", "too_many_processes" or
        "interrupted" (the harness was told to stop).
    exit_code : int or None
        Exit status of the command; 128 + n where signal n ended it, None where unknown.
    seconds : float
        Wall-clock time from start to end.
    started_at, ended_at : str
        The same in UTC, as ISO 8601.
    details : dict
        What the runtime can tell besides; fit for JSON. `isolation` is always there.
    """

    how: HowEnded
    exit_code: int | None
    seconds: float
    started_at: str
    ended_at: str
    details: dict[str, Any] = field(default_factory=dict)


class Runtime(ABC):
    """A way to run an agent under limits.

    Attributes
    ----------
    name : str
        Name by which `choose_runtime` knows it.
    isolates : bool
        Whether the agent is kept from everything but its folders. Where it is not, a result
        rests on trust.
    """

    name: str
    isolates: bool

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return versions and hardware, fit for JSON, for the record of a run.

        Raises
        ------
        RuntimeFailure
            If the runtime cannot be used.
        """

    @abstractmethod
    def run(self, sandbox: Sandbox, *, cancelled: threading.Event) -> Ending:
        """Run a sandbox to its end.

        When this returns or raises, no process of the sandbox is left.

        Parameters
        ----------
        sandbox : Sandbox
            What to run.
        cancelled : threading.Event
            Once set, the sandbox is stopped and the ending is "interrupted". A
            KeyboardInterrupt does the same, and is not raised again.

        Returns
        -------
        Ending
            How it ended, which is the agent's doing (or the limits').

        Raises
        ------
        RuntimeFailure
            If the machinery failed, which is not the agent's doing.
        """

    @abstractmethod
    def remove_leftovers(self) -> list[str]:
        """Remove what harnesses that are gone (killed, crashed) left behind on this host.

        Returns
        -------
        list of str
            One description for each thing removed.
        """


def contract_variables(
    *, data: str, submission: str, logs: str, code: str, agent: str, instructions: str
) -> dict[str, str]:
    """Return the environment variables that tell an agent where things are."""
    return {
        "DATA_DIR": data,
        "SUBMISSION_DIR": submission,
        "LOGS_DIR": logs,
        "CODE_DIR": code,
        "AGENT_DIR": agent,
        "INSTRUCTIONS_FILE": instructions,
    }
