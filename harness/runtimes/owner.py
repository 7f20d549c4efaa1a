"""Marks by which a later harness can tell whether the process that made something still runs."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_SEPARATOR = "/"


@dataclass(frozen=True)
class Owner:
    """A process, named so that neither a restart of the host nor a reused id confuses it.

    Attributes
    ----------
    host : str
        The machine, and the process namespace in it (a harness may run in a container that
        talks to the host's engine, and must not judge processes that it cannot see).
    boot : str
        The boot of that machine.
    pid : int
        Process id.
    started : str
        Start time of the process, in the unit of the system.
    """

    host: str
    boot: str
    pid: int
    started: str

    @classmethod
    def current(cls) -> Self:
        """Return the mark of this process."""
        pid = os.getpid()
        started = _start_time(pid)
        assert started is not None, "a process can always read its own start time"
        return cls(_host(), _boot(), pid, started)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a mark back; None where the text is none."""
        parts = text.split(_SEPARATOR)
        if len(parts) != 4 or not parts[2].isdigit():
            return None
        return cls(parts[0], parts[1], int(parts[2]), parts[3])

    def __str__(self) -> str:
        return _SEPARATOR.join((self.host, self.boot, str(self.pid), self.started))

    def is_gone(self) -> bool:
        """Tell whether the process has certainly ended.

        Returns
        -------
        bool
            False also where this cannot be known, because the process belongs to another host.
        """
        if self.host != _host():
            return False
        return self.boot != _boot() or _start_time(self.pid) != self.started


def _start_time(pid: int) -> str | None:
    """Return the start time of a process, or None if it has ended."""
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        stat = Path(f"/proc/{pid}/stat")
        if stat.is_file():
            # Ticks since boot. psutil's own value adds the time of boot to it, which moves
            # when the clock is set. The name before it may itself hold blanks and brackets.
            return stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
        return f"{process.create_time():.2f}"
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return None


def _host() -> str:
    machine_id = Path("/etc/machine-id")
    machine = machine_id.read_text(encoding="ascii").strip() if machine_id.is_file() else "none"
    namespace = Path("/proc/self/ns/pid")
    inode = str(namespace.stat().st_ino) if namespace.exists() else "none"
    name = platform.node().replace(_SEPARATOR, "-")
    return f"{name}:{machine}:{inode}"


def _boot() -> str:
    boot_id = Path("/proc/sys/kernel/random/boot_id")
    if boot_id.is_file():
        return boot_id.read_text(encoding="ascii").strip()
    # A time of boot is no substitute: it moves with the clock, and a mark that changes while
    # its process lives would have that process's work removed.
    return "unknown"
