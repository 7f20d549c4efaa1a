"""Starts programs, holds their limits, and ends them with all their offspring.

A program of its own, run by the local runtime, so that the limits hold and nothing is left even
if the harness is killed. It imports nothing of this package. It waits at the socket on its standard
input, and for each message forks a supervisor, whose standard streams come with the message.

The first line of a supervisor's standard input is its task as JSON. Further lines are orders:
`signal NAME` for the program, `stop HOW` with grace, `kill HOW` without. The end of standard input,
or of the parent process, is the order to stop. Standard output gets the supervisor's process id in
eight bytes, and one line of JSON when all is over; standard error is the program's output.
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
import socket
import subprocess
import sys
import time
import traceback
from datetime import UTC, datetime
from typing import Any

import psutil

#: Seconds between two looks at the processes, but for programs that soon end.
_TICK = 0.2
_FIRST_LOOK = 0.05
#: Looking may take this part of the time.
_SHARE = 0.05
_LONGEST_WAIT = 1.0
_KILL_ROUNDS = 200
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


class Offspring:
    """All processes that descend from this one, alive.

    Parameters
    ----------
    keeps_orphans : bool
        Whether orphans become children of this process, so that none can leave its sight.
    """

    def __init__(self, keeps_orphans: bool) -> None:
        self._self = psutil.Process()
        self._keeps_orphans = keeps_orphans
        # Where orphans do not become children of this process, those seen before are remembered.
        self._seen: set[psutil.Process] = set()
        self.peak_processes = 1
        self._peak_memory_bytes = 0

    @property
    def peak_memory_bytes(self) -> int:
        """Most memory seen; of short programs, what the system remembers of the largest."""
        unit = 1024 if sys.platform == "linux" else 1
        largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
        return max(self._peak_memory_bytes, largest)

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
        self._peak_memory_bytes = max(self._peak_memory_bytes, memory)
        return len(processes), memory

    def kill(self) -> list[str]:
        """Kill all; return descriptions of those that could not be killed."""
        for _ in range(_KILL_ROUNDS):
            reap()
            if self._keeps_orphans and not _has_children():
                return []
            processes = self.alive()
            if not processes and not self._keeps_orphans:
                return []
            # All are stopped first, so that none forks while others are killed.
            for order in (signal.SIGSTOP, signal.SIGKILL):
                for process in processes:
                    try:
                        process.send_signal(order)
                    except psutil.Error:
                        continue  # ended since, or another account's: then it is told below
            time.sleep(0.01)
        reap()
        return [str(process) for process in self.alive()]


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


class Orders:
    """What this process was told to do."""

    def __init__(self) -> None:
        #: How the program is to end, once it is to.
        self.how: str | None = None
        self.at_once = False
        self._parent = os.getppid()
        self._signals: list[str] = []
        self._rest = b""
        # A program's end, too, ends a wait.
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self._ended = reader
        self._poll = select.poll()
        self._poll.register(0, select.POLLIN)
        self._poll.register(reader, select.POLLIN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self._stop("interrupted"))

    def read_task(self) -> dict[str, Any] | None:
        """Return the task; None if the harness ended before it gave one."""
        while b"\n" not in self._rest:
            data = os.read(0, 65536)
            if not data:
                return None
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        task: dict[str, Any] = json.loads(line)
        return task

    def wait(self, seconds: float) -> None:
        """Wait, at most until there are orders or the program ends."""
        for descriptor, _ in self._poll.poll(min(seconds, _LONGEST_WAIT) * 1000):
            if descriptor == self._ended:
                os.read(descriptor, 4096)
                continue
            data = os.read(0, 65536)
            if not data:
                self._poll.unregister(0)
                self._stop("interrupted")
            self._rest += data
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            order, _, word = line.decode().partition(" ")
            if order == "signal":
                self._signals.append(word)
            else:
                self._stop(word, at_once=order == "kill")
        # A child of the harness may hold the other end of standard input open, hence both.
        if os.getppid() != self._parent:
            self._stop("interrupted")

    def signals(self) -> list[str]:
        """Return the names of signals to be sent; each is returned once."""
        found, self._signals = self._signals, []
        return found

    def _stop(self, how: str, *, at_once: bool = False) -> None:
        self.how = self.how or how
        self.at_once = self.at_once or at_once


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


def _prctl(option: int, value: int) -> bool:
    if sys.platform != "linux":
        return False
    return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)


def _before_program(open_files: int | None) -> None:
    """Run in the new process, before it becomes the program."""
    # Should this supervisor be killed, at least its child goes too.
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if open_files is not None:
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        if most != resource.RLIM_INFINITY:
            # Only root could have more than that, and nobody needs more than was asked for.
            open_files = min(open_files, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))


def _terminate(group: int) -> None:
    try:
        os.killpg(group, signal.SIGTERM)
    except (ProcessLookupError, PermissionError):
        # It has just ended, or it is another account's now: the kill at the end tells which.
        return


def _send(process: int, name: str) -> None:
    try:
        os.kill(process, signal.Signals[name if name.startswith("SIG") else f"SIG{name}"])
    except (ProcessLookupError, PermissionError):
        return  # as above


def restrict_cpus(cpus: float | None) -> bool:
    """Bind this process to that many processors; tell whether that was possible."""
    if cpus is None or not hasattr(os, "sched_setaffinity"):
        return False
    available = sorted(os.sched_getaffinity(0))
    # At random, so that several supervisors do not all choose the first ones; from the system, as
    # they are copies of one process.
    chosen = random.SystemRandom().sample(available, min(math.ceil(cpus), len(available)))
    os.sched_setaffinity(0, chosen)
    return True


def supervise(task: dict[str, Any], orders: Orders, offspring: Offspring) -> dict[str, Any]:
    """Run the program to its end.

    Parameters
    ----------
    task : dict
        `command`, `environment`, `folder`, and the limits `time_seconds`, `grace_seconds`,
        `memory_bytes`, `processes`, `open_files`.
    orders : Orders
        What to do.
    offspring : Offspring
        The processes.

    Returns
    -------
    dict
        `how` it ended and its `exit_code`.
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
            preexec_fn=lambda: _before_program(task["open_files"]),
        )
    except OSError as error:
        # The same exit codes as a shell and `timeout` give.
        print(f"{task['command'][0]}: {error}", file=sys.stderr, flush=True)
        return {"how": "exited", "exit_code": 127 if error.errno == 2 else 126}
    deadline = time.monotonic() + task["time_seconds"]
    next_look = time.monotonic() + _FIRST_LOOK
    how = None
    while True:
        code = reap().get(program.pid)
        if code is not None:
            program.returncode = code  # reaped here, not by subprocess
            return {"how": how or "exited", "exit_code": code}
        for name in orders.signals():
            _send(program.pid, name)
        now = time.monotonic()
        if how is None and (orders.how is not None or now >= deadline):
            how = orders.how or "time_limit"
            deadline = now + task["grace_seconds"]
            if not orders.at_once:
                _terminate(program.pid)
        if how is not None and (orders.at_once or now >= deadline):
            break
        if now >= next_look:
            processes, memory = offspring.measure()
            if task["memory_bytes"] is not None and memory > task["memory_bytes"]:
                how = how or "out_of_memory"
                break
            if task["processes"] is not None and processes > task["processes"]:
                how = how or "too_many_processes"
                break
            cost = time.monotonic() - now
            next_look = now + cost + max(_TICK, cost / _SHARE)
        orders.wait(max(min(next_look, deadline) - time.monotonic(), 0))
    os.kill(program.pid, signal.SIGKILL)
    _, status = os.waitpid(program.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    program.returncode = code
    return {"how": how, "exit_code": code if code >= 0 else 128 - code}


def run_task() -> int:
    """Run the task of standard input and report on standard output."""
    orders = Orders()
    task = orders.read_task()
    if task is None:
        return 1
    offspring = Offspring(_prctl(_PR_SET_CHILD_SUBREAPER, 1))
    cpus_enforced = restrict_cpus(task["cpus"])
    started_at = datetime.now(UTC)
    start = time.monotonic()
    survivors: list[str] = []
    try:
        report = supervise(task, orders, offspring)
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


def _become_supervisor(streams: list[int]) -> None:
    """Serve one task in a process that was forked for it; does not return."""
    code = 1
    try:
        for target, source in enumerate(streams):
            os.dup2(source, target)
            os.close(source)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.write(1, os.getpid().to_bytes(8, "big"))
        code = run_task()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> int:
    """Fork a supervisor for each message, until the harness is gone."""
    parent = os.getppid()
    # Not the standard input of what is forked.
    requests = socket.socket(fileno=os.dup(0))
    os.close(0)
    os.open(os.devnull, os.O_RDONLY)
    # Nobody here waits for supervisors; the harness knows by their reports.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    poll = select.poll()
    poll.register(requests, select.POLLIN)
    while os.getppid() == parent:
        if not poll.poll(_LONGEST_WAIT * 1000):
            continue
        message, streams, _, _ = socket.recv_fds(requests, 1, 3)
        if not message:
            break
        if os.fork() == 0:
            requests.close()
            _become_supervisor(streams)
        for descriptor in streams:
            os.close(descriptor)
    return 0


if __name__ == "__main__":
    sys.exit(main())
