"""Removal of what agents leave, by root and by an ordinary account."""

from __future__ import annotations

import os
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlebench_data.harness.remove_tree import remove_tree

ORDINARY = 12345


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every account reaches."""
    folder = Path(tempfile.mkdtemp(prefix="mlebench-remove-"))
    folder.chmod(0o777)
    yield folder
    remove_tree(folder)


def as_ordinary_account(action: Callable[[], None]) -> None:
    """Run an action in a child process that is not root."""
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(ORDINARY)
                os.setuid(ORDINARY)
            action()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert status == 0


def litter(tree: Path) -> None:
    """Leave what makes removal hard; the depth passes Python's recursion and the longest path."""
    (tree / "closed" / "closed").mkdir(parents=True)
    (tree / "closed" / "closed" / "file").touch(mode=0)
    (tree / "closed" / "closed").chmod(0)
    (tree / "closed").chmod(0)
    (tree / "read-only" / "folder").mkdir(parents=True)
    (tree / "read-only" / "folder").chmod(0o500)
    (tree / "read-only").chmod(0o500)
    os.mkfifo(tree / "pipe")
    for name in (b"\xff", b"a\nb", b"-rf", b" "):
        (tree / os.fsdecode(name)).touch()
    here = os.open(".", os.O_RDONLY)
    os.chdir(tree)
    for _ in range(2000):
        os.mkdir("deep")  # noqa: PTH102 - the absolute path is too long for the system
        os.chdir("deep")
    os.fchdir(here)
    os.close(here)
    tree.chmod(0)


@pytest.mark.parametrize("account", ["own", "ordinary"])
def test_all_that_agents_leave(place: Path, account: str):
    def leave_and_remove() -> None:
        (place / "tree").mkdir()
        litter(place / "tree")
        remove_tree(place / "tree")

    (leave_and_remove if account == "own" else lambda: as_ordinary_account(leave_and_remove))()
    assert list(place.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of another account")
def test_what_belongs_to_another_account_is_an_error(place: Path):
    (place / "tree").mkdir(mode=0o755)

    def remove() -> None:
        with pytest.raises(PermissionError):
            remove_tree(place / "tree")

    as_ordinary_account(remove)
    assert (place / "tree").is_dir()


@pytest.mark.parametrize("kind", ["inside", "itself"])
def test_links_are_not_followed(tmp_path: Path, kind: str):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    mode = outside.stat().st_mode
    tree = tmp_path / "tree"
    if kind == "inside":
        (tree / "folder").mkdir(parents=True)
        (tree / "link").symlink_to(outside)
        (tree / "folder" / "link").symlink_to(outside)
    else:
        tree.symlink_to(outside)
    remove_tree(tree)
    assert not tree.is_symlink() and not tree.exists()
    assert (outside / "file").exists() and outside.stat().st_mode == mode


def test_nothing_there(tmp_path: Path):
    remove_tree(tmp_path / "nothing")


NAMES = st.sampled_from(["a", "b", "removed-0", "removed-", ".x"])


@settings(max_examples=30, deadline=None)
@given(paths=st.lists(st.lists(NAMES, min_size=1, max_size=6), max_size=12))
def test_any_tree(paths: list[list[str]]):
    root = Path(tempfile.mkdtemp(prefix="mlebench-remove-"))
    try:
        for parts in paths:
            root.joinpath("tree", *parts).mkdir(parents=True, exist_ok=True)
        remove_tree(root / "tree")
        assert list(root.iterdir()) == []
    finally:
        shutil.rmtree(root)
