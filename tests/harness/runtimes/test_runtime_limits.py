"""Agents that do not stay within their limits, or do not want to end."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time

import pytest

MEGABYTE = 1024**2


def test_runaway_agent_is_stopped_and_its_file_kept(runtime, make_case):
    case = make_case(
        """
        import os, signal, time
        from pathlib import Path
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        Path(os.environ["SUBMISSION_DIR"], "submission.csv").write_text("kept")
        while True:
            time.sleep(0.1)
        """,
        time_seconds=1,
        grace_seconds=1,
    )
    ending = case.run(runtime)
    assert ending.how == "time_limit"
    assert ending.exit_code == 137
    assert 1 <= ending.seconds < 10
    assert case.submission().read_text() == "kept"


def test_agent_may_use_its_grace(runtime, make_case):
    case = make_case(
        """
        import os, signal, time
        from pathlib import Path
        def finish(*_):
            Path(os.environ["SUBMISSION_DIR"], "submission.csv").write_text("in time")
            raise SystemExit(0)
        signal.signal(signal.SIGTERM, finish)
        time.sleep(60)
        """,
        time_seconds=1,
        grace_seconds=10,
    )
    ending = case.run(runtime)
    assert (ending.how, ending.exit_code) == ("time_limit", 0)
    assert ending.seconds < 10
    assert case.submission().read_text() == "in time"


def test_nothing_writes_after_the_end(runtime, make_case):
    # A daemon in a session of its own, whose parents are gone.
    case = make_case(
        """
        import os, time
        from pathlib import Path
        target = Path(os.environ["SUBMISSION_DIR"], "submission.csv")
        target.write_text("first ")
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                while True:
                    with target.open("a") as file:
                        file.write("more ")
                    time.sleep(0.01)
            os._exit(0)
        time.sleep(0.7)
        """
    )
    assert case.run(runtime).how == "exited"
    size = case.submission().stat().st_size
    assert size > len("first ")
    time.sleep(0.5)
    assert case.submission().stat().st_size == size


def test_memory_eater(runtime, make_case):
    case = make_case(
        """
        import time
        hoard = []
        while True:
            hoard.append(b"x" * 10_000_000)
            time.sleep(0.02)
        """,
        memory_bytes=150 * MEGABYTE,
        time_seconds=20,
    )
    ending = case.run(runtime)
    assert (ending.how, ending.exit_code) == ("out_of_memory", 137)


def test_memory_within_the_limit(runtime, make_case):
    case = make_case("x = b'x' * 50_000_000", memory_bytes=150 * MEGABYTE)
    assert case.run(runtime).exit_code == 0, case.log


FORK_BOMB = """
    import os, time
    while True:
        try:
            if os.fork() == 0:
                time.sleep(60)
        except OSError:
            time.sleep(0.1)
    """


def test_fork_bomb(runtime, make_case):
    case = make_case(FORK_BOMB, processes=20, time_seconds=2)
    ending = case.run(runtime)
    if runtime.isolates:
        # The kernel refuses more processes, and the agent goes on with those it has.
        assert ending.how == "time_limit"
        assert ending.details["peak_processes"] <= 21
    else:
        assert ending.how == "too_many_processes"
    assert ending.seconds < 15


@pytest.mark.docker
def test_fork_bomb_that_gives_up(docker_runtime, make_case):
    case = make_case(
        """
        import os, time
        end = time.monotonic() + 2
        while time.monotonic() < end:
            try:
                if os.fork() == 0:
                    time.sleep(60)
            except OSError:
                time.sleep(0.1)
        raise SystemExit(1)
        """,
        processes=20,
    )
    ending = case.run(docker_runtime)
    assert (ending.how, ending.exit_code) == ("too_many_processes", 1)


def test_log_flood_is_capped(runtime, make_case):
    case = make_case(
        """
        print("\\n".join(f"line {number}" for number in range(300_000)))
        print("the last word")
        """,
        log_bytes=200_000,
    )
    ending = case.run(runtime)
    assert ending.exit_code == 0
    assert case.sandbox.log_file.stat().st_size <= 200_000
    assert case.log.startswith("line 0\nline 1\n")
    assert "capped at 200000 bytes" in case.log
    assert case.log.endswith("the last word\n")
    assert ending.details["log_cut"] is True
    assert ending.details["log_bytes"] > 3_000_000


def test_interruption(runtime, make_case):
    case = make_case("import time; time.sleep(60)", time_seconds=40)
    cancelled = threading.Event()
    timer = threading.Timer(1.0, cancelled.set)
    timer.start()
    ending = case.run(runtime, cancelled)
    timer.join()
    assert (ending.how, ending.exit_code) == ("interrupted", 143)
    assert ending.seconds < 15


def test_keyboard_interrupt(runtime, make_case):
    case = make_case("print('running', flush=True)\nimport time; time.sleep(60)", time_seconds=40)
    script = textwrap.dedent(
        f"""
        import pathlib, threading
        from pathlib import PosixPath
        from mlebench_data.harness.runtimes import choose_runtime
        from mlebench_data.harness.runtimes.sandbox import Folders, Limits, Sandbox, Warnings
        ending = choose_runtime({runtime.name!r})[0].run(
            {case.sandbox!r}, cancelled=threading.Event())
        print(ending.how)
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as harness:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if case.sandbox.log_file.exists() and "running" in case.log:
                break
            time.sleep(0.05)
        harness.send_signal(2)
        output, _ = harness.communicate(timeout=30)
    assert output == "interrupted\n"
    assert harness.returncode == 0
