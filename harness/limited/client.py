"""Having jobs done by processes with limits: the harness' side."""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from mlebench_data.harness.limited.forkserver import FAILED, LENGTH, STARTED
from mlebench_data.harness.limited.job import Job, send_job
from mlebench_data.harness.limited.limits import ProcessLimits
from mlebench_data.harness.limited.tasks import Task
from mlebench_data.harness.runtimes.failures import RuntimeFailure

#: Seconds for the helper to import what it needs, on the slowest disk.
_START_SECONDS = 300.0
#: Seconds by which the helper may be late to tell that time is over.
_LATE_SECONDS = 60.0
_LONGEST_ANSWER = 64 * 1024**2
_LONGEST_ERROR = 2000
#: So much of its memory limit, in RAM, and a fault is put down to the limit.
_NEARLY_ALL = 0.75

#: What Python and its libraries need to start and to work as they do here; no keys and tokens.
_VARIABLES = (
    "PATH",
    "PYTHONPATH",
    "LD_LIBRARY_PATH",
    "LANG",
    "LC_ALL",
    "HOME",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "HF_HOME",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)

How = Literal["done", "fault", "out_of_memory", "out_of_time", "died", "cancelled"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Done:
    """What became of a job.

    Attributes
    ----------
    how : {"done", "fault", "out_of_memory", "out_of_time", "died", "cancelled"}
        How it ended: `fault` is an exception that says nothing about limits.
    result : dict
        The task's, where it is done.
    traceback : str
        That of a fault, if it is known.
    code : int
        Exit code of the process; negative: the signal that it died of.
    seconds : float
        How long the process was there.
    peak_bytes : int
        The most memory it had, with what it shares with the helper that it was forked from.
    """

    how: How
    result: dict[str, Any]
    traceback: str = ""
    code: int = 0
    seconds: float = 0.0
    peak_bytes: int = 0


class Handle:
    """Lets another thread end a job."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watcher: socket.socket | None = None
        self.cancelled = False

    def cancel(self) -> None:
        """End the job that is under way, or as soon as it begins."""
        with self._lock:
            self.cancelled = True
            self._end()

    def _end(self) -> None:
        if self.cancelled and self._watcher is not None:
            # It may just have ended.
            with contextlib.suppress(ConnectionError):
                self._watcher.sendall(b"x")

    def watch(self, watcher: socket.socket | None) -> None:
        """Note how to end the job that begins, or that there is none any more."""
        with self._lock:
            self._watcher = watcher
            self._end()


class LimitedProcesses:
    """Does jobs in processes with limits, any number at a time, from any thread.

    A helper process is started with the first job and ends with this process.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0
        self._handles: set[Handle] = set()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._errors: IO[bytes] | None = None

    def start(self) -> None:
        """Start the helper, which is ready some time later; jobs wait for it.

        Raises
        ------
        RuntimeFailure
            If it cannot be started.
        """
        with self._lock:
            self._start()

    def close(self) -> None:
        """End the helper and all it has forked; a later job starts another one."""
        with self._lock:
            self._close()

    def cancel(self) -> None:
        """End the jobs that are under way; later ones are done."""
        for handle in tuple(self._handles):
            handle.cancel()

    def do(
        self,
        task: Task,
        limits: ProcessLimits,
        content: bytes = b"",
        *,
        handle: Handle | None = None,
    ) -> Done:
        """Do a job and wait for its end.

        Parameters
        ----------
        task : Task
            What is to be done.
        limits : ProcessLimits
            What the process may use.
        content : bytes
            What the task needs besides.
        handle : Handle, optional
            Ends the job.

        Raises
        ------
        RuntimeFailure
            If no process could be started.
        """
        handle = handle or Handle()
        self._handles.add(handle)
        try:
            try:
                return self._do(task, limits, content, handle)
            except _HelperGoneError as error:
                logger.warning("The helper for grading is gone and is started anew: %s", error)
            return self._do(task, limits, content, handle)
        except _HelperGoneError as error:
            raise RuntimeFailure(f"No process for grading could be started: {error}") from error
        finally:
            self._handles.discard(handle)

    def _do(self, task: Task, limits: ProcessLimits, content: bytes, handle: Handle) -> Done:
        metric = task.competition.version(task.version).metric.name
        order = {"metric": metric if task.name == "grade" else None, "seconds": limits.seconds}
        data, theirs = socket.socketpair()
        watcher, their_watcher = socket.socketpair()
        with data, watcher:
            with theirs, their_watcher, self._lock:
                process = self._start()
                self._order(order, [theirs.fileno(), their_watcher.fileno()])
            for end in (data, watcher):
                end.settimeout(limits.seconds + _LATE_SECONDS)
            handle.watch(watcher)
            try:
                answer = _exchange(data, Job(task, limits, Path.cwd()), content)
                ending = _ending(watcher)
            except (TimeoutError, _HelperGoneError) as error:
                with self._lock:
                    if self._process is process:
                        self._close()
                raise _HelperGoneError(str(error)) from error
            finally:
                handle.watch(None)
        for level, text in answer.get("log", ()):
            logger.log(level, "%s", text)
        if handle.cancelled and "result" not in answer:
            return Done("cancelled", {})
        return _judge(answer, ending, limits)

    def _start(self) -> subprocess.Popen[bytes]:
        found = self._process
        # After a fork of this process, the helper is still that of the one before.
        if found is not None and self._owner == os.getpid() and found.poll() is None:
            return found
        self._close()
        control, theirs = socket.socketpair()
        # What libraries print is not for the terminal; it is looked at when the helper fails.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the helper is there
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", _SERVER, str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._errors,
                    cwd="/",
                    env=environment(),
                    # Ctrl-C on the terminal is for the harness, which grades what there is.
                    start_new_session=True,
                )
            except OSError as error:
                control.close()
                raise RuntimeFailure(f"No process for grading could be started: {error}") from error
        control.settimeout(_START_SECONDS)
        self._control = control
        self._owner = os.getpid()
        return self._process

    def _order(self, order: dict[str, Any], descriptors: list[int]) -> None:
        assert self._control is not None
        text = json.dumps(order).encode()
        try:
            socket.send_fds(self._control, [LENGTH.pack(len(text)) + text], descriptors)
            answer = self._control.recv(1)
        except OSError as error:
            reason = f"{error}. {self._last_words()}"
            self._close()
            raise _HelperGoneError(reason) from error
        if answer == FAILED:
            # It goes on, with what others have asked of it.
            raise RuntimeFailure(f"No process for grading could be forked: {self._last_words()}")
        if answer != STARTED:
            reason = self._last_words()
            self._close()
            raise _HelperGoneError(reason)

    def _last_words(self) -> str:
        assert self._errors is not None
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(size - _LONGEST_ERROR, 0))
        return self._errors.read().decode(errors="replace").strip() or "it said nothing"

    def _close(self) -> None:
        for item in (self._control, self._errors):
            if item is not None:
                item.close()
        if self._process is not None and self._owner == os.getpid():
            # It ends when its socket is closed, and kills what it has forked before.
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = self._control = self._errors = None


class _HelperGoneError(Exception):
    """The helper died, could not fork or does not answer."""


def environment() -> dict[str, str]:
    """Return the variables of the helper, without keys and tokens."""
    kept = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
    # Arrow's own allocators reserve memory by the gigabyte, all of which counts for the limit, and
    # one has a thread of its own, with which one must not fork.
    return {**kept, "ARROW_DEFAULT_MEMORY_POOL": "system", "JE_ARROW_MALLOC_CONF": _NO_THREAD}


def _exchange(data: socket.socket, job: Job, content: bytes) -> dict[str, Any]:
    """Hand over a job and return its answer; empty where the process ended without one."""
    try:
        send_job(data, job, content)
        blocks: list[bytes] = []
        while (block := data.recv(1024**2)) and len(blocks) * 1024**2 < _LONGEST_ANSWER:
            blocks.append(block)
    except (BrokenPipeError, ConnectionResetError):
        # How it ended says the helper.
        return {}
    try:
        answer: dict[str, Any] = json.loads(b"".join(blocks))
    except ValueError:
        return {}
    return answer


def _ending(watcher: socket.socket) -> dict[str, Any]:
    head = _receive(watcher, LENGTH.size)
    ending: dict[str, Any] = json.loads(_receive(watcher, *LENGTH.unpack(head)))
    return ending


def _receive(watcher: socket.socket, length: int) -> bytes:
    found = b""
    while len(found) < length:
        try:
            block = watcher.recv(length - len(found))
        except ConnectionResetError:
            block = b""
        if not block:
            raise _HelperGoneError("it ended during a job")
        found += block
    return found


def _judge(answer: dict[str, Any], ending: dict[str, Any], limits: ProcessLimits) -> Done:
    result, fault = answer.get("result", {}), answer.get("fault", "")
    grown = ending["peak_bytes"] - ending["shared_bytes"]
    how: How = "done" if "result" in answer else "died" if ending["code"] < 0 else "fault"
    if ending["overdue"] and how != "done":
        how = "out_of_time"
    elif answer.get("out_of_memory"):
        how = "out_of_memory"
    elif grown > _NEARLY_ALL * limits.memory_bytes and (
        how != "done" or result.get("status") == "error"
    ):
        # Libraries call a want of memory by many names, or end the process.
        how = "out_of_memory"
    return Done(how, result, fault, ending["code"], ending["seconds"], ending["peak_bytes"])


_SERVER = f"{__package__}.forkserver"
_NO_THREAD = "background_thread:false"

#: Those of this process.
PROCESSES = LimitedProcesses()
atexit.register(PROCESSES.close)
