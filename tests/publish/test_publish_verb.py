"""`mlebench publish` and `mlebench metrics publish`, to folders."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from packed_by_hand import tree_of
from serving import run_client

from mlebench_data.harness.cli import main
from mlebench_data.hub.layout import MANIFEST
from mlebench_data.hub.repository import commit_of
from mlebench_data.metrics.registry import metric_names, metric_path

NAME = "iris-species"
FORBIDDEN = "spooky-author-identification"
MakeRepository = Callable[..., Path]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "250")

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(item) for item in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def words(text: str, first: str) -> list[str]:
    """The cells of the line of a table that begins with a word."""
    return next(line.split() for line in text.splitlines() if line.strip().startswith(first))


def test_a_folder_of_repositories(run: Run, repository: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, text, _ = run("publish", NAME, "--from", repository.parent, "--to", out)
    assert code == 0
    assert tree_of(out / NAME) == tree_of(repository)
    assert words(text, NAME)[1:7] == ["v1", "published", "8", "0", "0", "0"]
    assert f"{out / NAME} @ {commit_of(repository)}" in text
    code, text, _ = run("publish", NAME, "--from", repository, "--to", f"file://{out}")
    assert (code, words(text, NAME)[2:7]) == (0, ["unchanged", "0", "0", "8", "0"])


def test_a_dry_run_names_each_file_and_writes_nothing(
    run: Run, repository: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    code, text, err = run("publish", NAME, "--from", repository, "--to", out, "--dry-run")
    assert code == 0 and not out.exists()
    assert words(text, NAME)[2:4] == ["would", "publish"]
    for path in tree_of(repository):
        assert any(line.strip().startswith("new") and path in line for line in text.splitlines())
    assert "nothing was sent" in err


def test_the_sibling_goes_along(run: Run, make_repository: MakeRepository, tmp_path: Path) -> None:
    root = make_repository(private_part="sibling")
    code, text, _ = run("publish", NAME, "--from", root.parent, "--to", tmp_path / "out")
    assert code == 0
    assert tree_of(tmp_path / "out") == tree_of(root.parent)
    assert words(text, f"{NAME}-private")[2] == "published"


def test_a_sibling_of_something_else_is_refused(
    run: Run, make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository(private_part="sibling")
    other = make_repository(
        private_part="sibling", folder=tmp_path / "other", prepared_mac="9" * 64
    )
    place = root.with_name(f"{NAME}-private")
    shutil.rmtree(place)
    other.with_name(f"{NAME}-private").rename(place)
    code, _, err = run("publish", NAME, "--from", root, "--to", tmp_path / "out")
    assert code == 1 and "does not hold the answers of" in err
    assert not (tmp_path / "out").exists()


def test_rules_are_kept_before_anything_is_sent(
    run: Run, make_repository: MakeRepository, tmp_path: Path
) -> None:
    packed = make_repository().parent
    make_repository(competition=FORBIDDEN, redistribution="forbidden")
    out = tmp_path / "out"
    arguments = ("publish", NAME, FORBIDDEN, "--from", packed, "--to", out)
    for flags in ((), ("--private",), ("--confirm-redistribution",)):
        code, _, err = run(*arguments, *flags)
        assert code == 1 and not out.exists()
        assert "rules forbid" in err and "https://www.kaggle.com" in err
    assert run(*arguments, "--private", "--confirm-redistribution")[0] == 0
    assert tree_of(out) == tree_of(packed)


@pytest.mark.parametrize("claim", ["allowed", "unclear"])
def test_a_manifest_cannot_allow_what_the_catalogue_forbids(
    run: Run, make_repository: MakeRepository, tmp_path: Path, claim: str
) -> None:
    root = make_repository(competition=FORBIDDEN, redistribution=claim)
    code, _, err = run("publish", FORBIDDEN, "--from", root, "--to", tmp_path / "out")
    assert code == 1 and "rules forbid" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((NAME, "--from", "{packed}/nothing"), "has no packed iris-species"),
        (("wine-recognition", "--from", "{packed}/iris-species"), "not wine-recognition"),
        ((NAME, "--from", "{packed}", "--collection"), "needs a target on the Hub"),
        ((), "Name at least one"),
        (("no-such-competition", "--from", "{packed}"), "no-such-competition"),
    ],
)
def test_what_cannot_be_published_is_explained(
    run: Run, repository: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    filled = [item.format(packed=repository.parent) for item in arguments]
    source = [] if "--from" in filled else ["--from", str(repository)]
    code, _, err = run("publish", *filled, *source, "--to", tmp_path / "out")
    assert code == 1 and message in err


def test_what_is_done_is_shown_also_if_a_later_one_fails(
    run: Run, make_repository: MakeRepository, tmp_path: Path
) -> None:
    packed = make_repository().parent
    broken = make_repository(competition="wine-recognition")
    (broken / "private/test.csv").write_bytes(b"id\n")
    arguments = (NAME, "wine-recognition", "--from", packed, "--to", tmp_path / "out")
    code, text, err = run("publish", *arguments)
    assert code == 1 and words(text, NAME)[2] == "published"
    assert f"{broken}/private/test.csv must not be published" in err
    assert [path.name for path in (tmp_path / "out").iterdir()] == [NAME]


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "mlebench_data.harness.cli", *map(str, arguments)]


def test_a_killed_process_leaves_nothing_complete_and_the_next_goes_on(
    make_repository: MakeRepository, run: Run, tmp_path: Path
) -> None:
    large = {f"data/part-{number:05}.parquet": os.urandom(20 << 20) for number in range(8)}
    root = make_repository(large)
    out = tmp_path / "out"
    process = subprocess.Popen(command("publish", NAME, "--from", root, "--to", out))
    deadline = time.monotonic() + 60
    while not (out / NAME / "data/part-00002.parquet").exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    arrived = tree_of(out / NAME)
    assert MANIFEST not in arrived
    assert all(content == large[path] for path, content in arrived.items() if path in large)
    before = {path: (out / NAME / path).stat().st_ino for path in arrived if path in large}
    code, text, _ = run("publish", NAME, "--from", root, "--to", out)
    assert code == 0 and tree_of(out / NAME) == tree_of(root)
    assert {path: (out / NAME / path).stat().st_ino for path in before} == before
    assert int(words(text, NAME)[5]) >= len(before) >= 2


def test_a_full_disk_is_named_and_nothing_half_is_there(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    root = make_repository({"data/large.parquet": bytes(10 << 20)})
    # A limit on the size of files fails as a full disk does: in the middle of a file.
    done = subprocess.run(
        command("publish", NAME, "--from", root, "--to", tmp_path / "out"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "too large" in done.stderr and "same command again" in done.stderr
    arrived = tree_of(tmp_path / "out" / NAME)
    assert MANIFEST not in arrived and "data/large.parquet" not in arrived
    assert not any("partial" in path for path in arrived)


def test_metrics_as_folders_of_real_files(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, text, _ = run("metrics", "publish", "--to", out)
    assert code == 0
    assert sorted(path.name for path in out.iterdir()) == metric_names()
    assert not any(path.is_symlink() for path in out.rglob("*"))
    for name in ("rmse", "dice_hausdorff"):
        folder = metric_path(name)
        originals = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        assert tree_of(out / name) == originals
    assert words(text, "rmse")[2] == "published"
    code, text, _ = run("metrics", "publish", "--to", out)
    assert code == 0 and "published" not in text
    (out / "rmse" / "rmse.py").write_text("old")
    code, text, _ = run("metrics", "publish", "rmse", "--to", out)
    assert code == 0 and tree_of(out / "rmse")["rmse.py"] != b"old"
    assert words(text, "rmse")[2:7] == ["published", "0", "1", "4", "0"]


def test_published_metrics_load(run: Run, tmp_path: Path) -> None:
    run("metrics", "publish", "rmse", "--to", tmp_path / "out")
    # In a process of its own: evaluate imports the copies that it makes of modules.
    code = f"""
    import json
    import evaluate
    metric = evaluate.load({str(tmp_path / "out" / "rmse")!r})
    print(json.dumps(metric.compute(references=[0.0, 0.0], predictions=[1.0, 1.0])))
    """
    assert run_client(code, None, tmp_path / "home") == {"rmse": 1.0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("no-such-metric", "--to", "{tmp}"), "no metric"),
        (("rmse", "--to", "hf://datasets/org"), "hf://spaces/ORGANISATION"),
        (("rmse", "--to", "hf://spaces/org/mae"), "can hold the metric mae only"),
    ],
)
def test_metrics_that_cannot_be_published(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    code, _, err = run("metrics", "publish", *(item.format(tmp=tmp_path) for item in arguments))
    assert code == 1 and message in err
