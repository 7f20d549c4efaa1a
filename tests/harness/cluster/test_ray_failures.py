"""Runs on a cluster that lose a node or their driver, or are stopped."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from command_line import Command, read_result, wait_for, write_agent
from ray_cluster import TestCluster, started_cluster

pytest.importorskip("ray", reason="Ray is not installed: pip install 'mlebench-data[ray]'")

#: What becomes of an attempt depends on its seed. Some take so long that a node which is lost in
#: the middle of the run is sure to be at work.
VARIED = """
seed = int(os.environ["SEED"])
(code / "seed.txt").write_text(str(seed))
time.sleep(2 if 20 <= seed < 28 else 0.2)
kind = seed % 5
if kind == 1:
    submission.write_text(plain.replace("plain", "other"))
elif kind == 2:
    submission.write_text("nonsense")
elif kind == 3:
    submission.symlink_to("/etc/passwd")
elif kind == 4:
    sys.exit(3)
else:
    submission.write_text(plain)
print("done with", seed)
"""

SLEEPER = """
submission.write_text(plain)
print("process", os.getpid(), flush=True)
time.sleep(100)
"""


def arguments(agent: Path, out: Path, seeds: int, *more: object) -> list[object]:
    return [
        *("run", "--agent", agent, "--competition", "tiny", "--seeds", seeds, "--out", out),
        *("--memory", "1g", "--time-limit", "100s", "--grace", "1s", "--no-validator", *more),
    ]


def table(out: Path, agent: str, seeds: int) -> list[tuple[Any, ...]]:
    """Return what does not depend on where and when an attempt was made."""
    rows = []
    for seed in range(seeds):
        result = read_result(out, agent, seed=seed)
        score = (result["grading"] or {}).get("score")
        names = ("outcome", "reason", "ended", "exit_code", "submission_sha256", "settings")
        rows.append((seed, score, *(result[name] for name in names)))
    return rows


def test_lost_node(mlebench: Command, tmp_path: Path):
    seeds = 60
    agent = write_agent(tmp_path / "agents" / "varied", VARIED)
    here = mlebench(
        *arguments(agent, tmp_path / "here", seeds, "--runtime", "local", "--workers", 4)
    )
    assert here.code == 0, here.err
    out = tmp_path / "there"
    with started_cluster(2) as cluster:
        lost = cluster.ray.list_all_nodes()[-1]
        process = mlebench.start(
            *arguments(agent, out, seeds, "--runtime", "local", "--ray", cluster.address)
        )
        wait_for(lambda: len(list(out.glob("tiny/*/result.json"))) >= 20, seconds=60)
        time.sleep(0.5)
        cluster.ray.remove_node(lost, allow_graceful=False)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "is lost, or the task on it" in err
    assert table(out, "varied", seeds) == table(tmp_path / "here", "varied", seeds)
    folder = out / "tiny" / "varied-seed7"
    assert (folder / "code" / "seed.txt").read_text() == "7"
    assert (folder / "agent.log").read_text() == "done with 7\n"


class Sleepers:
    """Attempts that would take long, in a driver of their own."""

    def __init__(self, mlebench: Command, cluster: TestCluster, tmp_path: Path) -> None:
        self.agent = write_agent(tmp_path / "agents" / "sleeper", SLEEPER)
        self.out = tmp_path / "out"
        self.arguments = arguments(
            self.agent, self.out, 2, "--runtime", "local", "--ray", cluster.address
        )
        self.mlebench = mlebench
        self.driver = mlebench.start(*self.arguments)
        folders = [self.out / "tiny" / f"sleeper-seed{seed}" for seed in (0, 1)]
        logs = [folder / "agent.log" for folder in folders]
        # What agents write arrives while they work.
        wait_for(lambda: all(path.is_file() and path.read_text() for path in logs), seconds=60)
        self.processes = [int(path.read_text().split()[1]) for path in logs]

    def are_gone(self) -> bool:
        return not any(map(psutil.pid_exists, self.processes))

    def go_on(self) -> str:
        """Run the same command with an agent that ends at once; return its messages."""
        write_agent(self.agent, "submission.write_text(plain)")
        driver = self.mlebench.start(*self.arguments)
        out, err = driver.communicate(timeout=60)
        assert driver.returncode == 0, err
        assert "2 attempts; 2 scored" in out
        return err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda item: item.name)
def test_stopped_driver(
    number: signal.Signals, mlebench: Command, cluster: TestCluster, tmp_path: Path
):
    sleepers = Sleepers(mlebench, cluster, tmp_path)
    sleepers.driver.send_signal(number)
    _, err = sleepers.driver.communicate(timeout=60)
    assert sleepers.driver.returncode == 130, err
    assert "goes on from here" in err
    assert sleepers.are_gone()
    result = read_result(sleepers.out, "sleeper")
    assert (result["outcome"], result["ended"]) == ("infra_error", "interrupted")
    assert cluster.scratch == []
    assert sleepers.go_on().count("  started ") == 2


def test_killed_driver(mlebench: Command, cluster: TestCluster, tmp_path: Path):
    sleepers = Sleepers(mlebench, cluster, tmp_path)
    sleepers.driver.kill()
    sleepers.driver.communicate()
    # They are nobody's any more, and cannot be taken over without containers.
    wait_for(sleepers.are_gone)
    sleepers.go_on()
    assert cluster.scratch == []
    assert read_result(sleepers.out, "sleeper")["tries"] == 2


ENDS_WHEN_TOLD = """
print("process", flush=True)
submission.write_text(plain)
while not (code / "go").exists():
    time.sleep(0.05)
print("told", flush=True)
"""


@pytest.mark.docker
def test_containers_of_a_killed_driver_are_taken_over(
    mlebench: Command, docker_image: str, cluster: TestCluster, tmp_path: Path
):
    out = tmp_path / f"out{os.getpid()}"
    agent = write_agent(tmp_path / "agents" / "told", ENDS_WHEN_TOLD)
    command = arguments(agent, out, 2, "--runtime", "docker", "--ray", cluster.address)
    driver = mlebench.start(*command)
    logs = [out / "tiny" / f"told-seed{seed}" / "agent.log" for seed in (0, 1)]
    wait_for(lambda: all(path.is_file() and path.read_text() for path in logs), seconds=90)
    driver.kill()
    driver.communicate()
    first = sorted(cluster.scratch)
    (go,) = (path for path in first[0].glob("tiny/*/code"))
    # One ends while nobody looks, the other when it was taken over.
    (go / "go").touch()
    time.sleep(1)
    again = mlebench.start(*command)
    events = out / "events.jsonl"
    wait_for(lambda: events.read_text().count("attempt_adopted") == 2, seconds=60)
    (other,) = (path for path in first[1].glob("tiny/*/code"))
    (other / "go").touch()
    _, err = again.communicate(timeout=90)
    assert again.returncode == 0, err
    assert "  started " not in err
    for seed, log in enumerate(logs):
        result = read_result(out, "told", seed=seed)
        assert (result["outcome"], result["tries"]) == ("scored", 1), result
        assert re.findall(r"\w+", log.read_text()) == ["process", "told"]
    assert cluster.scratch == []
