"""What one run of one agent is given: its folders, its limits, and all that it may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mlebench_data.harness.runtimes.failures import LastingFailure

Network = Literal["none", "llm", "full"]

#: Default cap of a kept log, in bytes.
DEFAULT_LOG_BYTES = 100 * 1024 * 1024


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
    secrets : tuple of str
        The attempt's key, and the keys of providers that the proxy holds.
    """

    environment: Mapping[str, str] = field(repr=False)
    over_budget: Callable[[], bool]
    socket: Path | None = None
    port: int = 4000
    secrets: tuple[str, ...] = field(default=(), repr=False)


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
    secrets : tuple of str
        Values that the log must not hold, whatever the agent prints.
    """

    name: str
    command: tuple[str, ...]
    image: str | None
    folders: Folders
    limits: Limits
    log_file: Path
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    network: Network = "none"
    gpus: tuple[Gpu, ...] = ()
    warnings: Warnings = Warnings()
    snapshots: Snapshots | None = None
    models: ModelAccess | None = None
    validator: Path | None = None
    agent_in_image: bool = False
    secrets: tuple[str, ...] = field(default=(), repr=False)

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
