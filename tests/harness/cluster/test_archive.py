"""Folders packed on one machine and unpacked on another, where neither trusts what is in them."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import socket
import stat
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlebench_data.errors import IntegrityError
from mlebench_data.harness import state
from mlebench_data.harness.cluster import archive
from mlebench_data.harness.cluster.archive import MAX_DEPTH, pack, unpack
from mlebench_data.harness.cluster.node import unsafe_files
from mlebench_data.harness.collect import UnsafeSubmissionError, find_submission


def tree(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return everything in a folder, by path."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        mode = stat.S_IMODE(status.st_mode)
        name = os.fsdecode(os.fsencode(path.relative_to(folder)))
        if path.is_symlink():
            found[name] = ("link", str(path.readlink()))
        elif path.is_file():
            found[name] = ("file", mode, path.read_bytes(), int(status.st_mtime))
        else:
            found[name] = (stat.S_IFMT(status.st_mode),)
    return found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


def carried(source: Path, target: Path, **options: object) -> list[str]:
    """Pack and unpack; return what was left out."""
    left_out: list[str] = []
    chunks = list(pack(source, left_out, **options))  # type: ignore[arg-type]
    assert all(len(chunk) <= archive.CHUNK_BYTES + 2 * tarfile.BLOCKSIZE for chunk in chunks)
    unpack(chunks, target)
    return left_out


def test_everything_arrives_as_it_was(source: Path, tmp_path: Path):
    (source / "empty").mkdir()
    (source / "code" / "a").mkdir(parents=True)
    (source / "code" / "a" / "large").write_bytes(os.urandom(archive.CHUNK_BYTES * 2 + 12345))
    (source / "code" / "script").write_bytes(b"#!/bin/sh\n")
    (source / "code" / "script").chmod(0o755)
    (source / "code" / ("long" * 50)).write_bytes(b"")
    (source / os.fsdecode(b"not \xff utf-8\n")).write_bytes(b"x" * 512)
    (source / "link").symlink_to("/etc/passwd")
    (source / "code" / "up").symlink_to("../..")
    os.mkfifo(source / "pipe")
    os.utime(source / "code" / "script", (1, 1_000_000))
    target = tmp_path / "target"
    assert carried(source, target) == []
    assert tree(target) == tree(source)


@settings(max_examples=30, deadline=None)
@given(
    files=st.dictionaries(
        st.text(
            st.characters(exclude_categories=["Cs"], exclude_characters="/\0"),
            min_size=1,
            max_size=40,
        ).filter(lambda name: name not in (".", "..") and len(name.encode()) < 200),
        st.binary(max_size=2000),
        max_size=8,
    )
)
def test_any_names_and_contents(files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("any")
    (folder / "source").mkdir()
    for name, content in files.items():
        (folder / "source" / name).write_bytes(content)
    assert carried(folder / "source", folder / "target") == []
    assert tree(folder / "target") == tree(folder / "source")


def test_rights_that_are_not_carried(source: Path, tmp_path: Path):
    (source / "program").write_bytes(b"")
    (source / "program").chmod(0o4755)
    (source / "closed").mkdir()
    (source / "closed" / "file").write_bytes(b"kept")
    (source / "closed").chmod(0)
    target = tmp_path / "target"
    assert carried(source, target) == []
    assert stat.S_IMODE((target / "program").stat().st_mode) == 0o755
    assert (target / "closed" / "file").read_bytes() == b"kept"


def test_what_is_left_out_is_told(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    deep = source
    for _ in range(MAX_DEPTH + 5):
        deep /= "d"
        deep.mkdir()
    (deep / "file").write_bytes(b"")
    (source / "huge").write_bytes(b"")
    os.truncate(source / "huge", 10**12)
    (source / "zz").write_bytes(b"small")
    (source / "skipped").write_bytes(b"")
    monkeypatch.chdir(source)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        left_out = carried(source, tmp_path / "target", skip=["skipped"], max_bytes=1000)
    assert len(left_out) == 2, "nobody misses a socket"
    assert any(line.startswith("huge: 1,000,000,000,000 bytes") for line in left_out)
    assert any("too deep" in line for line in left_out)
    assert (tmp_path / "target" / "zz").read_bytes() == b"small"
    assert not (tmp_path / "target" / "skipped").exists()


def test_too_many_files(source: Path, tmp_path: Path):
    for number in range(20):
        (source / f"{number:02}").write_bytes(b"")
    left_out = carried(source, tmp_path / "target", max_entries=5)
    assert left_out == ["05 and whatever follows: more than 5 files"]
    assert len(list((tmp_path / "target").iterdir())) == 5


def make_large(path: Path) -> None:
    path.write_bytes(b"id")
    os.truncate(path, 5 * 1024**3)


def make_sparse(path: Path) -> None:
    with path.open("wb") as stream:
        stream.seek(1024**2)
        stream.write(b"end")


def make_link(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def make_hard_link(path: Path) -> None:
    other = path.parent.parent.parent / "answers"
    other.write_bytes(b"id,label\n")
    os.link(other, path)


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_closed(path: Path) -> None:
    path.write_bytes(b"id")
    path.chmod(0)


@pytest.mark.parametrize(
    "make", [make_large, make_sparse, make_link, make_hard_link, make_pipe, make_closed]
)
def test_unsafe_submissions_are_refused_on_the_other_side_too(
    make: Callable[[Path], None], source: Path, tmp_path: Path
):
    (source / "submission").mkdir()
    make(source / "submission" / "submission.csv")
    with pytest.raises(UnsafeSubmissionError) as before:
        find_submission(source / "submission")
    target = tmp_path / "target"
    assert carried(source, target, hollow=unsafe_files(source)) == []
    with pytest.raises(UnsafeSubmissionError) as after:
        find_submission(target / "submission")
    if make is not make_hard_link:
        assert str(after.value) == str(before.value)
    assert (target / "submission" / "submission.csv").lstat().st_blocks < 100, "not carried"


def built(*members: tarfile.TarInfo, content: bytes = b"x") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(mode="w", fileobj=stream) as tar:
        for member in members:
            if member.isreg():
                member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, 0o6777
    return info


@pytest.mark.parametrize(
    "members",
    [
        [member("/etc/evil")],
        [member("../evil")],
        [member("a", tarfile.DIRTYPE), member("a/../../evil")],
        [member("./evil")],
        [member("")],
        [member("nowhere/evil")],
        [member("a", tarfile.SYMTYPE, ".."), member("a/evil")],
        [member("a", tarfile.SYMTYPE, "../evil"), member("a")],
        [member("a"), member("a")],
        [member("a", tarfile.DIRTYPE), member("a", tarfile.SYMTYPE, "/")],
        [member("a"), member("b", tarfile.LNKTYPE, "a")],
        [member("b", tarfile.LNKTYPE, "/etc/passwd")],
        [member("device", tarfile.CHRTYPE)],
        [member("device", tarfile.BLKTYPE)],
        [member("state.json")],
        [member("earlier", tarfile.DIRTYPE)],
    ],
    ids=lambda members: " ".join(
        f"{item.name or '(none)'}:{item.type.decode()}" for item in members
    ),
)
def test_archives_that_nobody_packed(members: list[tarfile.TarInfo], tmp_path: Path):
    folder = tmp_path / "within" / "target"
    folder.parent.mkdir()
    with pytest.raises(IntegrityError):
        unpack([built(*members)], folder, reserved=("state.json", "earlier"))
    names = {path.name for path in tmp_path.rglob("*")}
    assert names <= {"within", "target", "a"}
    assert not (tmp_path / "evil").exists()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_archives(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("damaged")
    whole = bytearray(
        built(member("a", tarfile.DIRTYPE), member("a/b"), member("c"), content=b"y" * 700)
    )
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    # Refused or not, there is no other exception, and nothing elsewhere.
    with contextlib.suppress(IntegrityError):
        unpack([bytes(whole[:cut])], folder / "target")
    assert set(folder.iterdir()) <= {folder / "target"}


@pytest.mark.parametrize(
    ("name", "headers", "mtime"),
    [
        ("n" * 300, {}, 0),
        ("huge", {"MLEBENCH.hollow": str(2**80)}, 0),
        ("negative", {"MLEBENCH.hollow": "-1"}, 0),
        ("odd", {"MLEBENCH.hollow": "many"}, 0),
        ("late", {}, 10**30),
    ],
    ids=lambda item: str(item)[:8],
)
def test_forged_headers(name: str, headers: dict[str, str], mtime: int, tmp_path: Path):
    forged = member(name)
    forged.pax_headers, forged.mtime = headers, mtime
    with pytest.raises(IntegrityError):
        unpack([built(forged)], tmp_path / "target")


def test_archive_that_ends_too_early(source: Path, tmp_path: Path):
    (source / "file").write_bytes(os.urandom(100_000))
    whole = b"".join(pack(source, []))
    with pytest.raises(IntegrityError, match="cut off"):
        unpack([whole[:50_000]], tmp_path / "target")


def test_archive_that_is_too_large(tmp_path: Path):
    with pytest.raises(IntegrityError, match="more than 10 bytes"):
        unpack([built(member("a"), content=b"x" * 11)], tmp_path / "target", max_bytes=10)


def test_full_disk_is_waited_for(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (source / "file").write_bytes(b"content")
    chunks = list(pack(source, []))
    monkeypatch.setattr(state, "_FULL_DISK_PAUSE", 0.0)
    refusals = iter([errno.ENOSPC, errno.EDQUOT])
    write = os.write

    def full(handle: int, data: bytes) -> int:
        for number in refusals:
            raise OSError(number, os.strerror(number))
        return write(handle, data)

    monkeypatch.setattr(archive.os, "write", full)
    told: list[str] = []
    unpack(chunks, tmp_path / "target", cancelled=threading.Event(), tell=told.append)
    assert (tmp_path / "target" / "file").read_bytes() == b"content"
    assert len(told) == 1 and "disk is full" in told[0]
