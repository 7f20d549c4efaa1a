"""Everything that is in the way is told at once, before anything is downloaded."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from stand_in import DOWNLOAD, GET_COMPETITION, INTROSPECT, STORAGE, Fault, StandIn

BUILDER = """
def build_raw(folder):
    (folder / "labelled.csv").write_text("id,x,label\\n")
"""


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


def _row(text: str, name: str) -> list[str]:
    """The line of a competition in the table."""
    return next(row for row in map(str.split, text.splitlines()) if row[:1] == [name])


def test_everything_at_once(
    mlebench: Any, add: Callable[..., bytes], stand_in: StandIn, data_dir: Path, monkeypatch: Any
) -> None:
    add("ready")
    add("shy", entered=False)
    add("shier", entered=False)
    add("picky", refusal="Verify your phone number")
    add("gone")
    del stand_in.competitions["gone"]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: _Usage(10**6, 9 * 10**5, 10**5))
    done = mlebench("fetch", "ready", "shy", "gone", "picky", "shier")
    assert (done.code, done.out) == (1, "")
    assert _row(done.err, "ready")[-3:] == ["to", "get", "accepted"]
    assert _row(done.err, "shy")[-2:] == ["not", "accepted"]
    links = "  https://example.org/shy/rules\n  https://example.org/shier/rules\n"
    assert links in done.err
    assert "gone: Kaggle knows no such competition" in done.err
    assert "picky: Kaggle refuses the download although you have entered" in done.err
    assert "Verify your phone number" in done.err
    size = len(stand_in.competitions["ready"].content)
    assert f"{size:,} bytes are still to come, 100,000 are free" in done.err
    assert "Nothing was downloaded." in done.err
    assert not data_dir.exists()


def test_dry_run_writes_nothing(mlebench: Any, add: Callable[..., bytes], data_dir: Path) -> None:
    add("ready")
    done = mlebench("fetch", "ready", "--dry-run")
    assert done.code == 0
    assert _row(done.out, "ready") == ["ready", "3.5", "MB", "to", "get", "accepted"]
    assert "3.5 MB to come" in done.out
    assert not data_dir.exists()


def test_no_credentials(
    mlebench: Any, add: Callable[..., bytes], stand_in: StandIn, monkeypatch: Any
) -> None:
    add("ready")
    add("other")
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    terminal = sys.stdin
    done = mlebench("fetch", "ready", "other")
    assert (done.code, done.out) == (1, "")
    assert "no credentials that Kaggle accepts" in done.err
    assert "KAGGLE_API_TOKEN" in done.err
    # The way without credentials, and the table all the same.
    assert "https://example.org/other to " in done.err
    assert _row(done.err, "ready")[-1] == "unknown"
    assert sys.stdin is terminal and not terminal.closed
    assert stand_in.requests == []


@pytest.mark.parametrize("way", ["token", "key", "refused"])
def test_refused_credentials(
    way: str,
    mlebench: Any,
    add: Callable[..., bytes],
    stand_in: StandIn,
    monkeypatch: Any,
    request: pytest.FixtureRequest,
) -> None:
    add("ready")
    add("other")
    if way == "token":
        monkeypatch.setenv("KAGGLE_API_TOKEN", "expired")
    elif way == "key":
        request.getfixturevalue("legacy_key")
        monkeypatch.setenv("KAGGLE_KEY", "wrong")
    else:
        stand_in.faults[INTROSPECT] = [Fault(status=401)] * 2
    done = mlebench("fetch", "ready", "other")
    assert done.code == 1
    assert done.err.count("https://www.kaggle.com/settings/api") == 1
    assert "credentials" in done.err and "wrong" not in done.err


def test_legacy_key(mlebench: Any, add: Callable[..., bytes], legacy_key: None) -> None:
    add("ready")
    assert mlebench("fetch", "ready", "--dry-run").code == 0


def test_no_library(mlebench: Any, add: Callable[..., bytes], monkeypatch: Any) -> None:
    add("ready")
    monkeypatch.setitem(sys.modules, "kaggle.api.kaggle_api_extended", None)
    done = mlebench("fetch", "ready")
    assert done.code == 1
    assert "pip install 'mlebench-data[kaggle]'" in done.err
    assert "https://example.org/ready to " in done.err


def test_kaggle_out_of_reach(
    mlebench: Any, add: Callable[..., bytes], stand_in: StandIn, legacy_key: None
) -> None:
    add("ready")
    stand_in.close()
    done = mlebench("fetch", "ready")
    assert done.code == 1
    assert "ready: Kaggle cannot be reached" in done.err


@pytest.mark.parametrize("kind", [GET_COMPETITION, DOWNLOAD, STORAGE])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_passing_faults(
    kind: str, status: int, mlebench: Any, add: Callable[..., bytes], stand_in: StandIn
) -> None:
    add("ready")
    stand_in.faults[kind] = [Fault(status=status, headers={"Retry-After": "0"})] * 2
    assert mlebench("fetch", "ready", "--dry-run").code == 0


def test_lasting_fault(mlebench: Any, add: Callable[..., bytes], stand_in: StandIn) -> None:
    add("ready")
    stand_in.faults[GET_COMPETITION] = [Fault(status=500)] * 9
    done = mlebench("fetch", "ready")
    assert done.code == 1
    assert "ready: Kaggle answers with an error (500): stand-in says 500" in done.err
    assert len(stand_in.of_kind(GET_COMPETITION)) == 3


def test_what_is_there_needs_no_login(
    mlebench: Any, write_competition: Any, stand_in: StandIn, data_dir: Path, monkeypatch: Any
) -> None:
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    raw = data_dir / "tiny" / "raw"
    raw.mkdir(parents=True)
    (raw / "labelled.csv").write_text("")
    done = mlebench("fetch", "tiny")
    assert done.code == 0 and str(raw) in done.err.replace("\n", "")
    assert _row(done.err, "tiny")[-1] == "have"
    shutil.rmtree(raw)
    write_competition(lambda facts: facts["source"].update(kind="builtin"), raw_py=BUILDER)
    assert _row(mlebench("fetch", "tiny", "--dry-run").out, "tiny")[-1] == "build"
    assert not raw.exists()
    assert mlebench("fetch", "tiny").code == 0
    assert (raw / "labelled.csv").is_file()
    assert stand_in.requests == []


def test_empty_raw_folder_is_no_data(
    mlebench: Any, add: Callable[..., bytes], data_dir: Path
) -> None:
    add("ready")
    (data_dir / "ready" / "raw").mkdir(parents=True)
    assert mlebench("fetch", "ready").code == 0
    assert (data_dir / "ready" / "raw" / "ready.zip").is_file()


def test_jobs_must_be_positive(mlebench: Any, add: Callable[..., bytes]) -> None:
    add("ready")
    done = mlebench("fetch", "ready", "--jobs", "0")
    assert done.code == 1 and "--jobs must be at least 1" in done.err
