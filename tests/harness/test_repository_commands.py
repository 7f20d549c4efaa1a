"""From a key over locked repositories to a scored run: keys, pack, restore, run --from."""

from __future__ import annotations

import contextlib
import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Command, read_result
from tiny_competition import PLAIN, PLAIN_SCORE, SECRET

from mlebench_data.hub.repository import commit_of, manifest_digest

JOBS = ["tiny", "tiny", "tiny", "tiyn"]
SAMPLE = ["run", "--agent", "sample", "--competition", "tiny", "--time-limit", "1m"]


@pytest.fixture
def key_file(mlebench: Command, tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "key"
    assert mlebench("keys", "new", "--out", path).code == 0
    return path


@pytest.fixture
def repositories(mlebench: Command, key_file: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "repositories"
    finished = mlebench("pack", "tiny", "--out", folder / "tiny", "--key-file", key_file)
    assert finished.code == 0, finished.err
    assert "packed" in finished.err
    return folder


def test_new_key_is_private_and_never_shown_nor_replaced(mlebench: Command, tmp_path: Path):
    path = tmp_path / "key"
    made = mlebench("keys", "new", "--out", path)
    text = path.read_text().strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    shown = mlebench("keys", "show-id", "--key-file", path)
    assert shown.out == made.out
    assert shown.out.strip() not in text
    again = mlebench("keys", "new", "--out", path)
    assert again.code == 1 and "never overwritten" in again.err
    assert path.read_text().strip() == text
    for finished in (made, shown, again):
        assert text not in finished.out + finished.err


def test_key_that_others_can_read(mlebench: Command, key_file: Path):
    key_file.chmod(0o644)
    finished = mlebench("keys", "show-id", "--key-file", key_file)
    assert finished.code == 1
    assert f"chmod 600 {key_file}" in finished.err


def test_restored_tree_is_the_public_one(mlebench: Command, repositories: Path, tmp_path: Path):
    tree = tmp_path / "tree"
    finished = mlebench("restore", repositories / "tiny", "--out", tree)
    assert finished.code == 0, finished.err
    public = mlebench.tiny.data_dir / "tiny" / "v1" / "public"
    names = sorted(path.name for path in public.iterdir())
    assert sorted(path.name for path in tree.iterdir() if path.name in names) == names
    for name in names:
        assert (tree / name).read_bytes() == (public / name).read_bytes()
    assert f"{len(names)} files" in finished.err


def test_run_from_repositories(
    mlebench: Command,
    runtime_name: str,
    repositories: Path,
    key_file: Path,
    out: Path,
    session_cache: Path,
):
    source = ["--from", repositories, "--key-file", key_file]
    arguments = [*SAMPLE, "--out", out, "--runtime", runtime_name]
    finished = mlebench(*arguments, *source)
    assert finished.code == 0, finished.err
    result = read_result(out, "sample")
    assert result["outcome"] == "scored"
    repository = repositories / "tiny"
    assert result["data"] == {
        "source": "folder",
        "revision": "v1",
        "commit": commit_of(repository),
        "manifest_sha256": manifest_digest(repository),
    }
    # The same data as the prepared one, so a run may go on with either.
    assert mlebench(*arguments).err.count("  kept ") == 1
    (out / "tiny" / "sample-seed0" / "result.json").unlink()
    assert mlebench(*arguments, *source).code == 0, "restored data is taken again"
    key = key_file.read_text().strip().encode()
    looked_at = [path for path in (*out.rglob("*"), *session_cache.rglob("*")) if path.is_file()]
    assert any(path.name == "train.csv" for path in looked_at)
    for path in looked_at:
        content = path.read_bytes()
        assert "".join(SECRET).encode() not in content and key not in content, path


def test_wrong_key_is_told_before_any_agent_starts(
    mlebench: Command, repositories: Path, out: Path, tmp_path: Path
):
    other = tmp_path / "other-key"
    mlebench("keys", "new", "--out", other)
    arguments = [*SAMPLE, "--out", out, "--runtime", "local", "--from", repositories]
    finished = mlebench(*arguments, "--key-file", other)
    assert finished.code == 1
    assert "key" in finished.err and "started" not in finished.err


def test_key_in_the_folder_of_an_agent(
    mlebench: Command, make_agent, repositories: Path, out: Path
):
    agent = make_agent("greedy", "")
    mlebench("keys", "new", "--out", agent / "key")
    arguments = ["run", "--agent", agent, "--competition", "tiny", "--out", out]
    finished = mlebench(*arguments, "--from", repositories, "--key-file", agent / "key")
    assert finished.code == 1
    assert "Keep them apart" in finished.err


@pytest.mark.parametrize("names", [[], ["base"]])
def test_images_are_listed_without_an_engine(
    mlebench: Command, names: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/engine.sock")
    finished = mlebench("images", "list", *names)
    assert finished.code == 0 and "base\tmlebench-agent:base\n" in finished.out
    assert ("aide" in finished.out) == (not names)
    build = mlebench("images", "build", *names)
    assert build.code == 1 and "No Docker engine answers" in build.err
    unknown = mlebench("images", "list", "bas")
    assert unknown.code == 1 and "Did you mean 'base'?" in unknown.err


@pytest.fixture
def remote(repositories: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The repositories in memory, and an empty cache."""
    import fsspec

    monkeypatch.setenv("MLEBENCH_CACHE", str(tmp_path / "cache"))
    filesystem = fsspec.filesystem("memory")
    filesystem.put(str(repositories), "/remote", recursive=True)
    yield "memory://remote"
    filesystem.rm("/remote", recursive=True)


def fetched(cache: Path) -> set[str]:
    """Which parts of a repository lie in a cache."""
    paths = [path for path in cache.rglob("*") if path.is_file() and path.parent.name != "locks"]
    return {path.relative_to(cache).parts[0] for path in paths}


def test_batch_takes_only_sealed_answers(
    mlebench: Command, remote: str, key_file: Path, tmp_path: Path
):
    (tmp_path / "submission.csv").write_text(PLAIN)
    jobs = [{"competition_id": name, "submission_path": "submission.csv"} for name in JOBS]
    jobs[0]["answers"] = "none.csv"
    (tmp_path / "jobs.jsonl").write_text("\n".join(map(json.dumps, jobs)))
    batch = ["grade", "--batch", "jobs.jsonl", "--from", remote, "--data-dir", "nowhere"]
    with contextlib.chdir(tmp_path):
        finished = mlebench(*batch, "--key-file", key_file)
    assert finished.code == 1, finished.err
    found = [json.loads(line) for line in finished.out.splitlines()]
    assert [line["status"] for line in found] == ["error", "valid", "valid", "error"]
    assert [line["score"] for line in found[1:3]] == [PLAIN_SCORE] * 2
    assert "none.csv" in found[0]["reason"] and "Did you mean 'tiny'" in found[3]["reason"]
    assert fetched(tmp_path / "cache") == {"private"}


def test_scoring_again_takes_only_sealed_answers(
    mlebench: Command, remote: str, key_file: Path, repositories: Path, out: Path, tmp_path: Path
):
    assert mlebench(*SAMPLE, "--out", out, "--runtime", "local").code == 0
    again = ["score", out, "--from", remote, "--key-file", key_file]
    assert "unchanged     tiny/sample-seed0" in mlebench(*again).err
    finished = mlebench(*again, "--force")
    assert finished.code == 0, finished.err
    assert read_result(out, "sample")["data"] == {
        "source": f"{remote}/tiny",
        "revision": "v1",
        "commit": commit_of(repositories / "tiny"),
        "manifest_sha256": manifest_digest(repositories / "tiny"),
    }
    assert fetched(tmp_path / "cache") == {"private"}
