"""Restoring by name, and the verbs that look after the cache."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from command_line import Command

from mlebench_data.harness.commands import restore
from mlebench_data.hub.cache import Cache


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    monkeypatch.setenv("MLEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    return Cache()


@pytest.fixture
def repositories(mlebench: Command, tmp_path: Path) -> Path:
    mlebench("keys", "new", "--out", tmp_path / "key")
    folder = tmp_path / "repositories"
    finished = mlebench("pack", "tiny", "--out", folder / "tiny", "--key-file", tmp_path / "key")
    assert finished.code == 0, finished.err
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_restored_by_name(
    mlebench: Command, repositories: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = mlebench.tiny.data_dir / "tiny" / "v1" / "public"
    finished = mlebench("restore", "tiny", "--out", tmp_path / "one", "--from", repositories)
    assert finished.code == 0, finished.err
    assert "restored: " in finished.err and f"from {repositories / 'tiny'} v1" in finished.err
    monkeypatch.setenv("MLEBENCH_SOURCE", f"file://{repositories}")
    finished = mlebench("restore", "tiny@v1", "--out", tmp_path / "copy", "--no-link")
    assert finished.code == 0, finished.err
    for tree in ("one", "copy"):
        assert names(tmp_path / tree) == names(public)
    inodes = {(tmp_path / tree / "train.csv").stat().st_ino for tree in ("one", "copy")}
    assert len(inodes) == 2
    # Long lines are broken, in the midst of words if need be.
    info = "".join(mlebench("info", "tiny").out.split())
    assert f"wouldloadfrom{repositories}/tiny(MLEBENCH_SOURCEisset)" in info
    assert "v1cached" in info and "elseMLEBENCH_SOURCE," in info


def test_several(
    mlebench: Command, repositories: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "trees"
    # The tests' catalogue has one competition.
    monkeypatch.setattr(restore, "wanted_versions", lambda *_: {"dogs": "v1", "tiny": "v1"})
    finished = mlebench("restore", "--split", "any", "--out", out, "--from", repositories)
    assert finished.code == 1
    assert "tiny@v1" in finished.err
    assert "dogs: There is no dataset repository" in finished.err
    assert names(out) == ["tiny"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tiny@v9"], "v9"),
        (["tinny"], "Did you mean 'tiny'"),
        (["repositories"], "write ./repositories"),
        (["tiny", "tiny@v2"], "v2"),
        ([], "Name at least one"),
        (["./repositories/tiny", "--from", "x"], "--from is for competition ids"),
        (["./repositories"], "is no dataset repository"),
        (["tiny", "--from", "hf://x"], "hf://datasets/ORGANISATION"),
        (["tiny", "--from", "repositories", "--out", "file"], "is a file"),
    ],
)
def test_refused(
    arguments: list[str],
    message: str,
    mlebench: Command,
    repositories: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    finished = mlebench("restore", "--out", "out", *arguments)
    assert finished.code == 1
    assert message in finished.err
    assert not Path("out").exists()


def test_look_after_the_cache(
    mlebench: Command, repositories: Path, cache: Cache, tmp_path: Path
) -> None:
    assert mlebench("cache", "ls").code == 0
    command = ["restore", "tiny", "--from", repositories, "--no-link", "--out"]
    assert mlebench(*command, tmp_path / "one").code == 0
    listed = mlebench("cache", "ls").out
    assert "tiny" in listed and str(repositories / "tiny") in listed
    assert f"in {cache.folder}, what trees share counted once" in listed
    assert mlebench("cache", "verify").code == 0
    [entry] = cache.entries()
    with_wrong_clock = time.time() + 1e6
    for last_use, days, left in ((with_wrong_clock, "1s", 1), (1e9, "9999d", 1), (1e9, "30d", 0)):
        os.utime(cache.trees / entry.digest / "last-use", (last_use, last_use))
        assert mlebench("cache", "rm", "--unused-for", days).code == 0
        assert len(cache.entries()) == left
    assert not list(cache.object_files())
    assert mlebench(*command, tmp_path / "two").code == 0
    used = cache.use(entry.digest)
    assert used is not None
    with used:
        finished = mlebench("cache", "rm", "tiny")
        assert "in use and left alone: tiny@v1" in finished.err
        assert "yes" in mlebench("cache", "ls").out
        harmed = used.folder / "train.csv"
        harmed.chmod(0o644)
        harmed.write_text("harm")
        finished = mlebench("cache", "verify", "--repair")
        assert finished.code == 1 and "in use and left alone: tiny@v1" in finished.err
        assert "train.csv" in finished.out
    assert mlebench("cache", "verify", "--repair").code == 0
    assert not cache.entries()
    assert mlebench(*command, tmp_path / "three").code == 0
    assert mlebench("cache", "rm", "tiny@v1").code == 0
    for arguments in ([], ["tiny"], ["tiny", "--all"]):
        assert mlebench("cache", "rm", *arguments).code == 1
    assert mlebench("cache", "rm", "--all").code == 0
