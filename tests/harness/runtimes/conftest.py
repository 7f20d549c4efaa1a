"""Sandboxes for agents that are given as text, on the real engine and on the local runtime."""

from __future__ import annotations

import os
import textwrap
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlebench_data.harness.images.images import image_reference
from mlebench_data.harness.runtimes import choose_runtime
from mlebench_data.harness.runtimes.base import Ending, Runtime
from mlebench_data.harness.runtimes.failures import RuntimeFailure
from mlebench_data.harness.runtimes.sandbox import Folders, Limits, Sandbox

#: Set where a missing engine must fail the tests instead of skipping them.
REQUIRE_VARIABLE = "MLEBENCH_REQUIRE_DOCKER"


def _unavailable(reason: str) -> None:
    if os.environ.get(REQUIRE_VARIABLE):
        pytest.fail(f"{REQUIRE_VARIABLE} is set, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def docker_image() -> str:
    """The base agent image; skips where there is no engine or no image."""
    import docker
    import docker.errors

    reference = image_reference("base")
    try:
        choose_runtime("docker")
        client = docker.from_env()
        client.images.get(reference)
        client.close()
    except RuntimeFailure as failure:
        _unavailable(str(failure))
    except docker.errors.ImageNotFound:
        _unavailable(f"the engine has no image {reference}: run harness/images/bootstrap first")
    return reference


@pytest.fixture
def docker_runtime(docker_image: str) -> Runtime:
    return choose_runtime("docker")[0]


@pytest.fixture
def local_runtime() -> Runtime:
    return choose_runtime("local")[0]


@pytest.fixture(params=[pytest.param("docker", marks=pytest.mark.docker), "local"])
def runtime(request: pytest.FixtureRequest) -> Runtime:
    """Each runtime in turn."""
    return request.getfixturevalue(f"{request.param}_runtime")


@dataclass
class Case:
    """An agent and all that its run leaves on the host."""

    sandbox: Sandbox
    root: Path

    def run(self, runtime: Runtime, cancelled: threading.Event | None = None) -> Ending:
        self.ending = runtime.run(self.sandbox, cancelled=cancelled or threading.Event())
        return self.ending

    @property
    def log(self) -> str:
        return self.sandbox.log_file.read_text(encoding="utf-8", errors="replace")

    def submission(self, name: str = "submission.csv") -> Path:
        return self.sandbox.folders.submission / name


@pytest.fixture
def make_case(tmp_path: Path) -> Callable[..., Case]:
    """Makes a case of an agent's Python text; keywords go to Limits or Sandbox."""
    limit_names = set(Limits.__dataclass_fields__)

    def make(code: str = "", *, name: str = "case", **options: object) -> Case:
        root = tmp_path / name
        for folder in ("data", "agent", "submission", "logs", "code"):
            (root / folder).mkdir(parents=True)
        (root / "data" / "train.csv").write_text("id,label\n1,0\n")
        (root / "instructions.txt").write_text("Predict the label.\n")
        (root / "agent" / "agent.py").write_text(textwrap.dedent(code))
        limits = {"time_seconds": 30.0, "grace_seconds": 1.0}
        limits |= {key: options.pop(key) for key in list(options) if key in limit_names}
        sandbox = Sandbox(
            **{
                "name": f"test {name}",
                "command": ("{python}", "-u", "{agent}/agent.py"),
                "image": image_reference("base"),
                "folders": Folders(
                    data=root / "data",
                    agent=root / "agent",
                    instructions=root / "instructions.txt",
                    submission=root / "submission",
                    logs=root / "logs",
                    code=root / "code",
                ),
                "limits": Limits(**limits),
                "log_file": root / "log.txt",
                **options,
            }
        )
        return Case(sandbox, root)

    return make
