"""Split lists are read in their order, comments left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench_data.catalogue import load_split, split_names
from mlebench_data.errors import UnknownNameError


@pytest.fixture
def splits(tmp_path: Path) -> Path:
    (tmp_path / "small.txt").write_text("# the small ones\nb\n\n  a  # first by name\n#c\n")
    (tmp_path / "all.txt").write_text("a\nb\nc")
    (tmp_path / "notes.md").write_text("no split")
    return tmp_path


def test_names_are_sorted(splits: Path) -> None:
    assert split_names(splits) == ["all", "small"]


def test_order_is_kept_and_comments_are_not(splits: Path) -> None:
    assert load_split("small", splits) == ["b", "a"]
    assert load_split("all", splits) == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["smal", "../all", "", "notes"])
def test_unknown_split(name: str, splits: Path) -> None:
    with pytest.raises(UnknownNameError, match=f"There is no split '{name}'"):
        load_split(name, splits)
