"""Tables in archives, and lists of rows inside a JSON object."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mlebench_data.hub import PackError
from mlebench_data.hub.table import merge_types
from mlebench_data.hub.tables import open_table


def _rows(path: Path, key: str | None = None) -> list[dict[str, Any]]:
    table = open_table(path, key)
    types = merge_types(table)
    return [row for batch, _ in table.batches(types) for row in batch.to_pylist()]


def test_csv_in_zip(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("t.csv", "id,x\n1,a\n2,b\n")
    assert _rows(path) == [{"id": 1, "x": "a"}, {"id": 2, "x": "b"}]


def test_json_in_seven_zip(tmp_path: Path) -> None:
    py7zr = pytest.importorskip("py7zr")
    path = tmp_path / "t.json.7z"
    with py7zr.SevenZipFile(path, "w") as archive:
        archive.writestr(json.dumps({"rows": [{"id": "a"}]}), "t.json")
    assert _rows(path, "rows") == [{"id": "a"}]


@pytest.mark.parametrize("members", [{}, {"a.csv": "x\n1\n", "b.csv": "x\n1\n"}])
def test_archive_of_other_than_one_file(tmp_path: Path, members: dict[str, str]) -> None:
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    with pytest.raises(
        PackError, match=f"must hold one file to be a table, but holds {len(members)}"
    ):
        open_table(path)


@pytest.mark.parametrize("content", ["[]", "{}", '{"rows": {}}', '{"rows": [1]}'])
def test_json_without_such_a_list(tmp_path: Path, content: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(content)
    with pytest.raises(PackError, match="under 'rows' is no JSON array of objects"):
        open_table(path, "rows")
