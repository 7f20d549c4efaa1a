"""Worker processes give the results that this process would, and end with it."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlebench_data.errors import PrepareError
from mlebench_data.workers.pool import WorkerPool

# Functions of the standard library: workers know these too.
FEW, MANY = 3, 100


@pytest.mark.parametrize("count", [0, 1, FEW, MANY])
def test_results_come_in_order(count: int) -> None:
    with WorkerPool() as pool:
        assert list(pool.map(str.upper, (f"a{n}" for n in range(count)))) == [
            f"A{n}" for n in range(count)
        ]


@pytest.mark.parametrize(("count", "elsewhere"), [(FEW, False), (MANY, True)])
def test_workers_are_started_for_much_work_only(count: int, elsewhere: bool) -> None:
    with WorkerPool() as pool:
        processes = set(pool.map(eval, ["__import__('os').getpid()"] * count))
        assert (os.getpid() not in processes) == elsewhere
        assert bool(pool._workers) == elsewhere


@pytest.mark.parametrize("count", [FEW, MANY])
def test_errors_are_raised_here(tmp_path: Path, count: int) -> None:
    with WorkerPool() as pool:
        with pytest.raises(FileNotFoundError) as caught:
            list(pool.map(os.stat, [str(tmp_path / "nothing")] * count))
        assert caught.value.filename == str(tmp_path / "nothing")
        # And the pool goes on working.
        assert list(pool.map(len, ["ab"] * MANY)) == [2] * MANY


def test_killed_worker_is_an_error() -> None:
    with WorkerPool() as pool:
        results = pool.map(time.sleep, [0.1] * MANY)
        next(results)
        pool._workers[0].send_signal(signal.SIGKILL)
        with pytest.raises(PrepareError, match=r"ended with status -9"):
            list(results)


def test_closed_pool_leaves_no_process() -> None:
    with WorkerPool() as pool:
        list(pool.map(len, ["ab"] * MANY))
        workers = list(pool._workers)
        assert all(worker.poll() is None for worker in workers)
    assert workers
    assert all(worker.poll() is not None for worker in workers)


HOLD = """
import sys, time
from pathlib import Path
from mlebench_data.prepare.finishing import exclusive
from mlebench_data.workers.pool import WorkerPool

with exclusive(Path(sys.argv[1])) as held, WorkerPool([held]) as pool:
    results = pool.map(time.sleep, [0.0] * 20 + [3.0] * 20)
    next(results)
    print("started", flush=True)
    list(results)
"""


def test_lock_is_held_until_workers_of_a_killed_process_end(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    time.sleep(1)  # now the workers are in the middle of something
    process.kill()
    process.wait()
    process.stdout.close()
    with (tmp_path / ".lock").open("w") as lock:
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # They end by themselves; the time limit of pytest ends a wait in vain.
        fcntl.flock(lock, fcntl.LOCK_EX)
