"""The helper that forks a process for each job: `python -m ...limited.forkserver DESCRIPTOR`.

It has imported what is slow to import. It has no threads, so that it may fork, and no secrets: jobs
go past it, from the harness to the forked process. It keeps time, and tells how each process ended.

DESCRIPTOR is that of a socket. On it comes one order at a time: its length, then JSON
(`metric`: what to import; `seconds`: the time limit) along with two sockets, one for the forked
process, one for its end. The answer is a byte, `STARTED` or `FAILED`. When the socket is closed,
all ends.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import resource
import selectors
import signal
import socket
import struct
import sys
import time
import traceback
from dataclasses import dataclass
from typing import Any

from mlebench_data.harness.limited.limits import end_with_parent, private_bytes

STARTED = b"+"
FAILED = b"-"
LENGTH = struct.Struct("!I")

#: So many descriptors are closed where there is no limit to their number.
_MOST_FILES = 1 << 20

#: What every grading needs; modules of metrics are imported as they are asked for.
_MODULES = (
    "mlebench_data.grading.grade",
    "mlebench_data.harness.limited.job",
    "pandas",
    "pyarrow.compute",
    "pyarrow.csv",
    "tempfile",
)


@dataclass(frozen=True)
class _Child:
    """A forked process; what is sent on `watcher`, or its end, is the order to kill it."""

    process: int
    watcher: socket.socket
    start: float
    deadline: float


class ForkServer:
    """Serves orders until there can be no more.

    Parameters
    ----------
    control : socket.socket
        Where orders come from.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: dict[int, _Child] = {}
        self._overdue: set[int] = set()
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)
        # Signals are noticed as bytes: whether a child ends while this waits or before, it wakes.
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker):
            end.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        """Fork, keep time and tell of ends until the harness is gone."""
        while True:
            ready = [key.fileobj for key, _ in self._selector.select(self._pause())]
            self._reap()
            for child in self._children.values():
                if child.watcher in ready:
                    os.kill(child.process, signal.SIGKILL)
                    self._selector.unregister(child.watcher)
                    # Closed with something unread, it would lose what is told on it.
                    child.watcher.recv(4096)
                elif time.monotonic() >= child.deadline:
                    os.kill(child.process, signal.SIGKILL)
                    self._overdue.add(child.process)
            if self._woken in ready:
                self._woken.recv(4096)
            try:
                if self._control in ready and not self._take_order():
                    break
            except ConnectionError:
                break
        for process in self._children:
            os.kill(process, signal.SIGKILL)

    def _pause(self) -> float | None:
        """Return the seconds until the next time limit."""
        waiting = [child for child in self._children.values() if child.process not in self._overdue]
        if not waiting:
            return None
        return max(min(child.deadline for child in waiting) - time.monotonic(), 0)

    def _reap(self) -> None:
        """Tell how those ended that have."""
        while self._children:
            process, status, usage = os.wait4(-1, os.WNOHANG)
            if not process:
                return
            child = self._children.pop(process)
            ending = {
                "code": os.waitstatus_to_exitcode(status),
                "overdue": process in self._overdue,
                "seconds": time.monotonic() - child.start,
                "peak_bytes": _peak_bytes(usage),
                "shared_bytes": private_bytes(),
            }
            self._overdue.discard(process)
            if child.watcher in self._selector.get_map():
                self._selector.unregister(child.watcher)
            text = json.dumps(ending).encode()
            # Whoever wanted to know may be gone.
            with child.watcher, contextlib.suppress(ConnectionError):
                child.watcher.sendall(LENGTH.pack(len(text)) + text)

    def _take_order(self) -> bool:
        """Fork for an order; tell whether there was one."""
        head, descriptors, _, _ = socket.recv_fds(self._control, LENGTH.size, 2)
        if not head:
            return False
        (length,) = LENGTH.unpack(head)
        order = json.loads(self._control.recv(length, socket.MSG_WAITALL))
        connection, watcher = (socket.socket(fileno=descriptor) for descriptor in descriptors)
        me = os.getpid()
        try:
            _warm(order["metric"])
            process = os.fork()
        except Exception:
            traceback.print_exc()
            connection.close()
            watcher.close()
            self._control.sendall(FAILED)
            return True
        if not process:
            _be_child(connection, me)
        now = time.monotonic()
        self._children[process] = _Child(process, watcher, now, now + order["seconds"])
        self._selector.register(watcher, selectors.EVENT_READ)
        connection.close()
        self._control.sendall(STARTED)
        return True


def _warm(metric: str | None) -> None:
    """Import a metric, and keep what there is out of the way of the collector.

    A collection would touch every object, and each page with one on it would have to be copied
    once more for every forked process.
    """
    if metric is not None:
        from mlebench_data.metrics.registry import load_function

        before = len(sys.modules)
        load_function(metric)
        if len(sys.modules) == before:
            return
    gc.collect()
    gc.freeze()


def _be_child(connection: socket.socket, parent: int) -> None:
    """Do a job and end, without what the process that forked this one would do at its end."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # Whoever keeps a socket open keeps its other end waiting.
        mine = os.dup2(connection.fileno(), 3, inheritable=False)
        most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        os.closerange(4, most if 0 < most < _MOST_FILES else _MOST_FILES)
        from mlebench_data.harness.limited.job import do_job

        end_with_parent(parent)
        do_job(socket.socket(fileno=mine))
        code = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _peak_bytes(usage: Any) -> int:
    return int(usage.ru_maxrss) * (1 if sys.platform == "darwin" else 1024)


def _first_use() -> None:
    """Do once what pandas puts off until it is first done; each forked process would do it."""
    import pandas as pd

    from mlebench_data.grading.csv_reading import read_graded_csv

    table = read_graded_csv(
        io.BytesIO(b"id,value,text\n1,0.5,a\n2,1.5,b\n"), missing_tokens="empty", columns_as_text=[]
    )
    pd.Index(table["text"]).get_indexer(pd.Index(table["text"]))


def main() -> int:
    """Prepare, then serve."""
    control = socket.socket(fileno=int(sys.argv[1]))
    for name in _MODULES:
        importlib.import_module(name)
    _first_use()
    _warm(None)
    ForkServer(control).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
