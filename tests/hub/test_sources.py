"""Where repositories come from: what a text names, what is in force, and what goes wrong."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cats_and_dogs import MARKER, SECRET_PATH

from mlebench_data.errors import (
    DataNotFoundError,
    IntegrityError,
    MissingExtraError,
    SourceError,
    UnreachableError,
)
from mlebench_data.hub import filesystem_source, load_private, read_private_files
from mlebench_data.hub.filesystem_source import FilesystemSnapshot
from mlebench_data.hub.keys import MasterKey
from mlebench_data.hub.origin import Origin, without_secrets
from mlebench_data.hub.repository import commit_of
from mlebench_data.hub.sources import (
    FilesystemSource,
    FolderSource,
    HubSource,
    default_source,
    open_source,
    private_repository,
)


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    monkeypatch.setenv("MLEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delitem(sys.modules, "mlebench_data.hub.endpoint.connection", raising=False)


@pytest.fixture
def repositories(repository: Path, tmp_path: Path) -> Path:
    (tmp_path / "repositories").mkdir()
    return repository.rename(tmp_path / "repositories" / "cats").parent


@pytest.fixture
def remote(repositories: Path) -> Iterator[str]:
    import fsspec

    filesystem = fsspec.filesystem("memory")
    filesystem.put(str(repositories), "/sources", recursive=True)
    yield "memory://sources"
    filesystem.rm("/sources", recursive=True)


HUB = "https://huggingface.co"


@pytest.mark.parametrize(
    ("text", "source", "address"),
    [
        ("some/folder", FolderSource(Path("some/folder")), "some/folder/cats"),
        ("file:///some/folder", FolderSource(Path("/some/folder")), "/some/folder/cats"),
        ("memory://a/b/", FilesystemSource("memory://a/b/"), "memory://a/b/cats"),
        ("hf://datasets/org", HubSource(HUB, "org"), f"{HUB}/datasets/org/cats"),
        ("hf://datasets", HubSource(HUB, "mlebench"), f"{HUB}/datasets/mlebench/cats"),
        ("http://h:1", HubSource("http://h:1"), "http://h:1/datasets/mlebench/cats"),
        ("https://h/org/", HubSource("https://h", "org"), "https://h/datasets/org/cats"),
        ("https://h/datasets/o", HubSource("https://h", "o"), "https://h/datasets/o/cats"),
    ],
)
def test_what_a_text_names(text: str, source: object, address: str) -> None:
    assert open_source(text) == source
    assert open_source(text).address("cats") == address


@pytest.mark.parametrize("text", ["", " ", "hf://spaces/org", "hf://datasets/o/r", "https://h/o/r"])
def test_what_names_nothing(text: str) -> None:
    with pytest.raises(SourceError):
        open_source(text)


def test_kinds_of_addresses_that_there_are_not() -> None:
    with pytest.raises(SourceError, match="nix://x/cats cannot be opened"):
        open_source("nix://x").open("cats", "v1")


def test_library_of_an_address_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    # No such library is installed by the tests, whichever others are.
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(MissingExtraError, match="gcsfs"):
        open_source("gs://bucket/folder").open("cats", "v1")


def test_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert default_source() == (f"{HUB}/mlebench", "nothing else is set")
    monkeypatch.setenv("HF_ENDPOINT", "http://here:8000/")
    assert default_source()[0] == "http://here:8000/mlebench"
    assert open_source("hf://datasets/o") == HubSource("http://here:8000", "o")
    connection = SimpleNamespace(connected=lambda: SimpleNamespace(folder=tmp_path))
    monkeypatch.setitem(sys.modules, "mlebench_data.hub.endpoint.connection", connection)
    assert open_source() == FolderSource(tmp_path)
    monkeypatch.setenv("MLEBENCH_SOURCE", "memory://x")
    assert open_source() == FilesystemSource("memory://x")
    assert open_source("named") == FolderSource(Path("named"))


def test_connected_folder(repositories: Path) -> None:
    import mlebench_data

    mlebench_data.connect(repositories)
    try:
        assert open_source() == FolderSource(repositories.resolve())
    finally:
        mlebench_data.disconnect()
    assert default_source()[1] == "nothing else is set"


@pytest.mark.parametrize("kind", ["folder", "one", "file", "memory", "memory one"])
@pytest.mark.parametrize("private", [False, True])
def test_fetch(kind: str, private: bool, repositories: Path, remote: str, tmp_path: Path) -> None:
    text = {
        "folder": str(repositories),
        "one": str(repositories / "cats"),
        "file": f"file://{repositories}",
        "memory": remote,
        "memory one": f"{remote}/cats",
    }[kind]
    source = open_source(text)
    assert source.has("cats")
    assert source.has("dogs") is ("one" in kind)
    fetched = source.fetch("cats", "v1", tmp_path / "target", private=private)
    assert fetched.revision == "v1"
    assert fetched.commit == commit_of(repositories / "cats")
    if "memory" not in kind:
        assert fetched.folder == repositories / "cats"
        return
    assert fetched.folder == tmp_path / "target"
    expected = {
        path.relative_to(repositories / "cats"): path.read_bytes()
        for path in (repositories / "cats").rglob("*")
        if path.is_file() and (private or "private" not in path.parts)
    }
    found = {
        path.relative_to(fetched.folder): path.read_bytes()
        for path in fetched.folder.rglob("*")
        if path.is_file()
    }
    assert found == expected


@pytest.mark.parametrize("where", ["folder", "memory"])
def test_competition_that_is_not_there(where: str, repositories: Path, remote: str) -> None:
    source = open_source(repositories if where == "folder" else remote)
    with pytest.raises(DataNotFoundError, match=r"mlebench p(ack|ublish) dogs"):
        source.open("dogs", "v1")


class Broken:
    """A remote file that breaks off."""

    def __init__(self, file: Any, breaks: list[Exception], after: int) -> None:
        self._file = file
        self._breaks = breaks
        self._left = after

    def __enter__(self) -> Broken:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def seek(self, offset: int) -> None:
        self._file.seek(offset)

    def read(self, size: int) -> bytes:
        if self._breaks and self._left <= 0:
            raise self._breaks.pop()
        block = self._file.read(min(size, self._left) if self._breaks else size)
        self._left -= len(block)
        return block


class Breaking:
    """A file system of which some reads break off."""

    def __init__(self, filesystem: Any, breaks: list[Exception], after: int) -> None:
        self._filesystem = filesystem
        self._breaks = breaks
        self._after = after

    def open(self, path: str, mode: str) -> Broken:
        return Broken(self._filesystem.open(path, mode), self._breaks, self._after)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._filesystem, name)


@pytest.mark.parametrize("error", [ConnectionResetError("reset"), RuntimeError("a library's own")])
@pytest.mark.parametrize("after", [0, 7])
def test_transfers_go_on_where_they_broke_off(
    error: Exception,
    after: int,
    remote: str,
    repositories: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(filesystem_source.time, "sleep", waits.append)
    snapshot = open_source(remote).open("cats", "v1")
    assert isinstance(snapshot, FilesystemSnapshot)
    files = [item for item in manifest_of(snapshot) if item.path == "files/public/train.csv"]
    # Without progress the number of tries is limited.
    limited = len(filesystem_source.RETRY_SECONDS)
    breaks = [error] * (limited if after == 0 else 3)
    filesystem = snapshot._filesystem
    snapshot._filesystem = Breaking(filesystem, list(breaks), after)
    snapshot.fetch(files, tmp_path / "target")
    good = (repositories / "cats/files/public/train.csv").read_bytes()
    assert (tmp_path / "target/files/public/train.csv").read_bytes() == good
    assert len(waits) == len(breaks)
    snapshot._filesystem = Breaking(filesystem, [error] * (limited + 1), 0)
    with pytest.raises(SourceError, match=r"cannot be read: .*(reset|own)"):
        snapshot.fetch(files, tmp_path / "other")


def manifest_of(snapshot: FilesystemSnapshot) -> list[Any]:
    from mlebench_data.hub.repository import RepositoryManifest

    return RepositoryManifest.parse(snapshot.read("manifest.json"), "test").contents


@pytest.mark.parametrize("left", [b"", b"id,w", b"wrong", b"x" * 10_000])
def test_what_an_earlier_transfer_left(left: bytes, remote: str, tmp_path: Path) -> None:
    snapshot = open_source(remote).open("cats", "v1")
    assert isinstance(snapshot, FilesystemSnapshot)
    files = [item for item in manifest_of(snapshot) if item.path == "files/public/train.csv"]
    place = tmp_path / "files/public/train.csv"
    place.parent.mkdir(parents=True)
    place.with_name("train.csv.part").write_bytes(left)
    snapshot.fetch(files, tmp_path)
    assert [path.name for path in place.parent.iterdir()] == ["train.csv"]
    place.write_bytes(b"x" * files[0].size)
    snapshot.fetch(files, tmp_path)
    assert place.read_bytes().startswith(b"id,word")


def test_changed_while_it_is_fetched(remote: str, tmp_path: Path) -> None:
    import fsspec

    snapshot = open_source(remote).open("cats", "v1")
    path = "/sources/cats/files/public/train.csv"
    filesystem = fsspec.filesystem("memory")
    filesystem.pipe_file(path, filesystem.cat_file(path)[::-1])
    with pytest.raises(IntegrityError, match=r"memory://sources/cats: .*train\.csv"):
        snapshot.fetch(manifest_of(snapshot), tmp_path)


def test_answers_of_a_remote_repository(
    remote: str,
    key: MasterKey,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("MLEBENCH_SOURCE", remote)
    assert MARKER in set(load_private("cats", key=key)["label"])
    assert SECRET_PATH in read_private_files("mlebench/cats", key, source=remote)
    folder = private_repository(None, "cats", "v1")
    assert folder.is_relative_to(tmp_path / "cache" / "private")
    assert stat.S_IMODE((tmp_path / "cache" / "private").stat().st_mode) == 0o700
    names = {path.relative_to(folder).parts[0] for path in folder.rglob("*") if path.is_file()}
    assert names == {"manifest.json", "private"}
    for path in (tmp_path / "cache").rglob("*"):
        assert not path.is_file() or MARKER.encode() not in path.read_bytes()
    # What was harmed in the cache is fetched again.
    for path in folder.glob("private/*.parquet"):
        path.write_bytes(b"x")
    assert MARKER in set(load_private("cats", key=key)["label"])
    with pytest.raises(DataNotFoundError, match="holds cats v1, not cats v2"):
        private_repository(remote, "cats", "v2")

    def fail(error: SourceError) -> None:
        def raise_it(*_: object) -> None:
            raise error

        monkeypatch.setattr(FilesystemSource, "open", raise_it)

    # What was fetched is enough for a version, which does not change; not for whatever is newest.
    fail(UnreachableError("The place is away."))
    assert private_repository(remote, "cats", "v1") == folder
    assert "The place is away. The answers that were fetched" in caplog.text
    with pytest.raises(UnreachableError, match="away"):
        private_repository(remote, "cats")
    # A place that answers, and refuses, is not passed over.
    fail(SourceError("The token is refused."))
    with pytest.raises(SourceError, match="refused"):
        private_repository(remote, "cats", "v1")


def test_records_name_no_folders_and_no_secrets() -> None:
    assert without_secrets("https://me:pw@host:1/a?token=x#y") == "https://host:1/a"
    assert without_secrets("some/folder") == "some/folder"
    record = Origin("/home/me/repositories/cats", "v1", None, "0" * 64).to_record()
    assert record == {
        "source": "folder",
        "revision": "v1",
        "commit": None,
        "manifest_sha256": "0" * 64,
    }
    assert Origin("s3://b/cats", "v1", None, "").to_record()["source"] == "s3://b/cats"
