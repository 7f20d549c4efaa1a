"""The cache of restored trees: every file stored once, by its content, and shared by all trees.

`objects/` holds files by digest; a tree in `trees/` is a folder of hard links to them, under the
digest of the manifest that it was compared with. Trees and objects appear at once and complete:
whatever was killed halfway leaves nothing but objects, which the next call uses. Nothing of a
private part is ever here, sealed files (`private/`) aside.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mlebench_data.hub.layout import MANIFEST
from mlebench_data.hub.locks import Lock, lock, try_lock
from mlebench_data.hub.origin import Origin
from mlebench_data.hub.repository import PublicFile, RepositoryManifest
from mlebench_data.hub.storage import writing

CACHE_VARIABLE = "MLEBENCH_CACHE"

MTIME_NS = 1_577_836_800 * 10**9
"""Modification time of every cached file (2020-01-01): one that was written to shows it."""

_RECORD = "record.json"
_LAST_USE = "last-use"
_FORMAT = 1


def default_cache_folder() -> Path:
    """Return the cache used when none is named: `MLEBENCH_CACHE`, else in the user's cache."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("mlebench") / "restored"


def private_lock(digest: str) -> str:
    """Return the name of the lock on some sealed files."""
    return f"private-{digest}"


@dataclass
class TreeRecord:
    """What is known of a cached tree besides its manifest.

    Attributes
    ----------
    competition, version : str
        Which data.
    files, folders, size : int
        Numbers of files and folders (its own aside), and bytes of all files: a tree of which
        something was lost shows it.
    is_read_only : bool
        Whether nobody may write any of the files, so that all can be shared by hard links.
    origins : list of Origin
        Where it came from, the first one first.
    format : int
        Of this record.
    """

    competition: str
    version: str
    files: int
    folders: int
    size: int
    is_read_only: bool
    origins: list[Origin] = field(default_factory=list)
    format: int = _FORMAT

    def write(self, folder: Path) -> None:
        """Write `record.json` at once."""
        partial = folder / f".{_RECORD}.{os.getpid()}"
        partial.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        partial.replace(folder / _RECORD)

    @classmethod
    def read(cls, folder: Path) -> TreeRecord | None:
        """Read `record.json`; None where there is no usable one, so that the tree is made anew."""
        try:
            content: dict[str, Any] = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
            origins = [Origin(**item) for item in content.pop("origins")]
            record = cls(**content, origins=origins)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return record if record.format == _FORMAT else None


@dataclass
class CachedTree:
    """A complete tree, kept from removal until this is closed or the process ends.

    Attributes
    ----------
    digest : str
        Digest of its manifest.
    folder : pathlib.Path
        What `public/` was in the prepared version. Nobody may write into it.
    record : TreeRecord
        What is known of it.
    """

    digest: str
    folder: Path
    record: TreeRecord
    _lock: Lock

    def manifest(self) -> RepositoryManifest:
        """Read the manifest that the tree was compared with."""
        return RepositoryManifest.read(self.folder.parent)

    def origin(self, source: str | None = None) -> Origin:
        """Return where the tree came from: that source's entry, else the first."""
        origins = self.record.origins
        return next((item for item in origins if item.source == source), origins[0])

    def add_origin(self, origin: Origin) -> None:
        """Note that the tree is to be had there too."""
        if origin in self.record.origins:
            return
        self.record.origins.append(origin)
        try:
            self.record.write(self.folder.parent)
        except PermissionError:
            return  # somebody else's cache: it is only a note

    def close(self) -> None:
        """Let the tree be removed."""
        self._lock.close()

    def __enter__(self) -> CachedTree:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def measure(folder: Path) -> tuple[int, int, int] | None:
    """Return numbers of files and folders and bytes in a tree, as its record has them.

    Returns
    -------
    tuple of int or None
        None if something stands in it that no cached tree has, or a file was written to.
    """
    files = folders = size = 0
    pending = [str(folder)]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders += 1
                    pending.append(entry.path)
                    continue
                status = entry.stat(follow_symlinks=False)
                if status.st_mtime_ns != MTIME_NS or not stat.S_ISREG(status.st_mode):
                    return None
                files += 1
                size += status.st_size
    return files, folders, size


class Cache:
    """The cache in one folder.

    Parameters
    ----------
    folder : pathlib.Path, optional
        Where; `default_cache_folder()` by default. It is made when something is put in.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or default_cache_folder()).absolute()
        self.trees = self.folder / "trees"
        self.objects = self.folder / "objects"
        self.partial = self.folder / "partial"
        self.downloads = self.folder / "downloads"
        self.private = self.folder / "private"

    def lock_path(self, name: str) -> Path:
        """Return the lock file of a tree, by its digest, or of another thing by its name."""
        return self.folder / "locks" / name

    def object_path(self, entry: PublicFile) -> str:
        """Return where a file of this content and mode is stored once."""
        name = entry.sha256 if entry.mode == 0o444 else f"{entry.sha256}-{entry.mode:04o}"
        return f"{self.objects}/{name[:2]}/{name}"

    def use(self, digest: str) -> CachedTree | None:
        """Return the tree of a manifest, kept from removal, or None if it is not there and whole.

        Waits while another process makes it.
        """
        place = self.trees / digest
        if not place.is_dir():
            return None
        with writing(self.folder):
            held = lock(self.lock_path(digest), f"the cached tree {place}", shared=True)
        assert held is not None
        tree = self._whole(digest, held)
        if tree is None:
            held.close()
        return tree

    def _whole(self, digest: str, held: Lock) -> CachedTree | None:
        place = self.trees / digest
        record = TreeRecord.read(place)
        if record is None or not (place / MANIFEST).is_file() or not (place / "public").is_dir():
            return None
        if measure(place / "public") != (record.files, record.folders, record.size):
            return None
        self._touch(place)
        return CachedTree(digest, place / "public", record, held)

    def _touch(self, place: Path) -> None:
        """Note that a tree is used now."""
        try:
            (place / _LAST_USE).touch()
        except OSError:
            # Somebody else's cache, which this user can only read: its owner decides what stays.
            return

    def find(
        self,
        competition: str,
        version: str | None,
        source: str,
        *,
        commit: str | None = None,
    ) -> str | None:
        """Return the digest of the tree that came from a source, the last used one of several.

        Parameters
        ----------
        competition : str
            Its id.
        version : str or None
            Its data version; any by default.
        source : str
            As `Origin.source`.
        commit : str, optional
            Only the tree of this commit.
        """
        found = [
            entry
            for entry in self.entries()
            if entry.record.competition == competition
            and version in (None, entry.record.version)
            and any(
                item.source == source and commit in (None, item.commit)
                for item in entry.record.origins
            )
        ]
        return max(found, key=lambda entry: entry.last_use).digest if found else None

    def entries(self) -> list[CacheEntry]:
        """Return all trees, sorted by competition and version."""
        found = []
        for place in self._folders(self.trees):
            record = TreeRecord.read(place)
            if record is not None:
                mark = place / _LAST_USE
                used = (mark if mark.exists() else place).stat().st_mtime
                found.append(CacheEntry(place.name, record, used))
        return sorted(found, key=lambda item: (item.record.competition, item.record.version))

    @staticmethod
    def _folders(parent: Path) -> Iterator[Path]:
        if parent.is_dir():
            yield from (path for path in sorted(parent.iterdir()) if path.is_dir())

    def remove(self, digest: str) -> bool:
        """Remove a tree, and tell whether it went: one that is in use stays."""
        with writing(self.folder):
            held = try_lock(self.lock_path(digest), shared=False)
            if held is None:
                return False
            with held:
                self.discard(digest)
                self.lock_path(digest).unlink(missing_ok=True)
        return True

    def discard(self, digest: str) -> None:
        """Remove a tree and what is left of making it, while its lock is held alone."""
        self.partial.mkdir(parents=True, exist_ok=True)
        place = self.trees / digest
        if place.exists():
            # At once: a process that is killed here leaves no tree with holes.
            removed = self.partial / f"{digest}-removed"
            shutil.rmtree(removed, ignore_errors=True)
            place.rename(removed)
        for left in self.partial.glob(f"{digest}*"):
            shutil.rmtree(left)

    def sweep(self, *, private: bool = False) -> None:
        """Remove what no tree uses and no process works on.

        Objects that other hard links share (restored trees) stay: removing them frees nothing.

        Parameters
        ----------
        private : bool
            Remove sealed files too.
        """
        with writing(self.folder):
            leftovers = [
                (path, path.name.partition("-")[0])
                for path in [*self._folders(self.partial), *self._folders(self.downloads)]
            ]
            if private:
                leftovers += [
                    (path, private_lock(path.name)) for path in self._folders(self.private)
                ]
            for path, name in leftovers:
                held = try_lock(self.lock_path(name), shared=False)
                if held is not None:
                    with held:
                        shutil.rmtree(path)
                        self.lock_path(name).unlink(missing_ok=True)
            for path in self.object_files():
                try:
                    if path.lstat().st_nlink == 1:
                        path.unlink()
                except FileNotFoundError:
                    continue  # another process sweeps too

    def object_files(self) -> Iterator[Path]:
        """Give all objects."""
        for folder in self._folders(self.objects):
            yield from sorted(folder.iterdir())

    def size(self) -> int:
        """Return the bytes of everything, shared files counted once."""
        sizes = {}
        for parent, _, names in os.walk(self.folder):
            for name in names:
                try:
                    status = os.lstat(f"{parent}/{name}")
                except FileNotFoundError:
                    continue  # another process has removed it meanwhile
                sizes[status.st_ino] = status.st_size
        return sum(sizes.values())

    def is_in_use(self, digest: str) -> bool:
        """Tell whether any process uses or makes a tree."""
        with writing(self.folder):
            held = try_lock(self.lock_path(digest), shared=False)
        if held is None:
            return True
        held.close()
        return False


@dataclass(frozen=True)
class CacheEntry:
    """One tree in the cache: digest of its manifest, its record, time of its last use (Unix)."""

    digest: str
    record: TreeRecord
    last_use: float

    def names(self) -> tuple[str, str]:
        """Return what a person may call it: the competition, and that with its version."""
        return self.record.competition, f"{self.record.competition}@{self.record.version}"

    def unused_seconds(self) -> float:
        """Return how long the tree was not used; 0 for one that a wrong clock dates ahead."""
        return max(0.0, time.time() - self.last_use)
