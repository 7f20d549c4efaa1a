"""A small competition in any shape, its prepared tree, and `datasets` without network."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from cats_and_dogs import SECRET_PATH, make_competition, make_prepared

from mlebench_data.catalogue import Competition
from mlebench_data.hub.keys import MasterKey

# Read when these libraries are first imported, so set before any test module is.
os.environ.update(
    HF_HOME=tempfile.mkdtemp(prefix="mlebench-tests-"),
    HF_HUB_OFFLINE="1",
    HF_UPDATE_DOWNLOAD_COUNTS="0",
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_DATASETS_DISABLE_PROGRESS_BARS="1",
)

Pack = Callable[..., Path]


@pytest.fixture
def key() -> MasterKey:
    return MasterKey(bytes(range(32)))


@pytest.fixture
def other_key() -> MasterKey:
    return MasterKey(bytes(range(1, 33)))


@pytest.fixture
def datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The `datasets` package with an empty cache of its own, whoever imported it before."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets-cache")
    return datasets


@pytest.fixture
def cats(tmp_path: Path) -> Competition:
    return make_competition(tmp_path / "catalogue" / "cats")


@pytest.fixture
def prepared(cats: Competition, tmp_path: Path) -> Path:
    return make_prepared(
        cats,
        tmp_path / "prepared",
        {"notes/odd name.txt": b"a\r\nb"},
        private={SECRET_PATH: b"\0mask\xff" * 100},
        empty_folders=("nothing/here",),
    )


@pytest.fixture
def repository(cats: Competition, prepared: Path, tmp_path: Path, key: MasterKey) -> Path:
    from mlebench_data.hub import pack

    return pack(cats, prepared, tmp_path / "repository", key=key).folder
