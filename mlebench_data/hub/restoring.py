"""Restoring: from a dataset repository to the public files, byte for byte."""

from __future__ import annotations

import hashlib
import logging
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from mlebench_data.errors import DataNotFoundError, UnreachableError
from mlebench_data.hub.cache import Cache, CachedTree
from mlebench_data.hub.cache_building import cached_tree, inside, make_folders
from mlebench_data.hub.errors import RestoreError
from mlebench_data.hub.extraction import Content, extract, write_verified
from mlebench_data.hub.folders import built_beside, put_in_place
from mlebench_data.hub.layout import MANIFEST
from mlebench_data.hub.linking import FOLDER_MODE, link_tree
from mlebench_data.hub.origin import Origin
from mlebench_data.hub.private_cache import check_identity
from mlebench_data.hub.repository import PublicFile, RepositoryManifest, commit_of, manifest_digest
from mlebench_data.hub.snapshot import Snapshot
from mlebench_data.hub.sources import Source, open_source
from mlebench_data.hub.storage import writing
from mlebench_data.prepare.manifest import hash_file

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RestoreResult:
    """What `restore` did.

    Attributes
    ----------
    status : {"restored", "unchanged"}
        Whether files were written or were there already.
    folder : pathlib.Path
        What `public/` was in the prepared version.
    origin : Origin
        Where it came from: source, revision, commit and digest of the manifest.
    files, size : int
        Number of files, and their bytes.
    """

    status: Literal["restored", "unchanged"]
    folder: Path
    origin: Origin
    files: int
    size: int
    _manifest: Callable[[], RepositoryManifest]

    @cached_property
    def manifest(self) -> RepositoryManifest:
        """The repository's manifest: all files, by paths that begin with `public/`."""
        return self._manifest()


def _holds(manifest: RepositoryManifest, folder: Path, known: Path | None = None) -> bool:
    """Tell whether a folder holds exactly the public tree: names, modes and contents.

    Files that are the same as in the tree `known`, by hard links, are not read.
    """
    files = {inside(entry.path): entry for entry in manifest.files}
    empty = {inside(name) for name in manifest.empty_folders}
    found = set()
    unread = set()
    for parent, folders, names in os.walk(folder):
        relative = Path(parent).relative_to(folder)
        if not folders and not names:
            found.add("" if parent == str(folder) else relative.as_posix())
        for name in [*names, *(item for item in folders if (Path(parent) / item).is_symlink())]:
            path = (relative / name).as_posix()
            entry = files.get(path)
            status = (folder / path).lstat()
            if (
                entry is None
                or not stat.S_ISREG(status.st_mode)
                or status.st_size != entry.size
                or status.st_mode & 0o777 != entry.mode
            ):
                return False
            found.add(path)
            if known is not None and os.path.samestat(status, (known / path).lstat()):
                unread.add(path)
    if found != files.keys() | empty:
        return False
    return all(
        hash_file(folder / path)[0] == entry.sha256
        for path, entry in files.items()
        if path not in unread
    )


def _is_free(out: Path, holds: Callable[[], bool], *, force: bool) -> bool:
    """Tell whether a tree is to be written; False if it is there already.

    Raises
    ------
    RestoreError
        If something else is there.
    """
    if not out.exists() or force:
        return True
    if not out.is_dir():
        raise RestoreError(f"{out} is a file. Name another folder.")
    if holds():
        return False
    if any(out.iterdir()):
        raise RestoreError(
            f"{out} is not empty and does not hold these files. "
            "Name another folder, or replace it with --force."
        )
    return True


def restore(
    repository: Path,
    out: Path,
    *,
    force: bool = False,
    advance: Callable[[int], None] = lambda count: None,
) -> RestoreResult:
    """Write the public files of a repository on the local disk, as they were prepared.

    `out` becomes what `public/` was: same names, bytes, modes and empty folders. It appears at once
    when everything is written and compared with the manifest. The private part is not looked at,
    and no cache is used.

    Parameters
    ----------
    repository : pathlib.Path
        The repository.
    out : pathlib.Path
        Where the files go: new, empty, or a folder that holds exactly these files, which is then
        left alone.
    force : bool
        Replace whatever `out` holds.
    advance : callable
        Called with the number of files just written.

    Returns
    -------
    RestoreResult
        What was done.

    Raises
    ------
    DataNotFoundError
        If there is no repository.
    IntegrityError
        If a file of the repository is missing or was changed; the message names the public file.
        Nothing is left at `out` then.
    RestoreError
        If `out` holds something else, or cannot be written.
    """
    manifest = RepositoryManifest.read(repository)
    origin = Origin(
        str(repository.absolute()),
        manifest.version,
        commit_of(repository),
        manifest_digest(repository),
    )

    def result(status: Literal["restored", "unchanged"]) -> RestoreResult:
        return RestoreResult(
            status, out, origin, len(manifest.files), manifest.size, lambda: manifest
        )

    if not _is_free(out, lambda: _holds(manifest, out), force=force):
        return result("unchanged")
    with (
        writing(out, f"; the whole tree takes {manifest.size:,} bytes"),
        built_beside(out) as partial,
    ):

        def store(entry: PublicFile, content: Content) -> None:
            write_verified(f"{partial}/{inside(entry.path)}", entry, content)

        make_folders(partial, manifest)
        extract(repository, manifest.files, store, advance=advance)
        put_in_place(partial, out)
    return result("restored")


def restore_competition(
    competition_id: str,
    version: str | None,
    out: Path,
    *,
    source: Source | str | Path | None = None,
    link: bool = True,
    force: bool = False,
    cache: Cache | None = None,
    advance: Callable[[int], None] = lambda count: None,
) -> RestoreResult:
    """Write the public files of a competition, as they were prepared, by way of the cache.

    Parameters
    ----------
    competition_id : str
        The competition.
    version : str or None
        Its data version; whatever the source has by default.
    out : pathlib.Path
        Where the files go, as with `restore`. On the file system of the cache, files that nobody
        may write are hard links to cached ones.
    source : Source or str or pathlib.Path, optional
        Where from, as `sources.open_source` reads it.
    link : bool
        False makes every file a copy.
    force : bool
        Replace whatever `out` holds.
    cache : Cache, optional
        The cache; the user's by default.
    advance : callable
        Called with the number of files just put into the cache.

    Returns
    -------
    RestoreResult
        What was done.

    Raises
    ------
    DataNotFoundError, SourceError
        If the source has no such data, cannot be reached or refuses.
    IntegrityError
        If the source has not what its manifest says. Nothing is left at `out` then.
    RestoreError
        If `out` holds something else, or it or the cache cannot be written.
    """
    place = source if isinstance(source, Source) else open_source(source)
    with open_tree(competition_id, version, source=place, cache=cache, advance=advance) as tree:
        origin = tree.origin(place.address(competition_id))
        # Read while the tree is sure to be there, and only if somebody wants to know.
        manifest_file = (tree.folder.parent / MANIFEST).read_bytes()

        def manifest() -> RepositoryManifest:
            return RepositoryManifest.parse(manifest_file, f"{origin.source}: {MANIFEST}")

        result = RestoreResult(
            "restored", out, origin, tree.record.files, tree.record.size, manifest
        )
        if not _is_free(out, lambda: _holds(result.manifest, out, tree.folder), force=force):
            return RestoreResult(
                "unchanged", out, origin, tree.record.files, tree.record.size, manifest
            )
        with (
            writing(out, f"; the whole tree takes {tree.record.size:,} bytes"),
            built_beside(out) as partial,
        ):
            partial.chmod(FOLDER_MODE)
            read_only = tree.record.is_read_only
            link_tree(tree.folder, partial, link=link, is_read_only=read_only)
            put_in_place(partial, out)
    return result


def open_tree(
    competition_id: str,
    version: str | None,
    *,
    source: Source | str | Path | None = None,
    cache: Cache | None = None,
    advance: Callable[[int], None] = lambda count: None,
) -> CachedTree:
    """Return the public tree of a competition in the cache, fetched first if it is not there.

    The tree is complete, was compared with its manifest, and is shared: whoever uses it mounts it
    read-only. It cannot be removed before it is closed.

    Parameters
    ----------
    competition_id : str
        The competition.
    version : str or None
        Its data version; whatever the source has by default.
    source : Source or str or pathlib.Path, optional
        Where from, as `sources.open_source` reads it.
    cache : Cache, optional
        The cache; the user's by default.
    advance : callable
        Called with the number of files just put into the cache.

    Raises
    ------
    DataNotFoundError, SourceError, IntegrityError, RestoreError
        As `restore_competition`.
    """
    place = source if isinstance(source, Source) else open_source(source)
    store = cache or Cache()
    try:
        snapshot = place.open(competition_id, version)
    except UnreachableError as error:
        tree = _offline(store, place, competition_id, version)
        if tree is None:
            raise
        logger.warning("%s What was fetched from there before is used.", error)
        return tree
    return _tree_of(store, snapshot, competition_id, version, advance)


def _offline(
    cache: Cache, place: Source, competition_id: str, version: str | None
) -> CachedTree | None:
    """Return what was fetched from a place before, if it does not answer now.

    A data version does not change once it is published. Who asks for none gets what is newest,
    and that is not known now.
    """
    if version is None:
        return None
    digest = cache.find(competition_id, version, place.address(competition_id))
    return None if digest is None else cache.use(digest)


def _tree_of(
    cache: Cache,
    snapshot: Snapshot,
    competition_id: str,
    version: str | None,
    advance: Callable[[int], None],
) -> CachedTree:
    if snapshot.commit is not None and snapshot.folder is None:
        # The commit says which manifest it is: nothing at all is fetched.
        digest = cache.find(competition_id, version, snapshot.source, commit=snapshot.commit)
        tree = None if digest is None else cache.use(digest)
        if tree is not None:
            return tree
    text = snapshot.read(MANIFEST)
    origin = Origin(
        snapshot.source, snapshot.revision, snapshot.commit, hashlib.sha256(text).hexdigest()
    )
    tree = cache.use(origin.manifest_sha256)
    if tree is None:
        manifest = RepositoryManifest.parse(text, f"{snapshot.source}: {MANIFEST}")
        check_identity(manifest, snapshot, competition_id, version)
        if manifest.private_part == "alone":
            raise DataNotFoundError(f"{snapshot.source} holds sealed answers and no public files.")
        return cached_tree(cache, snapshot, text, origin, advance=advance)
    try:
        _check_record(tree, snapshot, competition_id, version)
    except DataNotFoundError:
        tree.close()
        raise
    tree.add_origin(origin)
    return tree


def _check_record(
    tree: CachedTree, snapshot: Snapshot, competition_id: str, version: str | None
) -> None:
    """Refuse a tree of something else than was asked for, without reading its manifest."""
    record = tree.record
    if record.competition != competition_id or version not in (None, record.version):
        raise DataNotFoundError(
            f"{snapshot.source} holds {record.competition} {record.version}, not "
            f"{competition_id} {version or 'any version'}."
        )
