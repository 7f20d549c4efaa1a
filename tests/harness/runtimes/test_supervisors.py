"""The processes between the harness and its local agents."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import psutil
import pytest

from mlebench_data.harness.runtimes.base import Cancelled
from mlebench_data.harness.runtimes.failures import RuntimeFailure

SLEEPER = "import pathlib, time; pathlib.Path('ready').touch(); time.sleep(60)"


def server_of(harness: int) -> psutil.Process:
    found = [
        process
        for process in psutil.Process(harness).children()
        if process.status() != psutil.STATUS_ZOMBIE
        and any(part.endswith("supervisor.py") for part in process.cmdline())
    ]
    return max(found, key=psutil.Process.create_time)


def test_process_that_forks_supervisors_is_started_again(local_runtime, make_case):
    assert make_case(name="first").run(local_runtime).exit_code == 0
    server = server_of(os.getpid())
    server.kill()
    server.wait(10)
    assert make_case(name="second").run(local_runtime).exit_code == 0
    assert server_of(os.getpid()).pid != server.pid


def test_agents_do_not_outlive_that_process(local_runtime, make_case):
    case = make_case(SLEEPER)
    ready = case.sandbox.folders.code / "ready"

    def kill() -> None:
        while not ready.exists():
            time.sleep(0.05)
        server_of(os.getpid()).kill()

    thread = threading.Thread(target=kill)
    thread.start()
    # That is not what the agent did, nor its limits, nor the harness.
    with pytest.raises(RuntimeFailure, match="was told to stop, and not by the harness"):
        case.run(local_runtime)
    thread.join()


def test_killed_supervisor_is_a_failure_of_the_runtime(local_runtime, make_case):
    case = make_case(SLEEPER)
    ready = case.sandbox.folders.code / "ready"

    def kill() -> None:
        while not ready.exists():
            time.sleep(0.05)
        (supervisor,) = server_of(os.getpid()).children()
        supervisor.kill()

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(RuntimeFailure, match="ended without a report"):
        case.run(local_runtime)
    thread.join()


def test_hurry_leaves_no_grace(runtime, make_case):
    case = make_case(
        """
        import signal, time
        from pathlib import Path
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        Path("ready").touch()
        time.sleep(60)
        """,
        grace_seconds=50,
    )
    ready = case.sandbox.folders.code / "ready"
    cancelled = Cancelled()

    def cancel() -> None:
        while not ready.exists():
            time.sleep(0.05)
        cancelled.set()
        time.sleep(1)
        cancelled.hurry.set()

    thread = threading.Thread(target=cancel)
    thread.start()
    ending = case.run(runtime, cancelled)
    thread.join()
    assert (ending.how, ending.exit_code) == ("interrupted", 137)
    assert ending.seconds < 20


def test_nothing_stays_open(local_runtime, make_case):
    make_case(name="warm").run(local_runtime)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(10):
        make_case(name=f"run-{number}").run(local_runtime)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
    server = server_of(os.getpid())
    assert server.children() == []
    assert server.num_fds() < 10
