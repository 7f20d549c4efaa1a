"""The harness's side of the supervisors of local agents."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlebench_data.harness.runtimes.failures import RuntimeFailure


class Supervisor:
    """A supervisor that was forked for one task.

    Attributes
    ----------
    pid : int
        Its process.
    output : int
        Open file from which the program's output is read; its reader closes it.
    """

    def __init__(self, pid: int, orders: int, report: int, output: int) -> None:
        self.pid = pid
        self.output = output
        self._orders: int | None = orders
        self._report = report
        self._answer = b""
        self._ended = False

    def order(self, line: str) -> None:
        """Give it its task, or an order."""
        if self._orders is None:
            return
        data = line.encode() + b"\n"
        try:
            while data:
                data = data[os.write(self._orders, data) :]
        except BrokenPipeError:
            return  # it has ended, which its report tells, or the lack of one

    def wait(self, seconds: float) -> bool:
        """Wait for its end, some time; tell whether it has come."""
        poll = select.poll()
        poll.register(self._report, select.POLLIN)
        while not self._ended and poll.poll(seconds * 1000):
            data = os.read(self._report, 65536)
            self._answer += data
            # No other process has the other end, so it is gone then.
            self._ended = not data
        return self._ended

    def report(self) -> dict[str, Any] | None:
        """Return what it reported before its end; None if it could not."""
        if not self._answer.endswith(b"\n"):
            return None
        answer: dict[str, Any] = json.loads(self._answer)
        return answer

    def end(self, patience: float) -> None:
        """Have it stop if it still runs, by force if it does not."""
        if self._orders is not None:
            os.close(self._orders)
            self._orders = None
        if not self.wait(patience):
            os.kill(self.pid, signal.SIGKILL)
            self.wait(patience)

    def close(self) -> None:
        """Let go of it."""
        os.close(self._report)


class SupervisorServer:
    """Forks supervisors from a process that has all it needs: starting Python anew takes longer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def supervisor(self) -> Supervisor:
        """Return a new supervisor, which waits for its task.

        Raises
        ------
        RuntimeFailure
            If none can be started.
        """
        # Once more, for somebody may have ended the process since the last time.
        for _ in range(2):
            found = self._try()
            if found is not None:
                return found
        raise RuntimeFailure(
            f"The process that supervises local agents, {sys.executable} {_PROGRAM}, ended at "
            "once. What it printed says why."
        )

    def __del__(self) -> None:
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            # It ends at once, but for a machine that is very busy.
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1)

    def _try(self) -> Supervisor | None:
        orders_read, orders = os.pipe()
        report, report_write = os.pipe()
        output, output_write = os.pipe()
        theirs = [orders_read, report_write, output_write]
        try:
            self._send(theirs)
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        pid = b""
        while len(pid) < 8 and (data := os.read(report, 8 - len(pid))):
            pid += data
        if len(pid) == 8:
            return Supervisor(int.from_bytes(pid, "big"), orders, report, output)
        for descriptor in (orders, report, output):
            os.close(descriptor)
        return None

    def _send(self, streams: list[int]) -> None:
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()
            assert self._socket is not None
            # Where nobody takes them any more, they are closed, which tells the reader.
            with suppress(BrokenPipeError, ConnectionResetError):
                socket.send_fds(self._socket, [b"\n"], streams)

    def _start(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(
                # -P keeps this folder, with its own `docker.py`, off the module path.
                [sys.executable, "-P", str(_PROGRAM)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env={
                    # What finds the same libraries again. The agent could read more than this.
                    name: os.environ[name]
                    for name in ("PATH", "HOME", "LANG", "PYTHONPATH")
                    if name in os.environ
                },
                # Ctrl-C at a terminal reaches the harness only, which then asks it to stop.
                start_new_session=True,
            )
        except OSError as error:
            raise RuntimeFailure(
                f"The supervisor of local agents could not be started with {sys.executable}: "
                f"{error}"
            ) from error
        finally:
            theirs.close()


_PROGRAM = Path(__file__).with_name("supervisor.py")
