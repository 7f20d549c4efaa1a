"""Several worker processes, started when there is work enough for them."""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from mlebench_data.errors import PrepareError

_Batch = TypeVar("_Batch")
_Result = TypeVar("_Result")

# Fewer batches are done sooner here than workers are started.
_WORTH_STARTING = 8
_MOST = 8

# No site packages: what takes time at the start of Python, and what workers do not need.
_COMMAND = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from mlebench_data.workers.serving import main; main()"
)


def _processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class WorkerPool:
    """Processes that carry out functions of this folder on batches of plain values.

    Threads would wait for each other: the work on a small file is little more than system calls.
    Forking would copy the threads of other libraries in the middle of their work, so workers are
    processes of their own, that end when this one does.

    Parameters
    ----------
    held : sequence of int
        Descriptors that workers keep open. A lock that is held through one of them is not free
        before the last worker has ended, even if this process is killed.
    """

    def __init__(self, held: Sequence[int] = ()) -> None:
        self._held = tuple(held)
        self._workers: list[subprocess.Popen[bytes]] = []
        self._idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def map(
        self, function: Callable[[_Batch], _Result], batches: Iterable[_Batch]
    ) -> Iterator[_Result]:
        """Apply a function to batches, several at a time; results come in order.

        Parameters
        ----------
        function : callable
            A function of a module in this folder. What it raises is raised here.
        batches : iterable
            Its arguments, taken a few ahead of the results.

        Raises
        ------
        PrepareError
            If a worker ends before its work is done.
        """
        iterator = iter(batches)
        first = list(itertools.islice(iterator, _WORTH_STARTING))
        if len(first) < _WORTH_STARTING or not sys.executable:
            yield from map(function, itertools.chain(first, iterator))
            return
        self._start()
        waiting: deque[Future[_Result]] = deque()
        with ThreadPoolExecutor(len(self._workers)) as threads:
            try:
                for batch in itertools.chain(first, iterator):
                    waiting.append(threads.submit(self._ask, function, batch))
                    if len(waiting) > 2 * len(self._workers):
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def _start(self) -> None:
        if self._workers:
            return
        # The package is found where this copy of it lies, whatever else is installed.
        place = str(Path(__file__).parents[2])
        for _ in range(min(_processors(), _MOST)):
            worker = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _COMMAND, place],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=self._held,
            )
            self._workers.append(worker)
            self._idle.put(worker)

    def _ask(self, function: Callable[[_Batch], _Result], batch: _Batch) -> _Result:
        worker = self._idle.get()
        assert worker.stdin is not None
        assert worker.stdout is not None
        try:
            pickle.dump((function, batch), worker.stdin, pickle.HIGHEST_PROTOCOL)
            worker.stdin.flush()
            done, result = pickle.load(worker.stdout)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError) as error:
            raise PrepareError(
                f"A worker process ended with status {worker.wait()} before its work was done; "
                "was it killed, or memory short? Run the same command again."
            ) from error
        finally:
            self._idle.put(worker)
        if not done:
            raise result
        found: Any = result
        return found  # type: ignore[no-any-return]

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers:
            # Nothing is under way: `map` has waited for what it asked for.
            worker.kill()
            worker.wait()
            for stream in (worker.stdin, worker.stdout):
                # A killed worker has not taken all that was written to it.
                with contextlib.suppress(BrokenPipeError):
                    if stream is not None:
                        stream.close()
        self._workers.clear()
        self._idle = SimpleQueue()
