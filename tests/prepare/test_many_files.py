"""Files described while they are placed, by one process or several, are described as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlebench_data.errors import RawDataError
from mlebench_data.prepare import prepare
from mlebench_data.prepare.manifest import Manifest

# Few files are placed by one process, many by several.
COUNTS = [5, 700]

CHANGE = """
def change(context):
    folder = context.output / "public" / "files"
    replaced = folder / "0.bin"
    replaced.unlink()
    replaced.write_bytes(b"other")
    (folder / "1.bin").unlink()
    (folder / "2.bin").rename(folder / "3.bin")
    folder.joinpath("new.bin").write_bytes(b"new")
"""


@pytest.fixture
def fill(raw: Path) -> Callable[[int], None]:
    """Add many files to the raw data."""

    def make(count: int) -> None:
        (raw / "files").mkdir()
        for number in range(count):
            (raw / "files" / f"{number}.bin").write_bytes(bytes([number % 251]) * number)

    return make


def _with_files(facts: dict[str, Any]) -> None:
    block = facts["versions"]["v1"]
    block["recipe"] += [
        {"op": "copy_folder", "source": "files", "path": "public/files"},
        {"op": "copy_folder", "source": "files", "path": "private/files"},
    ]
    block["outputs"]["public"].append("files/*")
    block["outputs"]["private"].append("files/*")


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("link", [True, False])
def test_manifest_is_that_of_the_tree(
    write_competition: Any, raw: Path, data_dir: Path, fill: Any, count: int, link: bool
) -> None:
    fill(count)
    counted = []
    result = prepare(
        write_competition(_with_files),
        data_dir=data_dir,
        raw=raw,
        link=link,
        advance=counted.append,
    )
    again = Manifest.of_tree(
        result.folder,
        competition="tiny",
        version="v1",
        recipe_sha256=result.manifest.recipe_sha256,
        rows={entry.path: entry.rows for entry in result.manifest.files if entry.rows is not None},
    )
    assert again == result.manifest == Manifest.read(result.folder)
    assert result.manifest.differences(result.folder, full=True) == []
    assert sum(counted) == 2 * count + 4
    for number in range(count):
        source = raw / "files" / f"{number}.bin"
        assert (result.folder / "public/files" / source.name).samefile(source) == link
        assert not (result.folder / "private/files" / source.name).samefile(source)


@pytest.mark.parametrize("count", COUNTS)
def test_code_of_a_competition_may_change_what_was_copied(
    write_competition: Any, raw: Path, data_dir: Path, fill: Any, count: int
) -> None:
    def with_change(facts: dict[str, Any]) -> None:
        _with_files(facts)
        facts["versions"]["v1"]["recipe"].append({"op": "call_function", "function": "change"})

    fill(count)
    competition = write_competition(with_change, prepare_py=CHANGE)
    result = prepare(competition, data_dir=data_dir, raw=raw)
    assert result.manifest.differences(result.folder, full=True) == []
    assert (result.folder / "public/files/0.bin").read_bytes() == b"other"
    assert (raw / "files/0.bin").read_bytes() == b""


@pytest.mark.parametrize("count", COUNTS)
def test_missing_file_is_named(
    write_competition: Any, raw: Path, data_dir: Path, fill: Any, count: int
) -> None:
    def by_row(facts: dict[str, Any]) -> None:
        block = facts["versions"]["v1"]
        block["recipe"].append(
            {
                "op": "copy_files",
                "table": "labelled",
                "source": "files/{id}.bin",
                "path": "public/files/{id}.bin",
            }
        )
        block["outputs"]["public"].append("files/*")

    fill(count)
    rows = "".join(f"{number},0,1\n" for number in range(count + 1))
    (raw / "labelled.csv").write_text("id,x,label\n" + rows)
    with pytest.raises(RawDataError, match=rf"'files/{count}\.bin' is missing"):
        prepare(write_competition(by_row), data_dir=data_dir, raw=raw)
    assert sorted(path.name for path in (data_dir / "tiny").iterdir()) == [".lock"]
