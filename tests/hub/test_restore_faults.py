"""Processes that are killed, race or lose their server while they restore."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from cats_and_dogs import make_prepared, tree_of
from serving import Served, client_environment, served_folder

from mlebench_data.catalogue import Competition
from mlebench_data.hub import file_rows, pack, restore_competition
from mlebench_data.hub.cache import Cache
from mlebench_data.hub.cache_verification import verify
from mlebench_data.hub.keys import MasterKey

CODE = """
import sys
from pathlib import Path
from mlebench_data.errors import MlebenchError
from mlebench_data.hub import extraction, pieces, restore_competition
source, out = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
try:
    restore_competition("cats", "v1", Path(out), source=source)
except MlebenchError as error:
    sys.exit(str(error))
"""

FILES = 600


@pytest.fixture(scope="module")
def block() -> bytes:
    return os.urandom(1 << 16)


@pytest.fixture
def prepared(cats: Competition, tmp_path: Path, block: bytes) -> Path:
    """Forty megabytes, so that there is a middle to be killed in."""
    public = {f"d{n % 5}/{n}.bin": n.to_bytes(4, "big") + block for n in range(FILES)}
    modes = dict.fromkeys(public, 0o444)
    return make_prepared(cats, tmp_path / "prepared", public, modes=modes)


@pytest.fixture
def repositories(
    cats: Competition,
    prepared: Path,
    tmp_path: Path,
    key: MasterKey,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    monkeypatch.setattr(file_rows, "MAX_PLAIN_FILES", 10)
    pack(cats, prepared, tmp_path / "repositories" / "cats", key=key)
    return tmp_path / "repositories"


def start(source: str | Path, out: Path, cache: Path) -> subprocess.Popen[str]:
    environment = client_environment(None, cache.with_name("home")) | {
        "MLEBENCH_CACHE": str(cache),
        # The client of the Hub waits in vain for no longer than a test does.
        "HF_HUB_DOWNLOAD_TIMEOUT": "5",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, str(source), str(out)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_killed_at_any_time(repositories: Path, prepared: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    objects = []
    for delay in (0.02, 0.1, 0.2, 0.3, 0.45):
        process = start(repositories, tmp_path / "out", cache.folder)
        go(process)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        objects.append(sum(1 for _ in cache.object_files()))
        assert not (tmp_path / "out").exists() or tree_of(tmp_path / "out") == tree_of(
            prepared / "public"
        )
    assert objects == sorted(objects)
    restore_competition("cats", "v1", tmp_path / "last", source=repositories, cache=cache)
    assert tree_of(tmp_path / "last") == tree_of(prepared / "public")
    assert not verify(cache).problems
    assert not list(cache.partial.iterdir())


def test_two_at_once(repositories: Path, prepared: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    outs = [tmp_path / name for name in ("one", "two", "three")]
    processes = [start(repositories, out, cache.folder) for out in outs]
    for process in processes:
        go(process)
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    for out in outs:
        assert tree_of(out) == tree_of(prepared / "public")
    # The work was done once: all have the very same files.
    assert len({(out / "d0/0.bin").stat().st_ino for out in outs}) == 1
    assert len(cache.entries()) == 1 and not verify(cache).problems


@pytest.mark.parametrize("victim", ["server", "client"])
def test_killed_while_downloading(
    victim: str, repositories: Path, prepared: Path, tmp_path: Path
) -> None:
    cache = Cache(tmp_path / "cache")
    with served_folder(repositories) as server:
        process = start(server.url, tmp_path / "out", cache.folder)
        go(process)
        wait_for_download(cache)
        if victim == "client":
            process.send_signal(signal.SIGKILL)
            process.communicate()
            process = start(server.url, tmp_path / "out", cache.folder)
            go(process)
        else:
            server.process.kill()
            server.process.wait()
            time.sleep(1)
            with served_again(server):
                finish(process)
            assert tree_of(tmp_path / "out") == tree_of(prepared / "public")
            return
        finish(process)
    assert tree_of(tmp_path / "out") == tree_of(prepared / "public")


def wait_for_download(cache: Cache) -> None:
    deadline = time.monotonic() + 30
    while not any(cache.downloads.rglob("*.incomplete")) and time.monotonic() < deadline:
        if cache.entries():
            return  # it was too fast to be seen
        time.sleep(0.002)


def finish(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate(timeout=90)
    assert process.returncode == 0, errors


def served_again(server: Served) -> AbstractContextManager[Served]:
    port = server.url.rpartition(":")[2]
    return served_folder(server.folder, "--port", port)
