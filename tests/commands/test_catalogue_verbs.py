"""`mlebench list`, `info` and `check`, and what all verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlebench_data.harness.cli import COMMANDS


def test_list(mlebench: Any) -> None:
    done = mlebench("list")
    assert done.code == 0
    rows = [row for row in map(str.split, done.out.splitlines()) if row]
    assert rows[0] == ["id", "category", "metric", "versions", "splits"]
    assert rows[-1] == ["tiny", "Tabular", "rmse", "↓", "v1", "small"]


def test_list_as_json(mlebench: Any) -> None:
    (row,) = mlebench("list", "--json", "--split", "small").json()
    assert row == {
        "id": "tiny",
        "name": "Tiny [competition]",
        "category": "Tabular",
        "metric": "rmse",
        "higher_is_better": False,
        "versions": ["v1"],
        "splits": ["small"],
        "source": "kaggle",
        "size_bytes": None,
        "redistribution": "allowed",
    }


def test_info(mlebench: Any, raw: Path) -> None:
    text = mlebench("info", "tiny").out
    # Brackets in names are text, not the markup of the terminal library.
    assert "Tiny [competition]  (tiny)" in text
    for part in ("https://example.org/tiny", "rmse (lower is better)", "id, label", "prepared"):
        assert part in text
    assert mlebench("prepare", "tiny", "--raw", raw).code == 0
    assert "(5 files, " in mlebench("info", "tiny").out


def test_info_as_json(mlebench: Any) -> None:
    facts = mlebench("info", "tiny", "--json").json()
    assert facts["id"] == "tiny"
    assert facts["versions"]["v1"]["recipe"][0]["op"] == "read_table"


def test_check(mlebench: Any, tiny: Any) -> None:
    done = mlebench("check")
    assert (done.code, done.out) == (0, "")
    assert done.err == "1 competitions checked: all valid\n"
    (tiny.folder / "README.md").unlink()
    done = mlebench("check", tiny.folder.parent)
    assert done.code == 1
    assert "README.md: missing" in done.err
    assert done.err.endswith("1 competitions checked: 1 mistakes\n")


def test_check_of_no_folder(mlebench: Any, tmp_path: Path) -> None:
    done = mlebench("check", tmp_path / "nowhere")
    assert done.code == 1
    assert done.err.startswith("mlebench: There is no folder ")


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["info", "tyni"], 1, "mlebench: There is no competition 'tyni'. Known: tiny."),
        (["list", "--split", "smal"], 1, "There is no split 'smal'. Did you mean 'small'?"),
        (["prepare"], 1, "Name at least one competition, or a split with --split."),
        (["prepare", "tiny", "--data-version", "v3"], 1, "has no version 'v3'"),
        (["prepare", "tiny", "--jobs", "0"], 1, "--jobs must be at least 1, not 0."),
        (["prepare", "tiny", "--raw", "/nowhere"], 1, "there is no folder /nowhere"),
        (["prepare", "tiny", "--jobs", "many"], 2, "invalid int value"),
        (["unheard-of"], 2, "invalid choice: 'unheard-of'"),
        ([], 2, "required: VERB"),
    ],
)
def test_wrong_command_lines(arguments: list[str], code: int, expected: str, mlebench: Any) -> None:
    done = mlebench(*arguments)
    assert done.code == code
    assert expected in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    "verb", [command.__name__.rpartition(".")[2].rstrip("_") for command in COMMANDS]
)
def test_every_verb_explains_itself(verb: str, mlebench: Any) -> None:
    done = mlebench(verb, "--help")
    assert done.code == 0
    assert f"usage: mlebench {verb}" in done.out
    assert verb in mlebench("--help").out


def test_version(mlebench: Any) -> None:
    from mlebench_data import __version__

    assert mlebench("--version").out == f"mlebench-data {__version__}\n"
