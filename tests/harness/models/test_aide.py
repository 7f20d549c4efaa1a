"""The agent `aide` against a fake model, without a network."""

from __future__ import annotations

import json
import textwrap

import pytest
from command_line import read_result

from mlebench_data.harness.images.images import build_images, image_reference

pytestmark = pytest.mark.docker

PROGRAM = """
import pandas as pd
train = pd.read_csv("input/train.csv")
test = pd.read_csv("input/test.csv")
label = train.loc[train["x"].idxmin(), "label"]
test[["id"]].assign(label=label).to_csv("working/submission.csv", index=False)
print("validation accuracy", 0.75)
"""


def aide_says(body: dict) -> str | dict:
    """Write a program, or judge one."""
    if body.get("tools"):
        return {"is_bug": False, "summary": "Good.", "metric": 0.75, "lower_is_better": False}
    return f"Take the label of the smallest x.\n```python\n{textwrap.dedent(PROGRAM)}\n```"


@pytest.fixture(scope="module")
def aide_image(docker_image: str) -> str:
    """The image of the agent, built if the engine has none."""
    import docker
    import docker.errors

    reference = image_reference("aide")
    client = docker.from_env()
    try:
        client.images.get(reference)
    except docker.errors.ImageNotFound:
        build_images(["aide"])
    finally:
        client.close()
    return reference


def test_aide_solves_a_competition(mlebench, out, aide_image, llm_python, fake, models_file):
    fake.reply = aide_says
    arguments = ["run", "--agent", "aide", "--agent-arg", "steps=2", "--competition", "tiny"]
    arguments += ["--out", out, "--runtime", "docker", "--network", "llm"]
    arguments += ["--models", models_file, "--time-limit", "150s", "--memory", "2g"]
    finished = mlebench(*arguments)
    folder = out / "tiny" / "aide-seed0"
    log = (folder / "agent.log").read_text()
    assert finished.code == 0, finished.err
    result = read_result(out, "aide")
    assert result["outcome"] == "scored", log
    assert result["grading"]["score"] == 0.75
    assert result["usage"]["requests"] == 4, "two programs, two judgements"
    assert "step 2: metric 0.75" in log
    assert "idxmin" in (folder / "code" / "solution.py").read_text()
    journal = json.loads(next((folder / "logs").glob("aide/*/journal.json")).read_text())
    assert len(journal["nodes"]) == 2
    prompt = json.dumps(fake.requests[0])
    assert "No others are installed" in prompt and "`torch`" not in prompt
