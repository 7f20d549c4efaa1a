"""A repository through a mirror server that is not ours: olah, over plain git repositories.

It needs other versions of some libraries than this package, so it is installed elsewhere, and
MLEBENCH_OLAH names its command `olah-cli`.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cats_and_dogs import MARKER, tree_of
from serving import run_client

CONFIGURATION = """
[basic]
host = "127.0.0.1"
port = {port}
repos-path = "./repos"
hf-scheme = "https"
hf-netloc = "nowhere.invalid"
hf-lfs-netloc = "nowhere.invalid"
mirror-scheme = "http"
mirror-netloc = "127.0.0.1:{port}"
mirror-lfs-netloc = "127.0.0.1:{port}"
mirrors-path = ["./mirrors"]
[accessibility]
offline = true
[[accessibility.proxy]]
repo = "*/*"
allow = true
[[accessibility.cache]]
repo = "*/*"
allow = true
"""

READ = """
import json, os
from pathlib import Path
from datasets import load_dataset
from mlebench_data.hub import restore_competition
rows = {name: split.num_rows for name, split in load_dataset("mlebench/cats").items()}
lazy = next(iter(load_dataset("mlebench/cats", split="train", streaming=True)))
restore_competition("cats", "v1", Path("tree"), source=os.environ["HF_ENDPOINT"])
print(json.dumps([rows, lazy]))
"""


@pytest.fixture
def mirror(repository: Path, tmp_path: Path) -> Iterator[str]:
    """Address of a mirror that has the repository."""
    command = os.environ.get("MLEBENCH_OLAH") or shutil.which("olah-cli")
    if command is None:
        pytest.skip("olah is not installed (MLEBENCH_OLAH)")
    folder = tmp_path / "mirror"
    target = folder / "mirrors" / "datasets" / "mlebench" / "cats"
    shutil.copytree(repository, target)
    for arguments in (["init", "-b", "main"], ["add", "-A"], ["commit", "-m", "x"], ["tag", "v1"]):
        identity = ["-c", "user.name=tester", "-c", "user.email=tester@example.org"]
        subprocess.run(
            ["git", *identity, "-C", target, *arguments], check=True, capture_output=True
        )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "olah.toml").write_text(CONFIGURATION.format(port=port))
    process = subprocess.Popen(
        [command, "--config", "olah.toml"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 60
        while True:
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None and time.monotonic() < end, "the mirror did not start"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_load_and_restore(mirror: str, prepared: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    cache = str(tmp_path / "cache")
    rows, first = run_client(READ, mirror, home, MLEBENCH_CACHE=cache)
    assert rows == {"train": 3, "test": 2}
    assert first == {"id": 1, "word": "red", "label": "cat"}
    assert tree_of(home / "tree") == tree_of(prepared / "public")
    for path in home.rglob("*"):
        assert not path.is_file() or MARKER.encode() not in path.read_bytes()
