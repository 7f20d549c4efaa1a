"""Grading what an agent left, in a process of its own with limits of memory and time."""

from __future__ import annotations

import logging
import signal
import threading
from pathlib import Path

from mlebench_data.catalogue import Competition
from mlebench_data.grading import GradeReport
from mlebench_data.grading.grade import report_of
from mlebench_data.harness.limited.client import PROCESSES, Done
from mlebench_data.harness.limited.limits import ProcessLimits
from mlebench_data.harness.limited.tasks import Task
from mlebench_data.harness.runtimes.failures import RuntimeFailure
from mlebench_data.prepare.manifest import hash_file

GIB = 1024**3
#: What every grading may use. That of the largest test set, 5.7 million pixels in two files of 160
#: MB, takes 1 GB, with pandas 2 2.2 GB; most take 0.2 GB.
LEAST_MEMORY = 8 * GIB
#: Memory for each byte of submission and answers, should that be more. Large test sets take 1 to 6
#: bytes for each; those that take up to 12 are so small that the memory above is far more.
MEMORY_PER_BYTE = 16
#: The part of the machine's memory that is never exceeded; the rest is the harness' and others'.
_OF_MACHINE = 0.9

#: The slowest known honest grading takes 20 seconds, on two slow processors without other work.
LEAST_SECONDS = 600.0
SECONDS_PER_BYTE = 1 / 4_000_000

#: Submissions of so many bytes are graded one at a time: honest ones take seconds, others as much
#: memory as they may.
LARGE = 64 * 1024**2
_ALONE = threading.Lock()

_ADVICE = "Hand in a plain CSV file with the rows and columns of the sample submission."

logger = logging.getLogger(__name__)


def grade_within_limits(
    competition: Competition, version: str, path: Path, answers: bytes
) -> GradeReport:
    """Grade a file that an agent wrote, like `mlebench_data.grade`, in a process with limits.

    Parameters
    ----------
    competition : Competition
        The competition.
    version : str
        Its data version.
    path : pathlib.Path
        The file, which may be missing.
    answers : bytes
        Content of the answers file.

    Returns
    -------
    GradeReport
        The one that grading in this process would give. A file that takes more memory or time
        than it may, or ends the process, is `invalid`: it would do so again.

    Raises
    ------
    RuntimeFailure
        If no process could be started, or it failed by no fault of the file.
    """
    size = path.stat().st_size if path.is_file() else 0
    limits = limits_for(size + len(answers))
    task = Task("grade", competition, version, path)
    if size < LARGE:
        done = PROCESSES.do(task, limits, answers)
    else:
        with _ALONE:
            done = PROCESSES.do(task, limits, answers)
    if done.how == "died":
        # Perhaps the system killed it for the memory that others took: so once more, with less
        # beside it. What the file itself does, it does again.
        logger.warning("Grading %s: the process died of %s", path, _signal(done.code))
        with _ALONE:
            done = PROCESSES.do(task, limits, answers)
    if done.how == "done":
        return GradeReport(**done.result)
    if done.how == "cancelled":
        raise RuntimeFailure(f"Grading {path.name} was interrupted; the same command goes on.")
    if done.how == "fault":
        logger.error("Grading %s failed: %s", path, done.traceback)
        last = done.traceback.strip().rpartition("\n")[2] or f"exit code {done.code}"
        raise RuntimeFailure(f"The process that graded {path.name} failed: {last}")
    return report_of(
        competition,
        version,
        "invalid",
        _reason(done, limits, size),
        path=path,
        sha256=hash_file(path)[0] if path.is_file() else None,
    )


def limits_for(size: int) -> ProcessLimits:
    """Return what grading may use.

    Parameters
    ----------
    size : int
        Bytes of submission and answers together.
    """
    import psutil

    memory = max(LEAST_MEMORY, MEMORY_PER_BYTE * size)
    most = int(psutil.virtual_memory().total * _OF_MACHINE)
    return ProcessLimits(min(memory, most), LEAST_SECONDS + SECONDS_PER_BYTE * size)


def _reason(done: Done, limits: ProcessLimits, size: int) -> str:
    if done.how == "out_of_memory":
        what = f"takes more than {limits.memory_bytes / GIB:.1f} GiB of memory"
    elif done.how == "out_of_time":
        what = f"takes more than {limits.seconds:.0f} seconds"
    else:
        what = f"ended the process that does it ({_signal(done.code)}), twice"
    return f"grading the file, which has {size:,} bytes, {what}. {_ADVICE}"


def _signal(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"exit code {code}"
