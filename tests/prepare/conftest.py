"""A preparation that stops in the middle, to be killed or joined there by a second one."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PREPARE = """
import sys
from pathlib import Path
from mlebench_data.catalogue.catalogue import read_competition
from mlebench_data.prepare import prepare

folder, raw, data_dir = map(Path, sys.argv[1:4])
result = prepare(
    read_competition(folder),
    data_dir=data_dir,
    raw=raw if raw.is_dir() else None,
    skip_lock=True,
    force="--force" in sys.argv,
)
print(result.status)
"""


@pytest.fixture
def start_preparing(data_dir: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `prepare` in a process of its own; what still runs at the end is killed."""
    running: list[subprocess.Popen[str]] = []

    def start(competition: Any, raw: Path, *options: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", PREPARE, competition.folder, raw, data_dir, *options],
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def wait_for(path: Path) -> None:
    """Wait until a file is there; the time limit of pytest ends a wait in vain."""
    while not path.exists():
        time.sleep(0.01)


@pytest.fixture(name="wait_for")
def wait_for_fixture() -> Callable[[Path], None]:
    return wait_for


@pytest.fixture
def files_in() -> Callable[[Path], dict[str, bytes]]:
    """Read all files below a folder, without the empty one that serves as a mutex."""

    def read(folder: Path) -> dict[str, bytes]:
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and path.name != ".lock"
        }

    return read
