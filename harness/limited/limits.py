"""What a process may use that opens a file of an agent's."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

_STATM = Path("/proc/self/statm")
_OOM_SCORE = Path("/proc/self/oom_score_adj")
#: Where memory runs out on the whole machine, this process goes before the harness and its
#: neighbours, as if it had that many thousandths of the machine's memory more than it has.
_OOM_ADJUSTMENT = 300
_PR_SET_PDEATHSIG = 1
#: Nothing is to be written but warnings.
_FILE_BYTES = 1024**2


@dataclass(frozen=True)
class ProcessLimits:
    """What a process may use.

    Attributes
    ----------
    memory_bytes : int
        Memory, beyond what it has when the limits begin.
    seconds : float
        Wall-clock time; the one who started it sees to that.
    niceness : int
        How much it lets others go first, from 0 to 19.
    """

    memory_bytes: int
    seconds: float
    niceness: int = 0

    def apply(self) -> None:
        """Bound this process from now on.

        Not RLIMIT_AS: threads, allocators and mapped files take up addresses by the gigabyte which
        they never fill. RLIMIT_DATA counts the memory that is private and can be written to, which
        on Linux includes what was mapped for it.
        """
        os.nice(self.niceness)
        processors = os.cpu_count() or 1
        for kind, value in (
            (resource.RLIMIT_DATA, _data_bytes() + self.memory_bytes),
            # Should nobody be left who looks at the clock.
            (resource.RLIMIT_CPU, int(self.seconds * processors) + 1),
            (resource.RLIMIT_FSIZE, _FILE_BYTES),
            (resource.RLIMIT_CORE, 0),
        ):
            _, hard = resource.getrlimit(kind)
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))
        if _OOM_SCORE.exists():
            before = int(_OOM_SCORE.read_text())
            _OOM_SCORE.write_text(str(max(before, _OOM_ADJUSTMENT)))


def end_with_parent(parent: int) -> None:
    """Have this process killed when the one that forked it dies, where the system can do so.

    Parameters
    ----------
    parent : int
        That process.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # It was too late to ask for it.
        os.kill(os.getpid(), signal.SIGKILL)


def _data_bytes() -> int:
    """Return what this process has of the memory that RLIMIT_DATA counts."""
    if not _STATM.exists():
        return 0
    return int(_STATM.read_text().split()[5]) * resource.getpagesize()


def private_bytes() -> int:
    """Return what this process has in RAM that is no file's; 0 where that cannot be told."""
    if not _STATM.exists():
        return 0
    resident, files = (int(pages) for pages in _STATM.read_text().split()[1:3])
    return (resident - files) * resource.getpagesize()
