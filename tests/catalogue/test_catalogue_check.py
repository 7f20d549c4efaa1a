"""`check_catalogue` finds what the schema of one file cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlebench_data.catalogue import Competition, check
from mlebench_data.errors import CatalogueError

check_catalogue = check.check_catalogue


def _leaderboard(facts: dict[str, Any]) -> None:
    facts["leaderboard"] = {"teams": 3, "gold": 1, "silver": 2, "bronze": 3, "median": 4}


def _metric(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda facts: facts["versions"]["v1"]["metric"].update(values)


def _call(facts: dict[str, Any]) -> None:
    facts["versions"]["v1"]["recipe"].append({"op": "call_function", "function": "f"})


def test_valid_folder(tiny: Competition) -> None:
    assert check_catalogue(tiny.folder.parent) == (1, [])


@pytest.mark.parametrize(
    ("change", "files", "expected"),
    [
        (_metric(name="rsme"), {}, "v1.metric.name: no such metric; found 'rsme', known: "),
        (_metric(higher_is_better=True), {}, "v1.metric.higher_is_better: contradicts the card"),
        (_leaderboard, {}, "leaderboard: the key and a file leaderboard.csv go together"),
        (lambda facts: None, {"leaderboard_csv": "a"}, "leaderboard: the key and a file"),
        (lambda facts: None, {"raw_py": ""}, "source.kind: 'builtin' and a file raw.py"),
        (
            lambda facts: facts["source"].update(kind="builtin"),
            {},
            "source.kind: 'builtin' and a file raw.py",
        ),
        (_call, {}, "versions.v1.recipe: call_function needs a prepare.py"),
        (lambda facts: None, {"README_md": "Hello"}, "README.md: must begin with a heading"),
    ],
)
def test_problem(change: Any, files: dict[str, str], expected: str, write_competition: Any) -> None:
    competition = write_competition(change, **files)
    count, (problem,) = check_catalogue(competition.folder.parent)
    assert count == 1
    assert expected in problem
    assert str(competition.folder) in problem


def test_problems_of_one_competition_do_not_hide_those_of_others(tiny: Competition) -> None:
    folder = tiny.folder.parent
    (tiny.folder / "README.md").unlink()
    (folder / "broken").mkdir()
    (folder / "broken" / "competition.yaml").write_text("id: broken\n")
    count, problems = check_catalogue(folder)
    assert count == 2
    assert [line for line in problems if "broken" in line and "breaks the schema" in line]
    assert [line for line in problems if line.endswith("description that agents read")]


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="There is no folder"):
        check_catalogue(tmp_path / "nowhere")


def test_splits_and_locks_of_the_package(
    tiny: Competition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = tmp_path / "splits"
    for path, text in {
        "some.txt": "tiny\nother\n",
        "locks/v1/tiny.json": "{}",
        "locks/v2/tiny.json": "{}",
        "locks/v1/gone.json": "{}",
        "locks/v1/broken.json": "{",
    }.items():
        (splits / path).parent.mkdir(parents=True, exist_ok=True)
        (splits / path).write_text(text)
    monkeypatch.setattr(check, "competition_ids", lambda folder: ["tiny"])
    monkeypatch.setattr(check, "default_folder", lambda: tiny.folder.parent)
    monkeypatch.setattr(check, "splits_folder", lambda: splits)
    monkeypatch.setattr(check, "split_names", lambda: ["some"])
    monkeypatch.setattr(check, "load_split", lambda name: ["tiny", "other"])

    count, problems = check_catalogue()
    assert count == 1
    assert [
        line.removeprefix(f"{splits}/").partition(": no valid JSON: ")[0] for line in problems
    ] == [
        "some.txt: no competition 'other'",
        "locks/v1/broken.json: there is no competition 'broken'",
        "locks/v1/broken.json",
        "locks/v1/gone.json: there is no competition 'gone'",
        "locks/v2/tiny.json: the competition has no version v2",
    ]


def test_the_package_has_no_problems() -> None:
    count, problems = check_catalogue()
    assert count > 0
    assert problems == []
