"""Runs that are killed, lose their engine, or run out of disk, and end as if nothing had been."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import Command, read_result, wait_for
from private_engine import IMAGE, PrivateEngine
from tiny_competition import PLAIN

pytestmark = pytest.mark.docker

#: Submits at once something wrong, and a second later what counts, which depends on the seed.
WORKS = f"""
echo begin $SEED
echo id,label > $SUBMISSION_DIR/submission.csv
sleep 1
cat > $SUBMISSION_DIR/submission.csv <<END
{PLAIN}END
[ $SEED = 1 ] && echo nonsense > $SUBMISSION_DIR/submission.csv
echo end $SEED
[ $SEED != 2 ]
"""
#: Never submits.
IDLES = "echo begin; sleep 0.5; echo end"


def write_shell_agent(folder: Path, script: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.sh").write_text(script)
    content = {"name": folder.name, "image": IMAGE, "command": ["/bin/sh", "{agent}/run.sh"]}
    (folder / "agent.yaml").write_text(yaml.safe_dump(content))
    return folder


class Run:
    """A run whose harness is a process of its own."""

    def __init__(self, mlebench: Command, engine: PrivateEngine, folder: Path) -> None:
        self.mlebench, self.engine, self.folder = mlebench, engine, folder
        self.agents = [
            write_shell_agent(folder / "agents" / "works", WORKS),
            write_shell_agent(folder / "agents" / "idles", IDLES),
        ]
        self.seeds = 3

    def start(self, out: Path, *more: object) -> subprocess.Popen[str]:
        return self.mlebench.start(
            "run", "--agent", *self.agents, "--competition", "tiny", "--seeds", self.seeds,
            "--runtime", "docker", "--time-limit", "30s", "--grace", "1s", "--workers", 2,
            "--out", out, *more,
            DOCKER_HOST=self.engine.address,
        )  # fmt: skip

    def finish(self, out: Path, *more: object) -> str:
        out_text, err = self.start(out, *more).communicate(timeout=120)
        assert "attempts;" in out_text, err
        return err

    def table(self, out: Path) -> list[dict[str, Any]]:
        """Return what the records say, but for times and machines."""
        names = ("agent", "seed", "outcome", "reason", "ended", "exit_code", "submission_sha256")
        rows = []
        for agent in self.agents:
            for seed in range(self.seeds):
                record = read_result(out, agent.name, seed=seed)
                score = (record["grading"] or {}).get("score")
                rows.append({**{name: record[name] for name in names}, "score": score})
        return rows


@pytest.fixture
def run(mlebench: Command, engine: PrivateEngine, tmp_path: Path) -> Run:
    return Run(mlebench, engine, tmp_path)


def test_killed_three_times_and_engine_restarted(run: Run, tmp_path: Path):
    run.finish(tmp_path / "calm")
    calm = run.table(tmp_path / "calm")
    outcomes = ["scored", "invalid", "scored", *["no_submission"] * 3]
    assert [row["outcome"] for row in calm] == outcomes
    assert [row["exit_code"] for row in calm] == [0, 0, 1, 0, 0, 0]
    choose = random.Random(0)
    out = tmp_path / "disturbed"
    for disturbance in ("kill", "kill", "restart", "kill"):
        process = run.start(out)
        time.sleep(choose.uniform(1.0, 3.0))
        if disturbance == "restart":
            run.engine.end()
            run.engine.start()
        process.kill()
        process.communicate()
    run.finish(out)
    assert run.table(out) == calm
    assert run.engine.containers() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda item: item.name)
def test_engine_that_is_restarted_under_a_run(run: Run, tmp_path: Path, number: signal.Signals):
    run.seeds = 1
    out = tmp_path / "out"
    process = run.start(out)
    log = out / "tiny" / "works-seed0" / "agent.log"
    wait_for(lambda: log.is_file() and "begin" in log.read_text())
    run.engine.end(number)
    time.sleep(1)
    run.engine.start()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "to be retried tiny/works-seed0" in err
    assert [row["outcome"] for row in run.table(out)] == ["scored", "no_submission"]
    # An engine that is killed may leave its containers time to end well.
    if number == signal.SIGTERM:
        assert read_result(out, "works")["tries"] == 2
        # What the cut-off try had left is kept.
        assert (log.parent / "earlier" / "1" / "submission" / "submission.csv").is_file()


def test_full_disk_under_a_run(run: Run, tmp_path: Path):
    out = tmp_path / "small"
    out.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", out], check=True)
    try:
        run.seeds = 1
        process = run.start(out)
        log = out / "tiny" / "works-seed0" / "agent.log"
        wait_for(lambda: log.is_file() and "begin" in log.read_text())
        fill = out / "fill"
        with contextlib.suppress(OSError):
            fill.write_bytes(bytes(2 << 20))
        wait_for(lambda: not run.engine.containers(), seconds=30)
        time.sleep(2)
        assert process.poll() is None, "it waits for room"
        fill.unlink()
        _, err = process.communicate(timeout=60)
        assert "the disk is full" in err
        assert process.returncode == 0, err
        # The agent could not write either; what it had written before is what it had submitted.
        assert read_result(out, "idles")["outcome"] == "no_submission"
        assert read_result(out, "works")["ended"] == "exited"
    finally:
        subprocess.run(["umount", "-l", out], check=True)
