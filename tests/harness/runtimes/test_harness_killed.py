"""A harness that is killed with SIGKILL while its agent runs."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from mlebench_data.harness.runtimes import owner
from mlebench_data.harness.runtimes.docker import orphans
from mlebench_data.harness.runtimes.docker_container import NAME_LABEL

#: An agent that tries everything its user may do to outlive its deadline.
EVADER = """
    import ctypes, os, resource, signal, time
    from pathlib import Path
    if os.fork():
        os.wait()
    os.setsid()
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            continue
    libc = ctypes.CDLL(None, use_errno=True)
    PTRACE_ATTACH, PTRACE_SEIZE = 16, 0x4206
    done = {}
    for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTSTP, signal.SIGUSR1):
        try:
            os.kill(1, number)
            done[number.name] = "sent"
        except OSError as error:
            done[number.name] = error.strerror
    for request in (PTRACE_ATTACH, PTRACE_SEIZE):
        done[f"ptrace {request}"] = libc.ptrace(request, 1, 0, 0)
    for name in ("mem", "environ", "fd"):
        try:
            os.listdir("/proc/1/fd") if name == "fd" else open(f"/proc/1/{name}", "rb")
            done[name] = "open"
        except OSError as error:
            done[name] = error.strerror
    print(done, flush=True)
    while True:
        Path("alive").write_text(str(time.time()))
        time.sleep(0.05)
    """


@pytest.fixture(autouse=True)
def own_host(monkeypatch, tmp_path):
    """Let this test's leftovers seem to be on a host of their own.

    Other tests and harnesses on this machine then do not remove them, nor does it remove theirs.
    """
    monkeypatch.setattr(owner, "_host", lambda: tmp_path.name)


def start_harness(case, runtime_name: str, marker: Callable[[], bool]) -> subprocess.Popen:
    """Run a case in another process; return it once the marker shows that the agent runs."""
    script = textwrap.dedent(
        f"""
        import pickle, threading
        from mlebench_data.harness.runtimes import choose_runtime, docker_container, owner
        docker_container.DEADLINE_SLACK = 1.0
        owner._host = lambda: {owner._host()!r}
        sandbox = pickle.loads({pickle.dumps(case.sandbox)!r})
        choose_runtime({runtime_name!r})[0].run(sandbox, cancelled=threading.Event())
        """
    )
    harness = subprocess.Popen([sys.executable, "-c", script])
    wait_for(marker, seconds=20)
    return harness


def wait_for(condition: Callable[[], bool], *, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def kill(harness: subprocess.Popen) -> None:
    harness.send_signal(signal.SIGKILL)
    harness.wait()


def age(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def containers(name: str) -> list:
    import docker

    client = docker.from_env()
    return client.containers.list(all=True, filters={"label": f"{NAME_LABEL}={name}"})


@pytest.mark.docker
def test_container_cannot_outlive_its_deadline(docker_runtime, make_case):
    case = make_case(EVADER, name=f"evader-{os.getpid()}", time_seconds=2, grace_seconds=1)
    alive = case.sandbox.folders.code / "alive"
    harness = start_harness(case, "docker", alive.exists)
    name = case.sandbox.name
    assert containers(name)[0].status == "running"
    assert docker_runtime.remove_leftovers() == []
    kill(harness)
    # 2 s, 1 s of grace and 1 s of slack to the inner SIGTERM, 1 s more to its SIGKILL.
    wait_for(lambda: containers(name)[0].status == "exited", seconds=15)
    assert age(alive) >= 0
    time.sleep(1)
    assert age(alive) > 0.5, "the agent still runs"
    # The run that it belongs to may be continued.
    assert docker_runtime.remove_leftovers() == []
    (container,) = containers(name)
    assert docker_runtime.remove_leftovers(keep=[container.id], drop=[container.id]) == []
    (found,) = [line for line in orphans() if name in line]
    assert f"process {harness.pid}): exited (" in found
    (removed,) = docker_runtime.remove_leftovers(drop=[container.id])
    assert name in removed and str(harness.pid) in removed
    assert containers(name) == []


@pytest.mark.docker
def test_container_long_past_its_deadline_is_removed(docker_runtime, make_case, monkeypatch):
    case = make_case(EVADER, name=f"orphan-{os.getpid()}", time_seconds=60)
    name = case.sandbox.name
    harness = start_harness(case, "docker", (case.sandbox.folders.code / "alive").exists)
    kill(harness)
    assert containers(name)[0].status == "running"
    assert docker_runtime.remove_leftovers() == []
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 8 * 86400)
    (removed,) = docker_runtime.remove_leftovers()
    assert name in removed
    assert containers(name) == []


SECRET = "a-secret-of-this-account"

#: Prints, and ends when it is told to.
TALKER = """
    import os, sys, time
    from pathlib import Path
    print("before", os.environ["SERVICE_TOKEN"], flush=True)
    Path("alive").touch()
    while not Path("go").exists():
        time.sleep(0.05)
    print("after", os.environ["SERVICE_TOKEN"], flush=True)
    sys.exit(3)
    """


@pytest.fixture
def orphan(make_case):
    """A case whose harness was killed, and the id of its container."""
    case = make_case(
        TALKER,
        name=f"talker-{os.getpid()}",
        time_seconds=60,
        environment={"SERVICE_TOKEN": SECRET},
        secrets=(SECRET,),
    )
    folder = case.sandbox.folders.code
    harness = start_harness(case, "docker", (folder / "alive").exists)
    wait_for(lambda: "before" in case.log, seconds=10)
    kill(harness)
    (container,) = containers(case.sandbox.name)
    yield case, container
    assert containers(case.sandbox.name) == []


def adopt(docker_runtime, case, token: str):
    return docker_runtime.adopt(token, case.sandbox, cancelled=threading.Event())


@pytest.mark.docker
@pytest.mark.parametrize("when", ["before", "after"])
def test_adopted_container(docker_runtime, orphan, when):
    case, container = orphan
    go = case.sandbox.folders.code / "go"
    if when == "before":
        go.touch()
        container.wait(timeout=20)
    else:
        threading.Timer(1, go.touch).start()
    ending = adopt(docker_runtime, case, container.id)
    assert (ending.how, ending.exit_code) == ("exited", 3)
    assert ending.details["adopted"] and ending.details["image_id"]
    assert ending.seconds > 0
    assert case.log == "before ***\nafter ***\n", "no gap, nothing twice, no secret"


@pytest.mark.docker
def test_time_of_an_adopted_container_counts_from_its_start(docker_runtime, orphan):
    case, container = orphan
    case.sandbox = replace(
        case.sandbox, limits=replace(case.sandbox.limits, time_seconds=2.0, grace_seconds=0.5)
    )
    time.sleep(1.5)
    begin = time.monotonic()
    ending = adopt(docker_runtime, case, container.id)
    assert ending.how == "time_limit"
    assert ending.seconds >= 2 and time.monotonic() - begin < ending.seconds


@pytest.mark.docker
@pytest.mark.parametrize("number", ["SIGTERM", "SIGKILL"])
def test_container_that_an_engine_had_ended_is_not_adopted(docker_runtime, orphan, number):
    case, container = orphan
    container.kill(number)
    container.wait(timeout=20)
    assert adopt(docker_runtime, case, container.id) is None


@pytest.mark.docker
def test_what_is_gone_or_not_ours_is_not_adopted(docker_runtime, orphan):
    case, container = orphan
    assert adopt(docker_runtime, case, "f" * 64) is None
    other = replace(case.sandbox, name="another")
    assert docker_runtime.adopt(container.id, other, cancelled=threading.Event()) is None
    container.remove(force=True)
    assert adopt(docker_runtime, case, container.id) is None


@pytest.mark.docker
def test_process_one_is_out_of_reach(docker_runtime, make_case):
    case = make_case(EVADER, time_seconds=1.5, grace_seconds=1)
    ending = case.run(docker_runtime)
    assert ending.how == "time_limit"
    assert ending.seconds < 10
    done = eval(case.log)
    # The kernel drops these signals without a word; the agent was still stopped in time.
    assert done["SIGKILL"] == done["SIGSTOP"] == "sent"
    assert done["ptrace 16"] == done["ptrace 16902"] == -1
    assert done["mem"] == done["environ"] == done["fd"] == "Permission denied"


@pytest.mark.docker
@pytest.mark.parametrize("number", [1, 14, 15])
def test_handled_signals_to_process_one_only_hasten_the_end(docker_runtime, make_case, number):
    case = make_case(
        f"""
        import os, signal, time
        signal.signal({number}, signal.SIG_IGN)
        signal.signal(15, signal.SIG_IGN)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            os.kill(1, {number})
            time.sleep(0.01)
        """,
        time_seconds=2,
        grace_seconds=1,
    )
    ending = case.run(docker_runtime)
    assert ending.seconds < 10
    assert ending.exit_code == 137


def test_local_agent_ends_with_its_harness(local_runtime, make_case):
    case = make_case(
        EVADER.replace("os.kill(1, number)", "os.kill(0, 0)"), time_seconds=60, grace_seconds=1
    )
    alive = case.sandbox.folders.code / "alive"
    harness = start_harness(case, "local", alive.exists)
    assert local_runtime.remove_leftovers() == []
    kill(harness)
    time.sleep(3)
    assert age(alive) > 0.5, "the agent still runs"
    (removed,) = local_runtime.remove_leftovers()
    assert str(harness.pid) in removed
    assert local_runtime.remove_leftovers() == []


def test_local_leftovers_of_a_killed_supervisor(local_runtime, make_case):
    case = make_case(
        EVADER.replace("os.kill(1, number)", "os.kill(0, 0)"), time_seconds=60, grace_seconds=1
    )
    alive = case.sandbox.folders.code / "alive"
    harness = start_harness(case, "local", alive.exists)
    (server,) = psutil.Process(harness.pid).children()
    (supervisor,) = server.children()
    # Halted, so that it cannot clean up after the supervisor.
    harness.send_signal(signal.SIGSTOP)
    supervisor.kill()
    kill(harness)
    wait_for(lambda: not supervisor.is_running(), seconds=5)
    (removed,) = local_runtime.remove_leftovers()
    assert "processes" in removed
    time.sleep(1)
    assert age(alive) > 0.5, "the agent still runs"
