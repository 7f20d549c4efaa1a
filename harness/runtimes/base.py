"""What every runtime offers: one sandbox in, one ending out."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mlebench_data.errors import MlebenchError

HowEnded = Literal[
    "exited",
    "time_limit",
    "out_of_memory",
    "too_many_processes",
    "disk_limit",
    "cost_limit",
    "interrupted",
]
Network = Literal["none", "llm", "full"]

#: Default cap of a kept log, in bytes.
DEFAULT_LOG_BYTES = 100 * 1024 * 1024


class RuntimeFailure(MlebenchError):  # noqa: N818 - a failure of the machinery, not of the agent
    """The machinery failed, so the attempt says nothing about the agent and may be repeated.

    Attributes
    ----------
    pause_seconds : float or None
        Wait before that, where another than the run's is right.
    """

    pause_seconds: float | None = None


class OutOfReach(RuntimeFailure):
    """The way to a sandbox broke; it may still run, and may be adopted later."""


class LastingFailure(RuntimeFailure):
    """The machinery failed in a way that trying again does not mend, as a missing image does."""


class Cancelled(threading.Event):
    """Set when a run is to stop.

    Attributes
    ----------
    hurry : threading.Event
        Set when it is to stop without the grace that agents otherwise get.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hurry = threading.Event()


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
    shared_memory_bytes : int or None
        Size of /dev/shm, where the runtime can set it. None leaves it at the memory limit.
    open_files : int or None
        Files that a process may have open at once. None leaves it to the system.
    disk_bytes : int or None
        What it may write to disk, wherever it writes. None leaves it open.
    """

    time_seconds: float
    grace_seconds: float = 10.0
    cpus: float | None = None
    memory_bytes: int | None = None
    processes: int | None = None
    log_bytes: int = DEFAULT_LOG_BYTES
    shared_memory_bytes: int | None = None
    open_files: int | None = None
    disk_bytes: int | None = None

    def __post_init__(self) -> None:
        for name in (
            "time_seconds",
            "cpus",
            "memory_bytes",
            "processes",
            "log_bytes",
            "shared_memory_bytes",
            "open_files",
            "disk_bytes",
        ):
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
        LastingFailure
            If a folder or the file of instructions is missing.
        """
        for name in ("data", "agent", "submission", "logs", "code"):
            path: Path = getattr(self, name)
            if not path.is_dir():
                raise LastingFailure(f"The {name} folder {path} does not exist. Make it first.")
        if not self.instructions.is_file():
            raise LastingFailure(f"The file of instructions {self.instructions} does not exist.")


@dataclass(frozen=True)
class Gpu:
    """A graphics processor of this machine.

    Attributes
    ----------
    index : int
        Its number for the driver.
    uuid : str
        Its name for the driver, which no restart changes.
    name : str
        Model.
    memory_bytes : int
        Its memory.
    """

    index: int
    uuid: str
    name: str
    memory_bytes: int


@dataclass(frozen=True)
class Snapshots:
    """When and whereto the current submission is copied while the agent works.

    Attributes
    ----------
    every_seconds : float
        Time between two copies.
    folder : pathlib.Path
        Gets `<seconds since start>.csv` for each copy that differs from the one before. The agent
        does not see it.
    """

    every_seconds: float
    folder: Path


@dataclass(frozen=True)
class Warnings:
    """How an agent is told that its time is running out.

    Attributes
    ----------
    before_seconds : tuple of float
        Times before the end at which it is told.
    signal : str or None
        Sent to the agent's process besides writing the file, if the agent asked for it: an
        unexpected signal would end it.
    """

    before_seconds: tuple[float, ...] = ()
    signal: str | None = None


@dataclass(frozen=True)
class ModelAccess:
    """How a sandbox reaches the language-model proxy.

    The proxy listens on a Unix socket, which needs no network: a sandbox of network "llm" has
    nothing but its own loopback interface. On an internal network of the engine it would also
    reach the host, and every service there that listens on all addresses.

    Attributes
    ----------
    environment : mapping of str to str
        Address and the attempt's own throw-away key, as the agent needs them.
    over_budget : callable
        Tells whether the attempt has spent what it may; asked every second or so.
    socket : pathlib.Path or None
        The proxy's socket on the host. A runtime that isolates shows the agent its folder, which
        holds nothing else, and makes `port` lead to it. None where the address in `environment`
        is one of the host's.
    port : int
        Port on the sandbox' loopback interface.
    """

    environment: Mapping[str, str]
    over_budget: Callable[[], bool]
    socket: Path | None = None
    port: int = 4000


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
    network : {"none", "llm", "full"}
        What the sandbox reaches: nothing, the language-model proxy, everything.
    limits : Limits
        What it may use.
    log_file : pathlib.Path
        Where standard output and standard error are written, together, as they come.
    gpus : tuple of Gpu
        Graphics processors that it may use; no others are visible to it.
    warnings : Warnings
        How it is told that its time runs out.
    snapshots : Snapshots or None
        Copies of its submission while it works.
    models : ModelAccess or None
        The proxy, needed where the network is "llm".
    validator : pathlib.Path or None
        Folder with the socket of the harness's format check, shown to the agent.
    agent_in_image : bool
        Whether the agent's files are those that its image holds at that place; runtimes without
        images ignore it.
    """

    name: str
    command: tuple[str, ...]
    image: str | None
    folders: Folders
    limits: Limits
    log_file: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    network: Network = "none"
    gpus: tuple[Gpu, ...] = ()
    warnings: Warnings = Warnings()
    snapshots: Snapshots | None = None
    models: ModelAccess | None = None
    validator: Path | None = None
    agent_in_image: bool = False

    def __post_init__(self) -> None:
        if not self.command:
            raise ValueError("the command of a sandbox must name a program")
        if self.network not in ("none", "llm", "full"):
            raise ValueError(f"network must be 'none', 'llm' or 'full', not {self.network!r}")
        if self.network == "llm" and self.models is None:
            raise ValueError("network 'llm' needs the access to the language-model proxy")

    def command_line(self, *, python: str, agent: str) -> list[str]:
        """Return the command with its placeholders filled in."""
        return [part.replace("{python}", python).replace("{agent}", agent) for part in self.command]


@dataclass(frozen=True)
class Ending:
    """How a sandbox ended; it is gone, with all its processes, when this exists.

    Attributes
    ----------
    how : str
        "exited" (by itself), "time_limit", "out_of_memory", "too_many_processes", "disk_limit",
        "cost_limit" (of the language-model proxy) or "interrupted" (the harness was told to stop).
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

    def check_gpus(self) -> None:  # noqa: B027 - nothing to check is an answer
        """Make sure, before anything starts, that sandboxes can be given this machine's GPUs.

        Raises
        ------
        LastingFailure
            If they cannot; it says what is missing.
        """

    @abstractmethod
    def run(
        self,
        sandbox: Sandbox,
        *,
        cancelled: threading.Event,
        started: Callable[[str], None] = lambda token: None,
    ) -> Ending:
        """Run a sandbox to its end.

        When this returns or raises, no process of the sandbox is left.

        Parameters
        ----------
        sandbox : Sandbox
            What to run.
        cancelled : threading.Event
            Once set, the sandbox is stopped and the ending is "interrupted". A
            KeyboardInterrupt does the same, and is not raised again.
        started : callable
            Told, before the agent's first instruction, the token by which `adopt` finds the
            sandbox again.

        Returns
        -------
        Ending
            How it ended, which is the agent's doing (or the limits').

        Raises
        ------
        RuntimeFailure
            If the machinery failed, which is not the agent's doing.
        """

    def adopt(self, token: str, sandbox: Sandbox, *, cancelled: threading.Event) -> Ending | None:
        """Take over a sandbox that a harness which is gone had started, and see it to its end.

        Its time counts from its own start. One that has ended meanwhile is taken over too.

        Parameters
        ----------
        token : str
            What `run` told `started`.
        sandbox : Sandbox
            As it was given to `run`.
        cancelled : threading.Event
            As in `run`.

        Returns
        -------
        Ending or None
            None where nothing is left of it, so that the attempt must be made again.

        Raises
        ------
        RuntimeFailure
            If the machinery failed.
        """
        return None

    @abstractmethod
    def remove_leftovers(
        self,
        keep: Collection[str] = (),
        drop: Collection[str] = (),
        *,
        abandoned: bool = False,
    ) -> list[str]:
        """Remove what harnesses that are gone (killed, crashed) left behind on this host.

        A sandbox of another run that may still be adopted is left alone.

        Parameters
        ----------
        keep : collection of str
            Tokens of sandboxes that are going to be adopted.
        drop : collection of str
            Tokens of sandboxes that are certainly not wanted any more.
        abandoned : bool
            Whether none is going to be adopted, so that what could be is removed too.

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
