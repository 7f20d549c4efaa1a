"""Runs that are killed leave nothing half-made; runs at the same time agree on one result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlebench_data.prepare import prepare
from mlebench_data.prepare.build import fetch_raw

# Says that it has come this far, then waits until it may go on.
WAIT = """
import time
from pathlib import Path


def wait():
    here = Path(__file__).parent
    (here / "reached").touch()
    while not (here / "go").exists():
        time.sleep(0.01)
"""
STOP_IN_RECIPE = f"""{WAIT}

def stop(context):
    context.target("public/half").write_text("half")
    wait()
    context.target("public/other").write_text("other")
"""
STOP_IN_RAW = f"""{WAIT}

def build_raw(folder):
    (folder / "labelled.csv").write_text("id,x,label")
    wait()
    rows = "".join(f"\\nr{{n}},{{n}},0" for n in range(20))
    (folder / "labelled.csv").write_text("id,x,label" + rows)
"""


def _with_stop(facts: dict[str, Any]) -> None:
    block = facts["versions"]["v1"]
    block["recipe"].append(
        {"op": "call_function", "function": "stop", "paths": ["public/half", "public/other"]}
    )
    block["outputs"]["public"] += ["half", "other"]


def _builtin(facts: dict[str, Any]) -> None:
    facts["source"]["kind"] = "builtin"


@pytest.fixture(params=["recipe", "raw"])
def stopping(request: pytest.FixtureRequest, write_competition: Any, raw: Path) -> Any:
    """A competition that stops in its recipe or while it builds raw data, and its raw folder."""
    if request.param == "recipe":
        return write_competition(_with_stop, prepare_py=STOP_IN_RECIPE), raw
    return write_competition(_builtin, raw_py=STOP_IN_RAW), raw / "none"


def _entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def test_killed_run_leaves_nothing_that_counts(
    stopping: Any, data_dir: Path, start_preparing: Any, wait_for: Any
) -> None:
    competition, raw = stopping
    process = start_preparing(competition, raw)
    wait_for(competition.folder / "reached")
    process.kill()
    assert process.wait() == -9
    left = _entries(data_dir / "tiny")
    assert [name for name in left if ".partial-" not in name] == []
    assert len(left) == 1

    (competition.folder / "go").touch()
    named = raw if raw.is_dir() else None
    result = prepare(competition, data_dir=data_dir, raw=named, skip_lock=True)
    assert result.status == "prepared"
    assert _entries(data_dir / "tiny") == (["v1"] if named else ["raw", "v1"])
    assert result.manifest.differences(result.folder, full=True) == []


def test_run_killed_while_it_prepares_again_keeps_what_was_there(
    write_competition: Any,
    raw: Path,
    data_dir: Path,
    start_preparing: Any,
    wait_for: Any,
    files_in: Any,
) -> None:
    competition = write_competition(_with_stop, prepare_py=STOP_IN_RECIPE)
    go = competition.folder / "go"
    go.touch()
    folder = prepare(competition, data_dir=data_dir, raw=raw).folder
    before = files_in(folder)
    go.unlink()
    (competition.folder / "reached").unlink()

    process = start_preparing(competition, raw, "--force")
    wait_for(competition.folder / "reached")
    assert files_in(folder) == before
    process.kill()
    process.wait()
    assert files_in(folder) == before
    assert prepare(competition, data_dir=data_dir, raw=raw).status == "unchanged"
    assert _entries(data_dir / "tiny") == ["v1"]


def test_two_runs_at_once_agree(
    stopping: Any, data_dir: Path, start_preparing: Any, wait_for: Any
) -> None:
    competition, raw = stopping
    first = start_preparing(competition, raw)
    wait_for(competition.folder / "reached")
    second = start_preparing(competition, raw)
    (competition.folder / "go").touch()
    outputs = sorted(process.communicate()[0].strip() for process in (first, second))
    assert [first.returncode, second.returncode] == [0, 0]
    # The second one waits for the first, and then finds its result.
    assert outputs == ["prepared", "unchanged"]
    assert _entries(data_dir / "tiny") == (["v1"] if raw.is_dir() else ["raw", "v1"])


def test_fetching_waits_for_a_preparation_that_builds(
    write_competition: Any, raw: Path, data_dir: Path, start_preparing: Any, wait_for: Any
) -> None:
    competition = write_competition(_builtin, raw_py=STOP_IN_RAW)
    process = start_preparing(competition, raw / "none")
    wait_for(competition.folder / "reached")
    (competition.folder / "go").touch()
    folder = fetch_raw(competition, data_dir)
    assert (folder / "labelled.csv").read_text().count("\n") == 20
    process.communicate()
    assert process.returncode == 0


@pytest.mark.parametrize(
    "name", [".v1.partial-1", ".raw.partial-999999999", ".v2.partial-x-replaced"]
)
def test_leftovers_are_removed_whoever_left_them(
    name: str, tiny: Any, raw: Path, data_dir: Path
) -> None:
    # A number of a killed process may long belong to another one, or come from another machine.
    leftover = data_dir / "tiny" / name / "public"
    leftover.mkdir(parents=True)
    (leftover / "half").touch()
    prepare(tiny, data_dir=data_dir, raw=raw)
    assert _entries(data_dir / "tiny") == ["v1"]
