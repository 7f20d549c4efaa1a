"""The agent image and the way to build it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from mlebench_data.errors import UnknownNameError
from mlebench_data.harness.images import images
from mlebench_data.harness.runtimes.failures import RuntimeFailure

BOOTSTRAP = Path(images.__file__).with_name("bootstrap")


def test_reference():
    assert images.image_reference("base") == "mlebench-agent:base"


def test_unknown_image():
    with pytest.raises(UnknownNameError, match="base"):
        images.image_reference("bas")


@pytest.mark.docker
def test_image_holds_what_agents_need(docker_runtime, make_case):
    case = make_case(
        """
        import json, os, shutil
        import numpy, pandas, sklearn, PIL
        timeout = os.path.realpath(shutil.which("timeout"))
        print(json.dumps([oct(os.stat(timeout).st_mode & 0o777), os.stat(timeout).st_uid]))
        """
    )
    assert case.run(docker_runtime).exit_code == 0, case.log
    assert json.loads(case.log) == ["0o711", 0]


@pytest.mark.docker
def test_build_on_a_base_that_has_everything(docker_image, monkeypatch):
    # Upon the agent image itself, so that no network is needed; under another tag.
    monkeypatch.setitem(images._REFERENCES, "base", "mlebench-test:build")
    import docker

    client = docker.from_env()
    said = []
    built = images.build_images(base_image=docker_image, tell=said.append)
    try:
        assert built == {"mlebench-test:build": client.images.get("mlebench-test:build").id}
        assert said[0] == "building mlebench-test:build on mlebench-agent:base"
    finally:
        client.images.remove("mlebench-test:build", force=True)
        client.close()


@pytest.mark.docker
def test_failed_build_tells_the_way_out(docker_image, monkeypatch):
    monkeypatch.setitem(images._REFERENCES, "base", "mlebench-test:fails")
    with pytest.raises(RuntimeFailure, match="bootstrap"):
        images.build_images(base_image="localhost:1/mlebench-no-such-image:1")


@pytest.mark.docker
def test_bootstrap_again_keeps_the_base(docker_image):
    import docker

    client = docker.from_env()
    if images.BOOTSTRAPPED_BASE not in [tag for one in client.images.list() for tag in one.tags]:
        pytest.skip("the image here was not made by the bootstrap script")
    client.close()
    done = subprocess.run([BOOTSTRAP], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "exists already" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--cache"], "needs a file name"), (["--unknown"], "unknown argument: --unknown")],
)
def test_bootstrap_refuses_wrong_arguments(arguments, message):
    done = subprocess.run([BOOTSTRAP, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert message in done.stderr


def test_bootstrap_tells_when_no_engine_answers():
    done = subprocess.run(
        [BOOTSTRAP],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "DOCKER_HOST": "unix:///nonexistent/engine.sock"},
        check=False,
    )
    assert done.returncode == 1
    assert "docker" in done.stderr.lower()
