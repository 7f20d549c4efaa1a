"""docs/agents.md explains every key, and its example works as it stands."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from mlebench_data.catalogue import load_competition
from mlebench_data.harness.agent import agent_names
from mlebench_data.harness.agent_file import AgentFile
from mlebench_data.harness.cli import main
from mlebench_data.harness.remove_tree import remove_tree
from mlebench_data.prepare import prepare

PAGE = (Path(__file__).parents[2] / "docs" / "agents.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("key", AgentFile.model_fields)
def test_every_key_is_in_the_table(key: str) -> None:
    assert re.search(rf"^\| `{key}` \| \w?", PAGE, re.MULTILINE)


@pytest.mark.parametrize("name", agent_names())
def test_every_agent_is_in_the_table(name: str) -> None:
    assert f"| `{name}` |" in PAGE


def test_own_agent_from_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(tmp_path / "data"))
    prepare(load_competition("wine-recognition"), data_dir=tmp_path / "data")
    section = PAGE[PAGE.index("## Your own in ten minutes") :]
    for name in ("agent.yaml", "main.py"):
        found = re.search(rf"`mine/{name}`:\n\n```\w+\n(.*?)```", section, re.DOTALL)
        assert found is not None
        path = tmp_path / "mine" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(found[1])
    command = re.search(r"^    mlebench (run .*--out .*)$", section, re.MULTILINE)
    assert command is not None
    try:
        # One seed, and no engine, as everywhere in the tests that run without one.
        assert main([*shlex.split(command[1]), "--seeds", "1", "--runtime", "local"]) == 0
        folder = tmp_path / "runs/mine/wine-recognition/mine-seed0"
        assert "Submission is valid." in (folder / "agent.log").read_text()
        result = json.loads((folder / "result.json").read_text())
        assert result["grading"]["score"] < 0.2
        assert result["test_feedback"] == "format-only"
    finally:
        remove_tree(tmp_path / "runs")
