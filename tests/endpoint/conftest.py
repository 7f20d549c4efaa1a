"""One server for all tests that only read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from repositories import write_repository
from serving import Served, served_folder


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server over two repositories, one of them gated; never written to."""
    folder = tmp_path_factory.mktemp("library") / "hub"
    write_repository(folder / "cats")
    write_repository(folder / "cats-private")
    with served_folder(folder) as server:
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty cache of a client."""
    return tmp_path / "home"


@pytest.fixture
def library_url(library: Served) -> str:
    """Address of that server."""
    return library.url
