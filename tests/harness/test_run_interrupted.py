"""A run that is interrupted or killed, and the one after it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import psutil
import pytest
from command_line import Command, read_result, wait_for, write_agent

from mlebench_data.harness.runtimes import choose_runtime
from mlebench_data.harness.runtimes.docker_container import NAME_LABEL, OWNER_LABEL

SLEEPER = """
submission.write_text(plain)
print("process", os.getpid(), flush=True)
time.sleep(100)
"""


def containers(out: Path) -> list[str]:
    """Return the names of all sandboxes of a run that the engine knows."""
    import docker

    client = docker.from_env()
    found = client.api.containers(all=True, filters={"label": OWNER_LABEL})
    client.close()
    names = [entry["Labels"][NAME_LABEL] for entry in found]
    return [name for name in names if name.startswith(f"{out.name}-")]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The folder of a run; its name is in the names of the run's sandboxes."""
    return tmp_path / f"out{os.getpid()}{tmp_path.name}"


class Run:
    """Two attempts, one at a time, in a process of its own."""

    def __init__(self, mlebench: Command, agents: Path, out: Path, runtime: str) -> None:
        self.mlebench, self.out, self.runtime, self.agents = mlebench, out, runtime, agents
        self.log = out / "tiny" / "sleeper-seed0" / "agent.log"
        self.agent = write_agent(agents / "sleeper", SLEEPER)
        self.arguments = ["run", "--agent", self.agent, "--competition", "tiny", "--seeds", 2]
        self.arguments += ["--time-limit", "100s", "--grace", "1s", "--out", out]
        self.arguments += ["--runtime", runtime]

    def start(self) -> subprocess.Popen[str]:
        """Start it and wait until the first agent runs."""
        process = self.mlebench.start(*self.arguments)
        wait_for(lambda: self.log.is_file() and re.search(r"process \d+\n", self.log.read_text()))
        return process

    def is_agent_alive(self) -> bool:
        """Whether the agent of the first attempt still runs."""
        if self.runtime == "docker":
            return bool(containers(self.out))
        return psutil.pid_exists(int(self.log.read_text().split()[1]))

    def go_on(self) -> str:
        """Run the same command with an agent that ends at once; return its messages."""
        write_agent(self.agents / "sleeper", "submission.write_text(plain)")
        finished = self.mlebench(*self.arguments)
        assert finished.code == 0
        assert "2 attempts; 2 scored" in finished.out
        return finished.err


@pytest.fixture
def run(mlebench: Command, tmp_path: Path, out: Path, runtime_name: str) -> Run:
    return Run(mlebench, tmp_path / "agents", out, runtime_name)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda item: item.name)
def test_interruption(run: Run, number: signal.Signals):
    process = run.start()
    assert run.is_agent_alive()
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert f"with --out {run.out} goes on" in err
    assert err.endswith("mlebench: interrupted\n")
    assert not run.is_agent_alive()
    # It had submitted, but it had less time than it was promised.
    result = read_result(run.out, "sleeper")
    assert (result["outcome"], result["ended"]) == ("infra_error", "interrupted")
    assert not (run.out / "tiny" / "sleeper-seed1").exists(), "the second was never started"
    messages = run.go_on()
    assert messages.count("  started ") == 2
    assert f"process {process.pid})" not in messages, "nothing of it was left to remove"


ENDS_WHEN_TOLD = """
print("process", os.getpid(), flush=True)
while not (code / "go").exists():
    time.sleep(0.05)
submission.write_text(plain)
print("told", flush=True)
"""


@pytest.mark.docker
def test_running_agent_of_a_killed_harness_is_taken_over(
    mlebench: Command, docker_image: str, tmp_path: Path, out: Path
):
    run = Run(mlebench, tmp_path / "agents", out, "docker")
    write_agent(run.agents / "sleeper", ENDS_WHEN_TOLD)
    process = run.start()
    process.kill()
    process.communicate()
    again = run.mlebench.start(*run.arguments)
    for seed in (0, 1):
        log = out / "tiny" / f"sleeper-seed{seed}" / "agent.log"
        wait_for(lambda log=log: log.is_file() and "process" in log.read_text())
        # The first is taken over, not started again: its folder is the one it had.
        time.sleep(1)
        (log.parent / "code" / "go").touch()
    _, err = again.communicate(timeout=60)
    assert "  taken over    tiny/sleeper-seed0" in err
    assert err.count("  started ") == 1
    results = [read_result(out, "sleeper", seed=seed) for seed in (0, 1)]
    assert [(item["outcome"], item["tries"]) for item in results] == [("scored", 1)] * 2
    assert (out / "tiny" / "sleeper-seed0" / "agent.log").read_text().count("process") == 1
    assert containers(out) == []


def test_second_harness_is_refused(run: Run):
    process = run.start()
    second = run.mlebench(*run.arguments)
    assert second.code == 1
    assert f"Another harness works in {run.out} (process {process.pid} on" in second.err
    process.terminate()
    process.communicate(timeout=30)


def test_second_interruption_does_not_wait_for_agents(run: Run):
    write_agent(run.agents / "sleeper", "signal.signal(signal.SIGTERM, signal.SIG_IGN)" + SLEEPER)
    run.arguments[run.arguments.index("1s")] = "60s"
    process = run.start()
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None, "the agent has its grace"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=15)
    assert process.returncode == 130
    assert not run.is_agent_alive()


def test_killed_harness(run: Run):
    process = run.start()
    process.kill()
    process.communicate()
    if run.runtime == "docker":
        assert run.is_agent_alive(), "it has a deadline of its own"
    else:
        wait_for(lambda: not run.is_agent_alive(), seconds=10)
    assert not (run.out / "tiny" / "sleeper-seed0" / "result.json").exists()
    messages = run.go_on()
    # Every harness that starts removes what is left, so one of another test may have been first.
    runtime, _ = choose_runtime(run.runtime)
    still_there = runtime.remove_leftovers()
    assert not [line for line in still_there if f"process {process.pid})" in line]
    if "removed what an earlier run left" in messages:
        assert "harness that is gone" in messages
    if run.runtime == "docker":
        assert containers(run.out) == []


class EngineProxy:
    """A way to the engine that can be cut."""

    def __init__(self, path: Path) -> None:
        self.address = f"unix://{path}"
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        self._open: list[socket.socket] = [self._server]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect("/var/run/docker.sock")
            except OSError:
                return
            self._open += [near, far]
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(source, target), daemon=True).start()

    @staticmethod
    def _copy(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def cut(self) -> None:
        """End all connections and take no more."""
        for item in self._open:
            try:
                item.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._server.close()


@pytest.mark.docker
@pytest.mark.skipif(
    "DOCKER_HOST" in os.environ or not Path("/var/run/docker.sock").exists(),
    reason="the engine is not where the test's way to it leads",
)
def test_engine_that_is_gone(
    mlebench: Command, docker_image: str, tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
):
    from mlebench_data.harness.runtimes import docker as docker_runtime

    monkeypatch.setattr(docker_runtime, "_RESTART_PATIENCE", 0.0)
    folder = Path(tempfile.mkdtemp())  # a socket's path must be short
    proxy = EngineProxy(folder / "engine")
    run = Run(mlebench, tmp_path / "agents", out, "docker")

    def cut() -> None:
        wait_for(lambda: run.log.is_file() and "process" in run.log.read_text())
        proxy.cut()

    cutter = threading.Thread(target=cut)
    cutter.start()
    with monkeypatch.context() as patch:
        patch.setenv("DOCKER_HOST", proxy.address)
        finished = mlebench(*run.arguments, "--retries", 0, "--wait-for-engine", "1s")
    cutter.join()
    shutil.rmtree(folder)
    assert finished.code == 1
    assert "2 attempts; 0 scored" in finished.out
    for seed in (0, 1):
        result = read_result(out, "sleeper", seed=seed)
        assert result["outcome"] == "infra_error", result
        assert "engine" in result["reason"]
    # The container was out of reach. Another agent than the command's now is not taken over.
    assert run.go_on().count("  started ") == 2
    assert containers(out) == []


def remove_container(name: str) -> None:
    import docker

    client = docker.from_env()
    for entry in client.api.containers(all=True, filters={"label": f"{NAME_LABEL}={name}"}):
        client.api.remove_container(entry["Id"], force=True)
    client.close()
