"""The cache of restored trees: what is shared, what is fetched, what is noticed."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cats_and_dogs import TRAIN, make_competition, make_prepared, tree_of

from mlebench_data.catalogue import Competition
from mlebench_data.errors import DataNotFoundError, IntegrityError
from mlebench_data.hub import RestoreError, linking, pack, restore_competition
from mlebench_data.hub.cache import MTIME_NS, Cache, default_cache_folder
from mlebench_data.hub.cache_verification import verify
from mlebench_data.hub.filesystem_source import FilesystemSnapshot
from mlebench_data.hub.keys import MasterKey
from mlebench_data.hub.locks import try_lock
from mlebench_data.hub.repository import commit_of, manifest_digest
from mlebench_data.hub.restoring import open_tree

MODES = {"train.csv": 0o444, "test.csv": 0o444, "notes/twice.txt": 0o444, "notes/again.txt": 0o444}
PUBLIC = {"notes/twice.txt": b"the same", "notes/again.txt": b"the same", "empty.txt": b""}


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def prepared(cats: Competition, tmp_path: Path) -> Path:
    """Files of several modes, equal ones, and an empty folder."""
    return make_prepared(
        cats, tmp_path / "prepared", PUBLIC, modes=MODES, empty_folders=("nothing/here",)
    )


@pytest.fixture
def repositories(repository: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "repositories"
    folder.mkdir()
    return repository.rename(folder / "cats").parent


@pytest.fixture
def remote(repositories: Path) -> Iterator[str]:
    """The same repositories in a file system that is not the local one."""
    import fsspec

    filesystem = fsspec.filesystem("memory")
    filesystem.put(str(repositories), "/remote", recursive=True)
    yield "memory://remote"
    filesystem.rm("/remote", recursive=True)


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths that were fetched from a remote file system."""
    paths: list[str] = []
    append = FilesystemSnapshot._append

    def noted(self: FilesystemSnapshot, item, partial, offset):
        paths.append(item.path)
        append(self, item, partial, offset)

    monkeypatch.setattr(FilesystemSnapshot, "_append", noted)
    return paths


def inode(path: Path) -> int:
    return path.stat().st_ino


@pytest.mark.parametrize("kind", ["local", "remote"])
def test_restored_as_prepared(
    kind: str, request: pytest.FixtureRequest, prepared: Path, cache: Cache, tmp_path: Path
) -> None:
    source = request.getfixturevalue("repositories" if kind == "local" else "remote")
    result = restore_competition("cats", "v1", tmp_path / "out", source=source, cache=cache)
    repository = request.getfixturevalue("repositories") / "cats"
    assert tree_of(tmp_path / "out") == tree_of(prepared / "public")
    assert (result.status, result.files, result.size) == (
        "restored",
        len(result.manifest.files),
        result.manifest.size,
    )
    assert result.origin.revision == "v1"
    assert result.origin.commit == commit_of(repository)
    assert result.origin.manifest_sha256 == manifest_digest(repository)
    assert result.origin.source == (str(repository) if kind == "local" else f"{source}/cats")
    again = restore_competition("cats", "v1", tmp_path / "out", source=source, cache=cache)
    assert again.status == "unchanged"
    assert not cache.downloads.exists() or not list(cache.downloads.iterdir())
    assert not list(cache.partial.iterdir())


def test_read_only_files_are_links_and_writable_ones_copies(
    repositories: Path, cache: Cache, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    restore_competition("cats", "v1", out, source=repositories, cache=cache)
    with open_tree("cats", "v1", source=repositories, cache=cache) as tree:
        assert inode(out / "train.csv") == inode(tree.folder / "train.csv")
        assert inode(out / "sample.csv") != inode(tree.folder / "sample.csv")
        # Stored once, though two files have this content.
        assert inode(out / "notes/twice.txt") == inode(out / "notes/again.txt")
    restore_competition(
        "cats", "v1", tmp_path / "copy", source=repositories, cache=cache, link=False
    )
    assert inode(tmp_path / "copy/train.csv") != inode(out / "train.csv")
    assert tree_of(tmp_path / "copy") == tree_of(out)
    # What the user does with a writable file stays the user's.
    (out / "sample.csv").write_text("mine")
    assert not verify(cache).problems


@pytest.mark.parametrize("error", [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP])
def test_where_links_do_not_go(
    error: int,
    repositories: Path,
    prepared: Path,
    cache: Cache,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "link", refuse)
    for name in ("out", "again"):
        restore_competition("cats", "v1", tmp_path / name, source=repositories, cache=cache)
        assert tree_of(tmp_path / name) == tree_of(prepared / "public")


def test_copies_without_copy_file_range(
    repositories: Path,
    prepared: Path,
    cache: Cache,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EXDEV, "other file system")

    monkeypatch.setattr(linking.os, "copy_file_range", refuse)
    out = tmp_path / "out"
    restore_competition("cats", "v1", out, source=repositories, cache=cache, link=False)
    assert tree_of(out) == tree_of(prepared / "public")


def test_nothing_is_fetched_twice(
    remote: str, cats: Competition, cache: Cache, fetched: list[str], tmp_path: Path
) -> None:
    restore_competition("cats", "v1", tmp_path / "a", source=remote, cache=cache)
    first = list(fetched)
    assert first and not any(path.startswith("private") for path in first)
    restore_competition("cats", "v1", tmp_path / "b", source=remote, cache=cache)
    shutil.rmtree(cache.trees)  # the objects make it anew
    restore_competition("cats", "v1", tmp_path / "c", source=remote, cache=cache)
    assert fetched == first
    assert tree_of(tmp_path / "c") == tree_of(tmp_path / "a")


def test_only_what_is_missing_is_fetched(
    remote: str, cache: Cache, fetched: list[str], tmp_path: Path
) -> None:
    with open_tree("cats", "v1", source=remote, cache=cache) as tree:
        entries = {entry.path: entry for entry in tree.manifest().files}
    assert entries["public/train.csv"].stored.path != entries["public/test.csv"].stored.path
    Path(cache.object_path(entries["public/train.csv"])).unlink()
    (tree.folder / "train.csv").unlink()
    fetched.clear()
    restore_competition("cats", "v1", tmp_path / "out", source=remote, cache=cache)
    assert fetched == [entries["public/train.csv"].stored.path]
    assert (tmp_path / "out/train.csv").read_bytes() == TRAIN


def overwrite(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(b"x" * path.stat().st_size)
    path.chmod(0o444)


@pytest.mark.parametrize(
    "harm",
    [
        lambda tree: overwrite(tree / "train.csv"),
        lambda tree: os.truncate(tree / "train.csv", 3),
        lambda tree: (tree / "train.csv").unlink(),
        lambda tree: (tree / "more.txt").touch(),
        lambda tree: (tree / "folder").mkdir(),
        lambda tree: (tree / "nothing/here").rmdir(),
        lambda tree: (tree / "link").symlink_to(tree),
        lambda tree: (tree.parent / "record.json").write_text("{"),
        lambda tree: (tree.parent / "record.json").write_text("[]"),
        lambda tree: (tree.parent / "manifest.json").unlink(),
        lambda tree: shutil.rmtree(tree),
    ],
)
def test_a_harmed_tree_is_made_anew(
    harm: Callable[[Path], None],
    repositories: Path,
    prepared: Path,
    cache: Cache,
    tmp_path: Path,
) -> None:
    with open_tree("cats", "v1", source=repositories, cache=cache) as tree:
        pass
    harm(tree.folder)
    restore_competition("cats", "v1", tmp_path / "out", source=repositories, cache=cache)
    assert tree_of(tmp_path / "out") == tree_of(prepared / "public")
    assert not verify(cache).problems


def test_a_harmed_tree_in_use(
    repositories: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlebench_data.hub import cache_building

    monkeypatch.setattr(cache_building, "_DAMAGED_WAIT", 0.1)
    with open_tree("cats", "v1", source=repositories, cache=cache) as tree:
        overwrite(tree.folder / "train.csv")
        with pytest.raises(RestoreError, match="a running process uses it"):
            open_tree("cats", "v1", source=repositories, cache=cache)
    open_tree("cats", "v1", source=repositories, cache=cache).close()


def test_verify_sees_what_times_and_sizes_do_not_show(
    repositories: Path, prepared: Path, cache: Cache, tmp_path: Path
) -> None:
    with open_tree("cats", "v1", source=repositories, cache=cache) as tree:
        path = tree.folder / "train.csv"
    assert not verify(cache).problems
    overwrite(path)
    os.utime(path, ns=(MTIME_NS, MTIME_NS))
    found = verify(cache)
    # The object, and the tree that has it.
    assert len(found.problems) == 2 and "train.csv" in found.problems[1]
    assert not found.repaired and path.exists()
    assert verify(cache, repair=True).repaired
    restore_competition("cats", "v1", tmp_path / "out", source=repositories, cache=cache)
    assert tree_of(tmp_path / "out") == tree_of(prepared / "public")
    assert not verify(cache).problems


def test_rm_leaves_what_is_in_use(repositories: Path, cache: Cache) -> None:
    with open_tree("cats", "v1", source=repositories, cache=cache) as tree:
        assert cache.is_in_use(tree.digest)
        assert not cache.remove(tree.digest)
        assert not verify(cache).problems
    assert not cache.is_in_use(tree.digest)
    assert cache.remove(tree.digest)
    cache.sweep()
    assert not cache.entries() and not list(cache.object_files())
    assert cache.use(tree.digest) is None


def test_rm_keeps_objects_of_other_trees(
    cats: Competition, repositories: Path, cache: Cache, tmp_path: Path, key: MasterKey
) -> None:
    dogs = make_competition(tmp_path / "catalogue" / "dogs")
    other = make_prepared(dogs, tmp_path / "other", {"dog.txt": b"wuff"}, modes=MODES_OF_DOGS)
    pack(dogs, other, repositories / "dogs", key=key)
    for name in ("cats", "dogs"):
        open_tree(name, "v1", source=repositories, cache=cache).close()
    sizes = {entry.record.competition: entry.record.size for entry in cache.entries()}
    assert cache.size() < sum(sizes.values()) + manifests_and_records(cache)
    [digest] = [entry.digest for entry in cache.entries() if entry.record.competition == "cats"]
    assert cache.remove(digest)
    cache.sweep()
    assert not verify(cache).problems
    restore_competition("dogs", "v1", tmp_path / "dogs", source=repositories, cache=cache)
    assert tree_of(tmp_path / "dogs") == tree_of(other / "public")


MODES_OF_DOGS = {"train.csv": 0o444, "test.csv": 0o444}


def manifests_and_records(cache: Cache) -> int:
    return sum(path.stat().st_size for path in cache.trees.glob("*/*") if path.is_file())


@pytest.mark.parametrize("kind", ["flipped", "truncated", "gone"])
@pytest.mark.parametrize("where", ["repositories", "remote"])
def test_damaged_source(
    kind: str, where: str, request: pytest.FixtureRequest, cache: Cache, tmp_path: Path
) -> None:
    import fsspec

    source = request.getfixturevalue(where)
    name = "cats/files/public/train.csv"
    filesystem = fsspec.filesystem("memory" if where == "remote" else "file")
    path = f"/remote/{name}" if where == "remote" else str(source / name)
    good = filesystem.cat_file(path)
    bad = {"flipped": good[:-1] + b"x", "truncated": good[:-1]}
    filesystem.rm(path) if kind == "gone" else filesystem.pipe_file(path, bad[kind])
    with pytest.raises(IntegrityError, match=r"train\.csv"):
        restore_competition("cats", "v1", tmp_path / "out", source=source, cache=cache)
    assert not (tmp_path / "out").exists() and not cache.entries()
    filesystem.pipe_file(path, good)
    restore_competition("cats", "v1", tmp_path / "out", source=source, cache=cache)
    assert (tmp_path / "out/train.csv").read_bytes() == good


@pytest.mark.parametrize("full", ["cache", "out"])
def test_disk_full(
    full: str,
    repositories: Path,
    prepared: Path,
    cache: Cache,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if full == "out":
        open_tree("cats", "v1", source=repositories, cache=cache).close()
    with monkeypatch.context() as patch:
        patch.setattr(os, "write" if full == "cache" else "copy_file_range", refuse)
        with pytest.raises(RestoreError, match=r"disk is full: .* bytes"):
            restore_competition("cats", "v1", tmp_path / "out", source=repositories, cache=cache)
    assert not list(tmp_path.glob("*out*"))
    assert len(cache.entries()) == (full == "out")
    restore_competition("cats", "v1", tmp_path / "out", source=repositories, cache=cache)
    assert tree_of(tmp_path / "out") == tree_of(prepared / "public")


def test_other_version_or_competition_than_asked_for(
    repositories: Path, cache: Cache, tmp_path: Path
) -> None:
    for _ in range(2):  # from the repository, and again when the cache has its tree
        with pytest.raises(DataNotFoundError, match="holds cats v1, not cats v2"):
            restore_competition("cats", "v2", tmp_path / "o", source=repositories, cache=cache)
        with pytest.raises(DataNotFoundError, match="holds cats v1, not dogs v1"):
            restore_competition(
                "dogs", "v1", tmp_path / "o", source=repositories / "cats", cache=cache
            )
        open_tree("cats", None, source=repositories, cache=cache).close()


def test_folder_of_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLEBENCH_CACHE", str(tmp_path / "mine"))
    assert default_cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("MLEBENCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache_folder() == tmp_path / "xdg" / "mlebench" / "restored"


def test_locks(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "one"
    first, second = try_lock(path, shared=True), try_lock(path, shared=True)
    assert first is not None and second is not None
    assert try_lock(path, shared=False) is None
    first.close()
    first.close()
    second.close()
    alone = try_lock(path, shared=False)
    assert alone is not None
    assert try_lock(path, shared=True) is None
    path.unlink()
    # A new lock file is another lock.
    with try_lock(path, shared=False) as other:
        assert other is not None
    alone.close()
