"""Keys at the command line: granted to others, replaced, and answers in a gated sibling."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from command_line import Command, read_result
from tiny_competition import CONTROL, PLAIN, PLAIN_SCORE, SECRET

SAMPLE = ["run", "--agent", "sample", "--competition", "tiny", "--time-limit", "1m"]


@pytest.fixture
def key_file(mlebench: Command, tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "key"
    assert mlebench("keys", "new", "--out", path).code == 0
    return path


@pytest.fixture
def grant_file(mlebench: Command, key_file: Path, tmp_path: Path) -> Path:
    path = tmp_path / "grants" / "partner"
    finished = mlebench("keys", "grant", "tiny", "--out", path, "--key-file", key_file)
    assert (finished.code, finished.out) == (0, "tiny v1\n")
    return path


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    path = tmp_path / "submission.csv"
    path.write_text(PLAIN)
    return path


@pytest.fixture(params=["inside", "apart"])
def repositories(
    request: pytest.FixtureRequest, mlebench: Command, key_file: Path, tmp_path: Path
) -> Path:
    folder = tmp_path / "repositories"
    apart = ["--private-repo"] if request.param == "apart" else []
    finished = mlebench("pack", "tiny", "--out", folder / "tiny", "--key-file", key_file, *apart)
    assert finished.code == 0, finished.err
    assert (folder / "tiny-private").is_dir() == bool(apart)
    assert (folder / "tiny/private").is_dir() != bool(apart)
    return folder


def test_grant_is_a_private_file_without_the_master_key(
    mlebench: Command, key_file: Path, grant_file: Path
):
    assert stat.S_IMODE(grant_file.stat().st_mode) == 0o600
    secret = key_file.read_text().split(":")[1].split("-")[0]
    assert secret not in grant_file.read_text()
    shown = [mlebench("keys", "show-id", "--key-file", path) for path in (key_file, grant_file)]
    assert shown[0].out == shown[1].out
    assert "tiny v1" in shown[1].err
    line = grant_file.read_text().split(":")[-1].split("-")[0]
    assert all(line not in item.out + item.err for item in shown)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tiyn"], "Did you mean 'tiny'"),
        (["tiny", "--data-version", "v9"], "v9"),
        ([], "Name at least one competition"),
    ],
)
def test_grant_of_what_does_not_exist(
    mlebench: Command, key_file: Path, tmp_path: Path, arguments: list[str], message: str
):
    out = tmp_path / "grant"
    finished = mlebench("keys", "grant", *arguments, "--out", out, "--key-file", key_file)
    assert finished.code == 1 and message in finished.err
    assert not out.exists()


def test_grant_of_a_grant(mlebench: Command, grant_file: Path, tmp_path: Path):
    arguments = ["keys", "grant", "tiny", "--out", tmp_path / "grant", "--key-file", grant_file]
    finished = mlebench(*arguments)
    assert finished.code == 1 and "needs the master key" in finished.err


@pytest.mark.parametrize("which", ["key_file", "grant_file"])
def test_grading_with_sealed_answers(
    mlebench: Command,
    repositories: Path,
    submission: Path,
    which: str,
    request: pytest.FixtureRequest,
):
    key = request.getfixturevalue(which)
    arguments = ["grade", "tiny", submission, "--from", repositories, "--data-dir", "/nonexistent"]
    finished = mlebench(*arguments, "--key-file", key)
    assert finished.code == 0, finished.err
    assert f"accuracy: {PLAIN_SCORE}" in finished.err


def test_grading_without_the_right_key(
    mlebench: Command, repositories: Path, submission: Path, key_file: Path, tmp_path: Path
):
    other = tmp_path / "other"
    mlebench("keys", "new", "--out", other)
    arguments = ["grade", "tiny", submission, "--from", repositories, "--key-file"]
    wrong = mlebench(*arguments, other)
    assert wrong.code == 1 and "Wrong key" in wrong.err
    missing = mlebench(*arguments, tmp_path / "nowhere")
    assert missing.code == 1 and "cannot be read" in missing.err
    for extra in (["--answers", submission], ["--batch", submission]):
        with pytest.raises(SystemExit):
            mlebench(*arguments, key_file, *extra)


def test_run_with_a_grant(mlebench: Command, repositories: Path, grant_file: Path, out: Path):
    source = ["--from", repositories, "--key-file", grant_file]
    finished = mlebench(*SAMPLE, "--out", out, "--runtime", "local", *source)
    assert finished.code == 0, finished.err
    assert read_result(out, "sample")["outcome"] == "scored"


def test_rotation(
    mlebench: Command,
    repositories: Path,
    submission: Path,
    key_file: Path,
    grant_file: Path,
):
    before = mlebench("keys", "show-id", "--key-file", key_file).out.strip()
    text = key_file.read_text().strip()
    finished = mlebench("keys", "rotate", repositories, "--key-file", key_file)
    assert finished.code == 0, finished.err
    assert "resealed" in finished.err and "copy made before" in finished.err
    assert text not in finished.out + finished.err
    after = mlebench("keys", "show-id", "--key-file", key_file).out
    assert after == finished.out != f"{before}\n"
    kept = key_file.with_name(f"key.{before}")
    assert kept.read_text().strip() == text
    arguments = ["grade", "tiny", submission, "--from", repositories, "--key-file"]
    assert mlebench(*arguments, key_file).code == 0
    for old in (kept, grant_file):
        refused = mlebench(*arguments, old)
        assert refused.code == 1 and f"but the key in use has {before}" in refused.err


def test_grading_leaves_nothing_of_the_answers(
    mlebench: Command, repositories: Path, submission: Path, grant_file: Path, tmp_path: Path
):
    watched = tmp_path / "watched"
    places = {
        name: str(watched / name)
        for name in ("HOME", "TMPDIR", "HF_HOME", "XDG_CACHE_HOME", "MLEBENCH_CACHE")
    }
    for place in places.values():
        Path(place).mkdir(parents=True)
    arguments = ["grade", "tiny", submission, "--from", repositories, "--key-file", grant_file]
    process = mlebench.start(*arguments, **places)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    looked_at = [*watched.rglob("*"), *repositories.rglob("*")]
    contents = [path.read_bytes() for path in looked_at if path.is_file()]
    assert any(CONTROL.encode() in content for content in contents)
    for content in [*contents, (out or "").encode(), (err or "").encode()]:
        assert "".join(SECRET).encode() not in content
