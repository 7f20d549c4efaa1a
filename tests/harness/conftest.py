"""A tiny competition, agents given as text, and `mlebench` to run them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from command_line import Command, write_agent
from tiny_competition import Tiny, prepare_tiny

from mlebench_data.catalogue import load_competition
from mlebench_data.harness import limited_grading
from mlebench_data.harness.limited.client import Done
from mlebench_data.harness.limited.tasks import TASKS
from mlebench_data.harness.remove_tree import remove_tree
from mlebench_data.prepare import prepare


def _runtimes_conftest() -> ModuleType:
    """Return the conftest of the runtimes' tests, which knows whether there is an engine."""
    path = Path(__file__).parent / "runtimes" / "conftest.py"
    spec = importlib.util.spec_from_file_location("runtimes_conftest", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


docker_image = _runtimes_conftest().docker_image


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """The tiny competition, prepared."""
    return prepare_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with an open competition of the catalogue."""
    data_dir = tmp_path_factory.mktemp("wine")
    prepare(load_competition("wine-recognition"), data_dir=data_dir)
    return data_dir


@pytest.fixture
def mlebench(
    tiny: Tiny, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(tiny.data_dir))
    return Command(tiny, capsys)


@pytest.fixture
def grading_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Grade without a process with limits, which would not know what a test has replaced here."""
    monkeypatch.setattr(
        limited_grading.PROCESSES,
        "do",
        lambda task, _, content: Done("done", TASKS[task.name](task, content)),
    )


@pytest.fixture
def make_agent(tmp_path: Path) -> Callable[..., Path]:
    """Makes an agent from its name and Python text."""

    def make(name: str, code: str, **keys: object) -> Path:
        return write_agent(tmp_path / "agents" / name, code, **keys)

    return make


@pytest.fixture
def out(tmp_path: Path) -> Iterator[Path]:
    """The folder of a run, removed with all that agents left in it."""
    folder = tmp_path / "out"
    yield folder
    remove_tree(folder)


@pytest.fixture(params=[pytest.param("docker", marks=pytest.mark.docker), "local"])
def runtime_name(request: pytest.FixtureRequest) -> str:
    """Each runtime in turn; Docker is skipped where there is no engine or image."""
    if request.param == "docker":
        request.getfixturevalue("docker_image")
    return str(request.param)
