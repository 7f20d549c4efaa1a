"""A run on an engine of its own, which tests disturb."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_engine import PrivateEngine, is_possible


@pytest.fixture(scope="session")
def engine_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="engine", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def engine(engine_folder: Path) -> Iterator[PrivateEngine]:
    """An engine that runs, with its image."""
    if not is_possible():
        reason = "a Docker engine of the test's own needs root and dockerd"
        if os.environ.get("MLEBENCH_REQUIRE_DOCKER"):
            pytest.fail(reason)
        pytest.skip(reason)
    engine = PrivateEngine(engine_folder)
    engine.start()
    engine.make_image()
    yield engine
    if engine.docker("version", check=False).returncode:
        engine.start()
    left = engine.containers()
    for name in left:
        engine.docker("rm", "--force", name)
    engine.end()
    assert left == [], "containers are left over"
