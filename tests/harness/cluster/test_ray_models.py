"""Agents on nodes that ask language models: each has a proxy beside it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from command_line import Command, read_result, write_agent
from ray_cluster import TestCluster

from mlebench_data.harness.models.proxy import PYTHON_VARIABLE

pytest.importorskip("ray", reason="Ray is not installed: pip install 'mlebench-data[ray]'")

ASKING = """
import json, urllib.request
request = urllib.request.Request(
    os.environ["OPENAI_BASE_URL"] + "/chat/completions",
    json.dumps({"model": "fake", "messages": [{"role": "user", "content": "Go."}]}).encode(),
    {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]},
)
with urllib.request.urlopen(request, timeout=60) as answer:
    exec(json.loads(answer.read())["choices"][0]["message"]["content"])
print(sorted(os.environ.items()))
"""


def fake_models() -> ModuleType:
    """Return the tests' fake model server."""
    path = Path(__file__).parents[1] / "models" / "fake_model_server.py"
    spec = importlib.util.spec_from_file_location("fake_model_server_of_the_cluster", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def llm_python() -> None:
    """Skips where no Python has LiteLLM."""
    python = os.environ.get(PYTHON_VARIABLE, sys.executable)
    code = "import importlib.util as u, sys; sys.exit(u.find_spec('litellm') is None)"
    if subprocess.run([python, "-c", code], check=False).returncode != 0:
        pytest.skip(f"{python} has no LiteLLM (extra `llm`; {PYTHON_VARIABLE} names another)")


@pytest.mark.usefixtures("llm_python")
@pytest.mark.parametrize(
    ("runtime", "network"),
    [("local", "full"), pytest.param("docker", "llm", marks=pytest.mark.docker)],
)
def test_models_are_served_on_the_node(
    runtime: str,
    network: str,
    mlebench: Command,
    cluster: TestCluster,
    tmp_path: Path,
    request: pytest.FixtureRequest,
):
    if runtime == "docker":
        request.getfixturevalue("docker_image")
    module = fake_models()
    out = tmp_path / "out"
    agent = write_agent(tmp_path / "agents" / "asking", ASKING)
    models = tmp_path / "models.yaml"
    with module.fake_model_server() as fake:
        fake.reply = lambda body: "submission.write_text(plain)"
        models.write_text(
            json.dumps({"model_list": [fake.entry("fake", model_info=module.PRICES)]})
        )
        process = mlebench.start(
            *("run", "--agent", agent, "--competition", "tiny", "--out", out, "--memory", "1g"),
            *("--runtime", runtime, "--ray", cluster.address, "--no-validator"),
            *("--network", network, "--models", models, "--max-cost", 1, "--time-limit", "60s"),
            **{module.KEY_NAME: module.REAL_KEY},
        )
        _, err = process.communicate(timeout=200)
        assert process.returncode == 0, err
        assert [key.removeprefix("Bearer ") for key in fake.keys] == [module.REAL_KEY]
    result = read_result(out, "asking")
    assert result["outcome"] == "scored", (out / "tiny/asking-seed0/agent.log").read_text()
    assert result["usage"]["requests"] == 1
    assert result["usage"]["cost_usd"] == pytest.approx(module.COST)
    for folder in (out, cluster.temporary):
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                assert module.REAL_KEY.encode() not in path.read_bytes(), path
