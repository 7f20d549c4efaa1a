"""Files are placed unchanged, read-only, and described as they are."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from mlebench_data.workers.placing import FILE_MODE, PRIVATE_MODE, FileFacts, describe, place

CONTENTS = {
    "empty": b"",
    "small": b"\0picture\n" * 100,
    # More than is copied at once, and more than from where cloning is tried.
    "large": bytes(range(256)) * 5000,
}


def _expected(path: Path) -> FileFacts:
    status = path.stat()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    mode = stat.S_IMODE(status.st_mode)
    return FileFacts(status.st_size, digest, mode, status.st_ino, status.st_mtime_ns)


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize("source_mode", [0o644, 0o444, 0o600])
@pytest.mark.parametrize(("link", "mode"), [(True, FILE_MODE), (False, PRIVATE_MODE)])
@pytest.mark.parametrize("by_symbolic_link", [False, True])
def test_file_arrives(
    tmp_path: Path, content: bytes, source_mode: int, link: bool, mode: int, by_symbolic_link: bool
) -> None:
    file, source, target = tmp_path / "file", tmp_path / "source", tmp_path / "target"
    file.write_bytes(content)
    file.chmod(source_mode)
    if by_symbolic_link:
        source.symlink_to("file")
    else:
        source = file
    facts = place(str(source), str(target), link, mode)
    assert target.read_bytes() == content
    assert not target.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == mode
    assert target.samefile(file) == link
    assert facts == _expected(target)
    assert describe(str(target), None) == facts
    if not link:
        assert stat.S_IMODE(file.stat().st_mode) == source_mode


def test_mode_does_not_depend_on_umask(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"x")
    before = os.umask(0o077)
    try:
        facts = place(str(tmp_path / "source"), str(tmp_path / "target"), False, FILE_MODE)
    finally:
        os.umask(before)
    assert facts is not None
    assert facts.mode == stat.S_IMODE((tmp_path / "target").stat().st_mode) == FILE_MODE


@pytest.mark.parametrize("link", [True, False])
@pytest.mark.parametrize("kind", ["nothing", "folder", "pipe", "below a file", "broken link"])
def test_what_is_no_file_is_left_alone(tmp_path: Path, link: bool, kind: str) -> None:
    source = tmp_path / "source"
    if kind == "folder":
        source.mkdir()
    elif kind == "pipe":
        os.mkfifo(source)
    elif kind == "below a file":
        source.touch()
        source /= "file"
    elif kind == "broken link":
        source.symlink_to("nowhere")
    assert place(str(source), str(tmp_path / "target"), link, FILE_MODE) is None
    assert not os.path.lexists(tmp_path / "target")


@pytest.mark.parametrize("link", [True, False])
def test_nothing_is_replaced(tmp_path: Path, link: bool) -> None:
    (tmp_path / "source").write_bytes(b"new")
    (tmp_path / "target").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        place(str(tmp_path / "source"), str(tmp_path / "target"), link, FILE_MODE)
    assert (tmp_path / "target").read_bytes() == b"old"


def test_change_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    os.utime(path, ns=(1, 1))
    facts = describe(str(path), 0o600)
    assert facts.still_hold(path.stat())
    path.write_bytes(b"two")
    assert not facts.still_hold(path.stat())
