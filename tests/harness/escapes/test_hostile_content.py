"""Submissions that attack whoever reads them: none is run, none takes long, none is tried again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from command_line import Command, read_result, write_agent
from tiny_competition import Tiny

from mlebench_data.harness.remove_tree import remove_tree

#: Each is Python for the bytes, and what the record must say.
CONTENTS = {
    "pickle": (
        r"""b"cposix\nsystem\n(S'touch " + VICTIM.encode() + b"'\ntR." """,
        "columns `id`, `label` missing; the file has column `cposix`",
    ),
    "zip": ('b"PK\\x03\\x04" + bytes(2000)', "the file holds NUL bytes"),
    "wide-header": ('b"," * 5_000_000', "the header has more than 10,000 columns"),
    "wide-row": (
        'b"id,label\\n1," + b"," * 5_000_000',
        "the first row has more than 10,000 columns",
    ),
    # Filled up, it would take some 40 GB.
    "short-rows": (
        'b"id,label," + b",".join(b"%d" % n for n in range(5000)) + b"\\n" + b"1\\n" * 1_000_000',
        "rows for 5,002 columns, but too few bytes",
    ),
    "open-quote": ('b\'id,label\\n1,"\' + b"x" * 5_000_000', "cannot be read as CSV"),
    "long-number": (
        'b"id,label\\n" + b"9" * 1_000_000 + b",plain\\n"',
        "(1,000,000 characters)' is not in the test set",
    ),
    "many-lines": ('b"id,label\\n" + b"\\n" * 5_000_000', "4 of 4 rows missing"),
    "terminal": (
        r'b"id,label,\x1b]0;owned\x07\x1b[2J" + "\u202e\u009b31m".encode() + b"\n1,plain\n"',
        "not allowed",
    ),
    "formula": (
        """b"id,label\\n=cmd|'/c calc'!A1,plain\\n" """,
        "`id` '=cmd|'/c calc'!A1' is not in the test set",
    ),
    "markup": (
        'b"id,label\\n<script>alert(1)</script>,plain\\n"',
        "`id` '<script>alert(1)</script>' is not in the test set",
    ),
}


@dataclass(frozen=True)
class Gallery:
    """A run of all of them."""

    out: Path
    victim: Path
    code: int
    seconds: float
    memory_bytes: int


@pytest.fixture(scope="module")
def gallery(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    root = tmp_path_factory.mktemp("content")
    victim = root / "victim"
    agents = [
        write_agent(root / name, f"VICTIM = {str(victim)!r}\nsubmission.write_bytes({content})")
        for name, (content, _) in CONTENTS.items()
    ]
    out = root / "out"
    arguments = ["run", "--competition", "tiny", "--runtime", "local", "--jobs", "2"]
    arguments += ["--data-dir", str(tiny.data_dir), "--out", str(out), "--time-limit", "60s"]
    before = psutil.Process().memory_info().rss
    start = time.monotonic()
    code = Command(tiny, None)(*arguments, "--agent", *agents).code
    seconds = time.monotonic() - start
    yield Gallery(out, victim, code, seconds, psutil.Process().memory_info().rss - before)
    remove_tree(root)


@pytest.mark.parametrize("name", CONTENTS)
def test_verdict(gallery: Gallery, name: str):
    result = read_result(gallery.out, name)
    assert (result["outcome"], result["tries"]) == ("invalid", 1), result["reason"]
    assert CONTENTS[name][1] in result["reason"]
    assert len(result["reason"]) < 3000


def test_nothing_is_run_and_nothing_takes_long(gallery: Gallery):
    assert gallery.code == 0
    assert not gallery.victim.exists()
    assert gallery.seconds < 60
    assert gallery.memory_bytes < 1024**3


@pytest.mark.parametrize(
    "arguments",
    [
        ["report"],
        ["report", "--format", "csv", "--table", "attempts"],
        ["report", "--format", "html"],
        ["report", "--format", "markdown"],
        ["status", "--all"],
        ["score", "--force"],
    ],
    ids=" ".join,
)
def test_readers(gallery: Gallery, mlebench: Command, arguments: list[str]):
    finished = mlebench(arguments[0], gallery.out, *arguments[1:])
    assert finished.code == 0, finished.err
    said = finished.out + finished.err
    assert not [mark for mark in ("\x1b", "\x9b", "\x07", "\u202e") if mark in said]
    if "html" in arguments:
        assert "<script>alert" not in said
    if "csv" in arguments:
        assert not [line for line in said.splitlines() if ",=" in line or line.startswith("=")]
