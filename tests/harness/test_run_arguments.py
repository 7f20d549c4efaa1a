"""What `mlebench run` and `mlebench report` say about the command line and missing data."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pytest
from command_line import Command
from hypothesis import given
from hypothesis import strategies as st

from mlebench_data.harness.commands import arguments as parsers


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("1.5m", 90), ("24h", 86400), ("1.5d", 129600), (" 2s ", 2)],
)
def test_durations(text: str, seconds: float):
    assert parsers.duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("512m", 512 << 20),
        ("8g", 8 << 30),
        ("8GB", 8 << 30),
        ("0.5k", 512),
        ("1t", 1 << 40),
    ],
)
def test_sizes(text: str, size: int):
    assert parsers.memory(text) == size


@pytest.mark.parametrize(("text", "number"), [("2", 2.0), ("0.5", 0.5)])
def test_processors(text: str, number: float):
    assert parsers.processors(text) == number


PARSERS = [parsers.duration, parsers.memory, parsers.processors, parsers.positive]


@pytest.mark.parametrize("parse", PARSERS)
@given(text=st.one_of(st.text(max_size=12), st.text("0123456789.-+eEsmhdkgtb ", max_size=8)))
def test_parsers_refuse_or_return_a_positive_number(parse, text: str):
    try:
        value = parse(text)
    except argparse.ArgumentTypeError as error:
        assert f"'{text}'" in str(error)
    else:
        assert 0 < value < float("inf")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--time-limit", "soon"], "'soon' is no duration; write 90s, 10m, 24h or 1.5d"),
        (["--time-limit", "0"], "'0' is no duration"),
        (["--time-limit", "-5m"], "expected one argument"),
        (["--memory", "much"], "'much' is no size; write 512m or 8g"),
        (["--cpus", "0"], "'0' is no number of processors"),
        (["--cpus", "nan"], "'nan' is no number of processors"),
        (["--seeds", "0"], "'0' is no whole number of at least 1"),
        (["--jobs", "1.5"], "'1.5' is no whole number of at least 1"),
        (["--network", "some"], "choose from"),
        (["--runtime", "lxc"], "choose from"),
    ],
)
def test_wrong_command_line(mlebench: Command, arguments, said, capsys, out: Path):
    with pytest.raises(SystemExit) as caught:
        mlebench("run", "--agent", "sample", "--competition", "tiny", "--out", out, *arguments)
    assert caught.value.code == 2
    assert said in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Name at least one competition, or a split with --split."),
        (["--competition", "tinny"], "Did you mean 'tiny'?"),
        (["--competition", "tiny", "--data-version", "v9"], "no version 'v9'"),
        (["--competition", "tiny", "--agent", "sample", "sample"], "the same name, sample"),
        (["--competition", "tiny", "--from", "nowhere"], "mlebench pack tiny --out"),
        (["--split", "opne"], "Did you mean 'open'?"),
    ],
)
def test_wrong_names(mlebench: Command, arguments: list[str], said: str, out: Path):
    base = ["run", "--runtime", "local", "--agent", "sample", "--out", out]
    finished = mlebench(*base, *arguments)
    assert finished.code == 1
    assert finished.err.splitlines()[-1].startswith("mlebench: ")
    assert said in finished.err
    assert "started" not in finished.err
    assert not out.exists(), "a folder without content is left"


def test_all_missing_data_is_told_at_once(out: Path, tmp_path: Path, capsys):
    from mlebench_data.harness.cli import main

    ids = ["wine-recognition", "diabetes-progression"]
    arguments = ["run", "--runtime", "local", "--agent", "sample", "--competition", *ids]
    assert main([*arguments, "--data-dir", str(tmp_path), "--out", str(out)]) == 1
    err = capsys.readouterr().err
    for name in ids:
        assert f"Run `mlebench prepare {name}` first." in err
    assert "started" not in err


def test_out_that_is_a_file(mlebench: Command, tmp_path: Path):
    (tmp_path / "file").touch()
    finished = mlebench(
        "run", "--runtime", "local", "--agent", "sample", "--competition", "tiny",
        "--out", tmp_path / "file",
    )  # fmt: skip
    assert finished.code == 1
    assert f"--out: {tmp_path / 'file'} cannot be made or written" in finished.err


def test_no_engine_means_the_local_runtime_and_a_warning(
    mlebench: Command, out: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/engine.sock")
    arguments = ["run", "--agent", "sample", "--competition", "tiny", "--out", out]
    finished = mlebench(*arguments)
    assert finished.code == 0
    assert "WARNING: No Docker engine answers" in finished.err
    assert "1 attempt in" in finished.err
    finished = mlebench(*arguments, "--runtime", "docker")
    assert finished.code == 1
    assert finished.err.startswith("mlebench: No Docker engine answers")


def test_nothing_to_report(mlebench: Command, tmp_path: Path):
    finished = mlebench("report", tmp_path)
    assert finished.code == 1
    assert "There are no results in" in finished.err


def test_narrow_screens_cut_nothing(mlebench: Command, out: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "40")
    name = "an-agent-with-a-long-name"
    agent = out.parent / name
    agent.mkdir()
    (agent / "agent.yaml").write_text(f"name: {name}\ncommand: [no-such-program]\n")
    mlebench("run", "--agent", agent, "--competition", "tiny", "--out", out, "--runtime", "local")
    lines = mlebench("report", out).out.splitlines()
    assert any(f" tiny          {name}   0" in line for line in lines)
    assert "…" not in "".join(lines)
    assert os.environ["COLUMNS"] == "40"
