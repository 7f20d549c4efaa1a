"""`mlebench run --agent gold`: the harness tests itself, without any runtime."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Command, read_result
from tiny_competition import SECRET

from mlebench_data.errors import MlebenchError
from mlebench_data.harness import runtimes
from mlebench_data.harness.agent import load_agent
from mlebench_data.metrics.accuracy import accuracy as module


def test_without_a_runtime(mlebench: Command, out: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(name: str | None) -> None:
        raise AssertionError("a runtime was looked for")

    monkeypatch.setattr(runtimes, "choose_runtime", fail)
    finished = mlebench("run", "--agent", "gold", "--competition", "tiny", "--out", out)
    assert finished.code == 0, finished.err
    result = read_result(out, "gold")
    assert "1 is a self-test" in finished.out and "without isolation" not in finished.out
    assert result["outcome"] == "scored"
    assert result["grading"]["score"] == 1.0 and result["grading"]["gold_medal"]
    assert result["isolated"] is False
    assert result["settings"]["agent"]["self_test"] is True
    assert result["environment"]["runtime"]["runtime"] == "self-test"
    assert result["test_feedback"] == "none"


def test_beside_other_agents(runtime_name: str, mlebench: Command, out: Path):
    arguments = ["run", "--agent", "gold", "sample", "--competition", "tiny", "--out", out]
    finished = mlebench(*arguments, "--runtime", runtime_name)
    assert finished.code == 0, finished.err
    assert read_result(out, "gold")["isolated"] is False
    assert read_result(out, "sample")["isolated"] is (runtime_name == "docker")
    for path in (out / "tiny" / "sample-seed0").rglob("*"):
        assert not path.is_file() or "".join(SECRET).encode() not in path.read_bytes()


@pytest.mark.usefixtures("grading_in_this_process")
def test_broken_metric_is_noticed(mlebench: Command, out: Path, monkeypatch: pytest.MonkeyPatch):
    arguments = ["run", "--agent", "gold", "--competition", "tiny", "--out", out, "--retries", "0"]
    with monkeypatch.context() as patch:
        patch.setattr(module, "accuracy", lambda references, predictions: 0.5)
        finished = mlebench(*arguments)
    assert finished.code == 1
    result = read_result(out, "gold")
    assert result["outcome"] == "infra_error"
    assert result["reason"] == (
        "self-test: the answers, submitted, score 0.5, but the best score is 1"
    )
    assert mlebench(*arguments).code == 0, "mended, it is scored again"
    assert read_result(out, "gold")["outcome"] == "scored"


@pytest.mark.usefixtures("grading_in_this_process")
def test_scored_again_it_is_still_a_test(
    mlebench: Command, out: Path, monkeypatch: pytest.MonkeyPatch
):
    mlebench("run", "--agent", "gold", "--competition", "tiny", "--out", out)
    monkeypatch.setattr(module, "accuracy", lambda references, predictions: 0.5)
    mlebench("score", out, "--force")
    assert read_result(out, "gold")["outcome"] == "infra_error"


def test_only_the_package_tests_itself(tmp_path: Path):
    (tmp_path / "agent.yaml").write_text(json.dumps({"name": "mine", "self_test": True}))
    with pytest.raises(MlebenchError, match="agents of the package only"):
        load_agent(str(tmp_path))
