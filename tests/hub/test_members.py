"""Archives are told apart in one place, and read the same by all who read them."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from mlebench_data.errors import RawDataError
from mlebench_data.hub.errors import PackError
from mlebench_data.hub.members import open_in_place, open_members
from mlebench_data.raw.archives import kind_of, open_archive

FILES = {"a/one.txt": b"1" * 100, "two": b""}


def write(path: Path) -> Path:
    """Write an archive of the kind that its name tells."""
    kind = kind_of(path.name)
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in FILES.items():
                archive.writestr(name, content)
        return path
    source = path.parent / "source"
    for name, content in FILES.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
    if kind == "7z":
        py7zr = pytest.importorskip("py7zr")
        with py7zr.SevenZipFile(path, "w") as archive:
            for name in FILES:
                archive.write(source / name, name)
        return path
    compression = path.suffix.lower().lstrip(".").replace("tgz", "gz").replace("tar", "")
    with tarfile.open(path, f"w:{compression}") as archive:  # type: ignore[call-overload]
        for name in FILES:
            archive.add(source / name, name)
    return path


@pytest.mark.parametrize(
    ("name", "stays_in_place"),
    [
        ("a.zip", True),
        ("A.ZIP", True),
        ("a.b.tar", True),
        ("a.tar.gz", False),
        ("a.tgz", False),
        ("a.tar.bz2", False),
        ("a.tar.xz", False),
        ("a.7z", False),
    ],
)
def test_readers_agree(tmp_path: Path, name: str, stays_in_place: bool) -> None:
    path = write(tmp_path / name)
    archive = open_archive(path, tmp_path / "scratch-1")
    members = open_members(path, tmp_path / "scratch-2")
    for member, content in FILES.items():
        stream = archive.open(member)
        found = members.find(member)
        assert stream is not None and found is not None
        with stream:
            assert stream.read() == content == found.read()
    assert sorted(archive.names()) == sorted(members.names()) == sorted(FILES)
    assert (open_in_place(path) is not None) == stays_in_place
    archive.close()
    members.close()


@pytest.mark.parametrize("name", ["a.rar", "a.tar.zst", "a.gz", "zip", "a.tar.d"])
def test_no_reader_takes_another_kind(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"")
    assert kind_of(name) is None and open_in_place(path) is None
    with pytest.raises(RawDataError, match="unknown kind"):
        open_archive(path, tmp_path / "scratch")
    with pytest.raises(PackError, match="no archive that can be read"):
        open_members(path, tmp_path / "scratch")
