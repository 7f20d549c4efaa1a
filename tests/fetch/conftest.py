"""A stand-in for Kaggle, competitions that it has, and `mlebench` that asks it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from stand_in import KEY, TOKEN, USER, Held, StandIn, make_zip

from mlebench_data.catalogue import Competition, splits
from mlebench_data.fetch import patience, preflight
from mlebench_data.harness.cli import main
from mlebench_data.prepare import locks

START = """
import sys
from pathlib import Path
from kagglesdk import kaggle_env
from mlebench_data.catalogue import catalogue, splits
from mlebench_data.fetch import patience
from mlebench_data.harness.cli import main

kaggle_env._env_to_endpoint[kaggle_env.KaggleEnv.PROD] = sys.argv.pop(1)
catalogue.default_folder = lambda folder=Path(sys.argv.pop(1)): folder
patience.PAUSES = (0, 0)
sys.exit(main())
"""


def _vectors_conftest() -> ModuleType:
    """Return the conftest of the vectors' tests, which unpacks them."""
    path = Path(__file__).parent.parent / "vectors" / "conftest.py"
    spec = importlib.util.spec_from_file_location("vectors_conftest", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


vector = _vectors_conftest().vector


@dataclass(frozen=True)
class Done:
    """A finished command."""

    code: int
    out: str
    err: str


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """Kaggle, as far as its library can tell, with a user who is logged in by a token."""
    home = tmp_path / "home"
    home.mkdir()
    for name in [name for name in os.environ if name.upper().endswith("_PROXY")]:
        monkeypatch.delenv(name)
    for name in [name for name in os.environ if name.startswith("KAGGLE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(home / "kaggle"))
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    kaggle_env = pytest.importorskip("kagglesdk.kaggle_env")
    server = StandIn()
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, server.url)
    from kaggle.api.kaggle_api_extended import KaggleApi

    # Named when the library was imported, by the first test of all.
    monkeypatch.setattr(KaggleApi, "config", str(home / "kaggle" / "kaggle.json"))
    server.requests.clear()
    yield server
    server.close()


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr(patience, "PAUSES", (0, 0))
    monkeypatch.setattr(preflight, "PAUSES", (0, 0))


@pytest.fixture
def add(tiny: Competition, stand_in: StandIn, no_pauses: None) -> Callable[..., bytes]:
    """Add a competition to the catalogue and to Kaggle; returns its zip."""

    def add_one(name: str, *, md5: str | None = None, **held: Any) -> bytes:
        folder = tiny.folder.parent / name
        shutil.copytree(tiny.folder, folder)
        path = folder / "competition.yaml"
        facts = yaml.safe_load(path.read_text())
        facts["id"] = name
        facts["source"]["url"] = f"https://example.org/{name}"
        if md5 is not None:
            facts["source"]["archive_md5"] = md5
        path.write_text(yaml.safe_dump(facts, sort_keys=False))
        content = held.pop("content", None) or make_zip(name)
        stand_in.competitions[name] = Held(content, **held)
        return content

    return add_one


@pytest.fixture
def mlebench(
    tiny_is_the_catalogue: Competition,
    data_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Done]:
    """Run `mlebench` in this process."""
    monkeypatch.setattr(splits, "default_folder", lambda: tmp_path / "splits")
    monkeypatch.setattr(locks, "default_folder", lambda: tmp_path / "splits")
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(data_dir))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: object) -> Done:
        capsys.readouterr()
        code = main([str(item) for item in arguments])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return run


@pytest.fixture
def start(
    tiny: Competition, stand_in: StandIn, data_dir: Path
) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `mlebench` in a process of its own; what still runs at the end is killed."""
    running: list[subprocess.Popen[str]] = []

    def start_one(*arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", START, stand_in.url, tiny.folder.parent, *map(str, arguments)],
            env={**os.environ, "MLEBENCH_DATA_DIR": str(data_dir)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start_one
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def legacy_key(monkeypatch: pytest.MonkeyPatch, stand_in: StandIn) -> None:
    """Log in with user name and key, which Kaggle checks with each request only."""
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    monkeypatch.setenv("KAGGLE_USERNAME", USER)
    monkeypatch.setenv("KAGGLE_KEY", KEY)


def wait_until(condition: Callable[[], object], *, seconds: float = 30) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture(name="wait_until")
def wait_until_fixture() -> Callable[..., None]:
    return wait_until
