"""Starts one program, holds its limits, and ends it with all its offspring.

A program of its own, run by the local runtime, so that the limits hold and nothing is left even
if the harness is killed. It imports nothing of this package. The first line of standard input is
the task as JSON; the end of standard input, or of the parent process, is the order to stop.
Standard output gets one line of JSON when all is over; standard error is the program's output.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import random
import resource
import select
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

import psutil

_TICK = 0.2
_KILL_ROUNDS = 200
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


class Offspring:
    """All processes that descend from this one, alive."""

    def __init__(self) -> None:
        self._self = psutil.Process()
        # Where orphans do not become children of this process, those seen before are remembered.
        self._seen: set[psutil.Process] = set()
        self.peak_processes = 0
        self.peak_memory_bytes = 0

    def alive(self) -> list[psutil.Process]:
        """Return the processes, without those that only wait to be reaped."""
        found = set(self._self.children(recursive=True))
        for process in self._seen - found:
            try:
                found.add(process)
                found.update(process.children(recursive=True))
            except psutil.Error:
                found.discard(process)
        self._seen = {process for process in found if _is_alive(process)}
        return list(self._seen)

    def measure(self) -> tuple[int, int]:
        """Return the number of processes and their resident memory in bytes, together."""
        memory = 0
        processes = self.alive()
        for process in processes:
            try:
                memory += process.memory_info().rss
            except psutil.Error:
                continue  # it has ended since
        self.peak_processes = max(self.peak_processes, len(processes))
        self.peak_memory_bytes = max(self.peak_memory_bytes, memory)
        return len(processes), memory

    def kill(self) -> list[str]:
        """Kill all; return descriptions of those that could not be killed."""
        for _ in range(_KILL_ROUNDS):
            processes = self.alive()
            if not processes:
                return []
            # All are stopped first, so that none forks while others are killed.
            for order in (signal.SIGSTOP, signal.SIGKILL):
                for process in processes:
                    try:
                        process.send_signal(order)
                    except psutil.Error:
                        continue  # ended since, or another account's: then it is told below
            reap()
            time.sleep(0.01)
        return [str(process) for process in self.alive()]


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


class StopRequest:
    """Whether this process was told to stop."""

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._asked = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask)

    def _ask(self, *_: object) -> None:
        self._asked = True

    def wait(self, seconds: float) -> None:
        """Wait, at most until standard input ends."""
        if self._asked:
            time.sleep(seconds)
        elif select.select([sys.stdin], [], [], seconds)[0]:
            self._asked = True

    def __bool__(self) -> bool:
        # A child of the harness may hold the other end of standard input open, hence both.
        return self._asked or os.getppid() != self._parent


def reap() -> dict[int, int]:
    """Collect ended children; return their exit codes, 128 + n for signal n, by process id."""
    codes: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return codes
        if pid == 0:
            return codes
        code = os.waitstatus_to_exitcode(status)
        codes[pid] = code if code >= 0 else 128 - code


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _before_program() -> None:
    """Run in the new process, before it becomes the program."""
    # Should this supervisor be killed, at least its child goes too.
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _terminate(group: int) -> None:
    try:
        os.killpg(group, signal.SIGTERM)
    except (ProcessLookupError, PermissionError):
        # It has just ended, or it is another account's now: the kill at the end tells which.
        return


def restrict_cpus(cpus: float | None) -> bool:
    """Keep this process and its offspring to some processors; tell whether that was possible."""
    if cpus is None or not hasattr(os, "sched_setaffinity"):
        return False
    available = sorted(os.sched_getaffinity(0))
    # At random, so that several supervisors do not all choose the first ones.
    os.sched_setaffinity(0, random.sample(available, min(math.ceil(cpus), len(available))))
    return True


def supervise(task: dict[str, Any], stop: StopRequest, offspring: Offspring) -> dict[str, Any]:
    """Run the program to its end.

    Parameters
    ----------
    task : dict
        `command`, `environment`, `folder`, and the limits `time_seconds`, `grace_seconds`,
        `memory_bytes`, `processes`.
    stop : StopRequest
        The order to stop.
    offspring : Offspring
        The processes.

    Returns
    -------
    dict
        `how` it ended and its `exit_code`, None if that is not known yet.
    """
    try:
        program = subprocess.Popen(
            task["command"],
            env=task["environment"],
            cwd=task["folder"],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            stderr=sys.stderr,
            start_new_session=True,
            preexec_fn=_before_program,
        )
    except OSError as error:
        # The same exit codes as a shell and `timeout` give.
        print(f"{task['command'][0]}: {error}", file=sys.stderr, flush=True)
        return {"how": "exited", "exit_code": 127 if error.errno == 2 else 126}
    deadline = time.monotonic() + task["time_seconds"]
    how = None
    while True:
        code = reap().get(program.pid)
        if code is not None:
            program.returncode = code  # reaped here, not by subprocess
            return {"how": how or "exited", "exit_code": code}
        now = time.monotonic()
        if how is None and (stop or now >= deadline):
            how = "interrupted" if stop else "time_limit"
            _terminate(program.pid)
            deadline = now + task["grace_seconds"]
        elif how is not None and now >= deadline:
            break
        processes, memory = offspring.measure()
        if task["memory_bytes"] is not None and memory > task["memory_bytes"]:
            how = how or "out_of_memory"
            break
        if task["processes"] is not None and processes > task["processes"]:
            how = how or "too_many_processes"
            break
        stop.wait(max(min(_TICK, deadline - now), 0.01))
    os.kill(program.pid, signal.SIGKILL)
    _, status = os.waitpid(program.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    program.returncode = code
    return {"how": how, "exit_code": code if code >= 0 else 128 - code}


def main() -> int:
    """Run the task of standard input and report on standard output."""
    stop = StopRequest()
    line = sys.stdin.buffer.readline()
    if not line:
        return 1  # the harness ended before it gave a task
    task = json.loads(line)
    # Orphans anywhere below become children of this process, so none can leave its sight.
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    cpus_enforced = restrict_cpus(task["cpus"])
    offspring = Offspring()
    started_at = datetime.now(UTC)
    start = time.monotonic()
    survivors: list[str] = []
    try:
        report = supervise(task, stop, offspring)
    finally:
        survivors = offspring.kill()
    report.update(
        seconds=time.monotonic() - start,
        started_at=started_at.isoformat(),
        ended_at=datetime.now(UTC).isoformat(),
        survivors=survivors,
        cpus_enforced=cpus_enforced,
        peak_processes=offspring.peak_processes,
        peak_memory_bytes=offspring.peak_memory_bytes,
    )
    try:
        print(json.dumps(report), flush=True)
    except BrokenPipeError:
        return 1  # the harness is gone, and nobody else wants to know
    return 0


if __name__ == "__main__":
    sys.exit(main())
