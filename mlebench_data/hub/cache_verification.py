"""Comparing everything in the cache with its digests."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from mlebench_data.hub.cache import Cache
from mlebench_data.hub.cache_building import inside
from mlebench_data.hub.repository import RepositoryManifest
from mlebench_data.hub.storage import writing
from mlebench_data.prepare.manifest import hash_file


@dataclass
class Verification:
    """What `verify` found.

    Attributes
    ----------
    files : int
        Number of files that were looked at.
    problems : list of str
        One line for each damaged one.
    repaired : bool
        Whether what is damaged was removed.
    in_use : list of str
        Damaged trees that stay because a running process uses them.
    """

    files: int = 0
    problems: list[str] = field(default_factory=list)
    repaired: bool = False
    in_use: list[str] = field(default_factory=list)


def verify(
    cache: Cache, *, repair: bool = False, advance: Callable[[int], None] = lambda count: None
) -> Verification:
    """Read every cached file and compare it with its digest, and every tree with its manifest.

    Parameters
    ----------
    cache : Cache
        The cache.
    repair : bool
        Remove what is damaged; it is fetched again when it is next needed.
    advance : callable
        Called with the number of files just read.
    """
    found = Verification(repaired=repair)
    # By inode: a tree's files are the objects, and are not read a second time.
    contents: dict[int, str] = {}
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for path, digest, inode in pool.map(_digest, cache.object_files()):
            found.files += 1
            advance(1)
            if digest is None:
                continue
            contents[inode] = digest
            name, _, mode = path.name.partition("-")
            if digest != name or path.lstat().st_mode & 0o777 != int(mode or "444", 8):
                found.problems.append(f"{path}: content or mode is not what its name says")
                if repair:
                    path.unlink(missing_ok=True)
    for entry in cache.entries():
        problems = _tree_problems(cache, entry.digest, contents, found, advance)
        if not problems:
            continue
        found.problems += problems
        if repair and not cache.remove(entry.digest):
            found.in_use.append(entry.names()[1])
    if repair:
        cache.sweep()
    return found


def _digest(path: Path) -> tuple[Path, str | None, int]:
    try:
        return path, hash_file(path)[0], path.lstat().st_ino
    except FileNotFoundError:
        return path, None, 0  # another process has removed it meanwhile


def _tree_problems(
    cache: Cache,
    digest: str,
    contents: dict[int, str],
    found: Verification,
    advance: Callable[[int], None],
) -> list[str]:
    """Say how a tree differs from its manifest."""
    place = cache.trees / digest
    if not place.is_dir():
        return []
    with writing(cache.folder):
        manifest = RepositoryManifest.read(place)
    public = place / "public"
    problems = []
    present = {f"{parent}/{name}" for parent, _, names in os.walk(public) for name in names}
    for entry in manifest.files:
        path = public / inside(entry.path)
        if str(path) not in present:
            problems.append(f"{path}: is missing")
            continue
        present.discard(str(path))
        status = path.lstat()
        content = contents.get(status.st_ino)
        if content is None:
            found.files += 1
            advance(1)
            content = hash_file(path)[0]
        if content != entry.sha256 or status.st_mode & 0o777 != entry.mode:
            problems.append(f"{path}: content or mode is not what its manifest says")
    problems += [f"{path}: does not belong here" for path in sorted(present)]
    problems += [
        f"{public / inside(name)}: is missing"
        for name in manifest.empty_folders
        if not (public / inside(name)).is_dir()
    ]
    return problems
