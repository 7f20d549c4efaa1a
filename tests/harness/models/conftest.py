"""A fake model server, and a proxy in front of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_model_server import KEY_NAME, PRICES, REAL_KEY, FakeModel, fake_model_server

from mlebench_data.harness.models.proxy import PYTHON_VARIABLE

#: Set where a missing LiteLLM must fail the tests instead of skipping them.
REQUIRE_VARIABLE = "MLEBENCH_REQUIRE_LLM"


@pytest.fixture(scope="session")
def llm_python() -> str:
    """A Python with LiteLLM; skips where there is none."""
    python = os.environ.get(PYTHON_VARIABLE, sys.executable)
    code = "import importlib.util as u, sys; sys.exit(u.find_spec('litellm') is None)"
    if subprocess.run([python, "-c", code], check=False).returncode != 0:
        reason = f"{python} has no LiteLLM (extra `llm`; {PYTHON_VARIABLE} names another Python)"
        if os.environ.get(REQUIRE_VARIABLE):
            pytest.fail(f"{REQUIRE_VARIABLE} is set, but {reason}")
        pytest.skip(reason)
    return python


@pytest.fixture
def fake() -> Iterator[FakeModel]:
    """A fake model server."""
    with fake_model_server() as server:
        yield server


@pytest.fixture
def models_file(fake: FakeModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with one model that has a price, whose key is in the environment."""
    monkeypatch.setenv(KEY_NAME, REAL_KEY)
    path = tmp_path / "models.yaml"
    path.write_text(json.dumps({"model_list": [fake.entry("fake", model_info=PRICES)]}))
    return path


@pytest.fixture
def secret_nowhere_in() -> Callable[[Path], None]:
    """Checks that no file below a folder holds the provider's key."""

    def check(folder: Path) -> None:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                assert REAL_KEY.encode() not in path.read_bytes(), path

    return check
