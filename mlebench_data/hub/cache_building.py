"""Making of cached trees: what is there already is linked, only the rest is fetched."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from mlebench_data.errors import IntegrityError, SourceError
from mlebench_data.hub.cache import MTIME_NS, Cache, CachedTree, TreeRecord
from mlebench_data.hub.errors import RestoreError
from mlebench_data.hub.extraction import Content, extract, missing, needed_paths, write_verified
from mlebench_data.hub.layout import MANIFEST
from mlebench_data.hub.linking import FOLDER_MODE, NO_LINKS, link_or_copy
from mlebench_data.hub.locks import lock
from mlebench_data.hub.origin import Origin
from mlebench_data.hub.repository import PublicFile, RepositoryFile, RepositoryManifest
from mlebench_data.hub.snapshot import Snapshot
from mlebench_data.hub.storage import writing

_DAMAGED_WAIT = 10.0
"""Seconds to wait for those who use a damaged tree: links are made in less, runs take longer."""

_BATCH_SIZE = 4 << 30
"""Bytes of the repository that are fetched before the files in them are restored: the disk needs
room for the tree and a batch, not for the tree and the repository."""


def inside(path: str) -> str:
    """Return a path of the manifest as seen from the public folder."""
    return path.removeprefix("public").removeprefix("/")


def make_folders(root: Path, manifest: RepositoryManifest) -> int:
    """Make all folders of a public tree below its root, and return how many there are."""
    wanted = {inside(name) for name in manifest.empty_folders}
    wanted |= {os.path.dirname(inside(entry.path)) for entry in manifest.files}  # noqa: PTH120
    complete = {""}
    for name in wanted:
        while name not in complete:
            complete.add(name)
            name = os.path.dirname(name)  # noqa: PTH120
    for name in sorted(complete):
        path = root / name
        path.mkdir(exist_ok=True)
        path.chmod(FOLDER_MODE)
    return len(complete) - 1


def cached_tree(
    cache: Cache,
    snapshot: Snapshot,
    text: bytes,
    origin: Origin,
    *,
    advance: Callable[[int], None] = lambda count: None,
) -> CachedTree:
    """Return the tree of a manifest from the cache, made first if it is not there.

    Processes that want the same tree at the same time make it once.

    Parameters
    ----------
    cache : Cache
        The cache.
    snapshot : Snapshot
        Where what is missing is fetched from.
    text : bytes
        The manifest.
    origin : Origin
        Where the manifest came from.
    advance : callable
        Called with the number of files just written.

    Raises
    ------
    IntegrityError
        If the source has not what its manifest says; nothing of the tree is left then.
    SourceError
        If the source cannot be reached any more. What was fetched is used by the next call.
    RestoreError
        If the cache cannot be written.
    """
    digest = origin.manifest_sha256
    name = f"the cached tree of {snapshot.competition}"
    for _ in range(3):
        tree = cache.use(digest)
        if tree is not None:
            tree.add_origin(origin)
            return tree
        is_damaged = (cache.trees / digest).is_dir()
        needed = ""
        with writing(cache.folder):
            held = lock(
                cache.lock_path(digest),
                name,
                shared=False,
                timeout=_DAMAGED_WAIT if is_damaged else None,
            )
        if held is None:
            raise RestoreError(
                f"{name} ({cache.trees / digest}) was changed by someone, and a running process "
                "uses it. Repeat the command when that has ended."
            )
        with held:
            if (cache.trees / digest).is_dir() and not is_damaged:
                continue  # another process has made it meanwhile
            manifest = RepositoryManifest.parse(text, f"{origin.source}: {MANIFEST}")
            needed = f"; the whole tree takes {manifest.size:,} bytes"
            with writing(cache.folder, needed):
                _Building(cache, snapshot, manifest, origin).run(text, advance)
    raise RestoreError(f"{name} is changed by someone as soon as it is made.")


class _Building:
    """Making of one tree, while its lock is held."""

    def __init__(
        self, cache: Cache, snapshot: Snapshot, manifest: RepositoryManifest, origin: Origin
    ) -> None:
        self._cache = cache
        self._snapshot = snapshot
        self._manifest = manifest
        self._origin = origin
        self._place = cache.partial / origin.manifest_sha256
        self._public = f"{self._place}/public"

    def run(self, text: bytes, advance: Callable[[int], None]) -> None:
        """Make the tree and put it in its place."""
        cache = self._cache
        digest = self._origin.manifest_sha256
        # What a killed process left, or a tree that someone has written into. Its files are still
        # in objects/, where each is looked at before it is linked.
        cache.discard(digest)
        for folder in (self._place / "public", cache.trees, cache.objects):
            folder.mkdir(parents=True, exist_ok=True)
        for number in range(256):
            (cache.objects / f"{number:02x}").mkdir(exist_ok=True)
        try:
            folders = make_folders(Path(self._public), self._manifest)
            wanted = self._link_present(advance)
            for batch in self._batches(wanted):
                self._restore(batch, wanted, advance)
            (self._place / MANIFEST).write_bytes(text)
            TreeRecord(
                competition=self._manifest.competition,
                version=self._manifest.version,
                files=len(self._manifest.files),
                folders=folders,
                size=self._manifest.size,
                is_read_only=not any(entry.mode & 0o222 for entry in self._manifest.files),
                origins=[self._origin],
            ).write(self._place)
            self._place.rename(cache.trees / digest)
        except BaseException:
            shutil.rmtree(self._place, ignore_errors=True)
            raise

    def _path(self, entry: PublicFile) -> str:
        return f"{self._public}/{inside(entry.path)}"

    def _link_present(self, advance: Callable[[int], None]) -> dict[str, list[PublicFile]]:
        """Link what the cache has, and return the other files by object: equal ones together."""
        wanted: dict[str, list[PublicFile]] = defaultdict(list)
        for entry in self._manifest.files:
            source = self._cache.object_path(entry)
            if source in wanted or not self._linked(source, entry):
                wanted[source].append(entry)
        advance(len(self._manifest.files) - sum(map(len, wanted.values())))
        return wanted

    def _linked(self, source: str, entry: PublicFile) -> bool:
        """Link one object into the tree if it is there and was not written to."""
        target = self._path(entry)
        try:
            link_or_copy(source, target)
        except FileNotFoundError:
            return False
        status = os.lstat(target)
        if (status.st_size, status.st_mtime_ns, status.st_mode & 0o777) == (
            entry.size,
            MTIME_NS,
            entry.mode,
        ):
            return True
        Path(target).unlink()
        Path(source).unlink(missing_ok=True)
        return False

    def _batches(self, wanted: dict[str, list[PublicFile]]) -> Iterator[list[PublicFile]]:
        """Divide the wanted files by where they are stored."""
        firsts = sorted(
            (entries[0] for entries in wanted.values()), key=lambda entry: entry.stored.path
        )
        if self._snapshot.folder is not None:
            yield firsts
            return
        sizes = {item.path: item.size for item in self._manifest.contents}
        batch: list[PublicFile] = []
        paths: set[str] = set()
        size = 0
        for entry in firsts:
            path = entry.stored.path
            if path not in paths and size + sizes.get(path, 0) > _BATCH_SIZE and batch:
                yield batch
                batch, paths, size = [], set(), 0
            if path not in paths:
                paths.add(path)
                size += sizes.get(path, 0)
            batch.append(entry)
        if batch:
            yield batch

    def _restore(
        self,
        batch: list[PublicFile],
        wanted: dict[str, list[PublicFile]],
        advance: Callable[[int], None],
    ) -> None:
        """Fetch what some files are stored in, and write them into tree and objects."""
        if not batch:
            return
        target = self._cache.downloads / self._origin.manifest_sha256
        try:
            repository = self._snapshot.fetch(self._stored(batch), target)
            extract(repository, batch, self._store, advance=advance)
        except IntegrityError:
            # Another attempt must not begin with what was wrong.
            shutil.rmtree(target, ignore_errors=True)
            raise
        except SourceError as error:
            raise SourceError(
                f"{error} What was fetched so far is kept: the same command goes on from there."
            ) from error
        if target.exists():
            shutil.rmtree(target)
        for entry in batch:
            path = self._cache.object_path(entry)
            for other in wanted[path][1:]:
                link_or_copy(self._path(entry), self._path(other))
            advance(len(wanted[path]) - 1)

    def _stored(self, batch: list[PublicFile]) -> list[RepositoryFile]:
        """Return the files of the repository that hold some public files."""
        contents = {item.path: item for item in self._manifest.contents}
        found = {}
        for entry in batch:
            for path in needed_paths(entry, contents):
                if path not in contents:
                    raise missing(entry, "is not in the list of its contents")
                found[path] = contents[path]
        return list(found.values())

    def _store(self, entry: PublicFile, content: Content) -> None:
        path = self._path(entry)
        write_verified(path, entry, content, mtime_ns=MTIME_NS)
        try:
            os.link(path, self._cache.object_path(entry))
        except FileExistsError:
            return  # another process has just restored the same content
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
