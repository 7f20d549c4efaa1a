"""Several agents and seeds in one run, and the agents that come with the package."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Command, read_result

from mlebench_data.harness.cli import main


def test_agents_of_the_package_on_an_open_competition(
    runtime_name: str, wine: Path, out: Path, capsys: pytest.CaptureFixture[str]
):
    arguments = ["run", "--agent", "sample", "baseline", "--competition", "wine-recognition"]
    arguments += ["--data-dir", str(wine), "--out", str(out), "--runtime", runtime_name]
    assert main([*arguments, "--time-limit", "60s", "--jobs", "2"]) == 0
    scores = {}
    for agent in ("sample", "baseline"):
        result = read_result(out, agent, competition="wine-recognition")
        assert result["outcome"] == "scored", result["reason"]
        scores[agent] = result["grading"]["score"]
        assert result["grading"]["gold_threshold"] is None
    assert scores["sample"] == pytest.approx(1.08959)
    assert scores["baseline"] < 0.5
    assert "n/a" in capsys.readouterr().out, "no medals without a human leaderboard"


def test_two_agents_two_seeds_two_at_a_time(
    runtime_name: str, mlebench: Command, make_agent, out: Path
):

    code = """
        import random
        random.seed(int(os.environ["SEED"]))
        print(os.environ["SEED"], os.environ["COMPETITION_ID"], os.environ["TIME_LIMIT_SECS"])
        submission.write_text(plain)
        """
    agents = [make_agent(name, code) for name in ("one", "two")]
    arguments = ["run", "--agent", *agents, "--competition", "tiny", "--out", out]
    arguments += ["--runtime", runtime_name, "--seeds", "2", "--jobs", "2", "--time-limit", "1m"]
    finished = mlebench(*arguments)
    assert finished.code == 0
    assert "4 attempts in" in finished.err and "4 attempts; 4 scored" in finished.out
    for agent in ("one", "two"):
        for seed in (0, 1):
            assert read_result(out, agent, seed=seed)["seed"] == seed
            log = (out / "tiny" / f"{agent}-seed{seed}" / "agent.log").read_text()
            assert log == f"{seed} tiny 60\n"
    assert sorted(path.name for path in out.iterdir()) == [
        ".lock",
        "events.jsonl",
        "run.json",
        "tiny",
    ]
