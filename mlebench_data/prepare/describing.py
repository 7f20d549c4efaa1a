"""Description of a prepared tree, file by file: what its manifest is made of."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from mlebench_data.workers.placing import FILE_MODE, PRIVATE_MODE, FileFacts, describe_all
from mlebench_data.workers.pool import WorkerPool

# Files of so many bytes together, or so many of them, are described at a time.
_BYTES = 1 << 26
_FILES = 64


class TreeFacts(NamedTuple):
    """Descriptions of a tree's files by relative path, and its empty folders."""

    files: dict[str, FileFacts]
    empty_folders: list[str]


def file_mode(path: str) -> int:
    """Return the permissions of a prepared file, by its path in the tree."""
    return PRIVATE_MODE if path.startswith("private/") else FILE_MODE


def folder_mode(path: str) -> int:
    """Return the permissions of a folder of prepared data, by its path in the tree."""
    return 0o700 if path.split("/")[0] == "private" else 0o755


def walk(folder: str) -> Iterator[tuple[str, list[os.DirEntry[str]], list[str]]]:
    """Walk a tree as `os.walk` does, with what the listing of a folder tells of its files.

    Parameters
    ----------
    folder : str
        The tree.

    Yields
    ------
    tuple of str, list of os.DirEntry, list of str
        Relative path of a folder (empty for the tree), its files, relative paths of its folders.
    """
    waiting = [""]
    while waiting:
        relative = waiting.pop()
        prefix = relative and f"{relative}/"
        files = []
        folders = []
        with os.scandir(f"{folder}/{relative}") as listing:
            for entry in listing:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(prefix + entry.name)
                else:
                    files.append(entry)
        waiting += folders
        yield relative, files, folders


def describe_tree(
    folder: str,
    *,
    known: Mapping[str, FileFacts] | None = None,
    set_modes: bool = False,
    workers: WorkerPool | None = None,
) -> TreeFacts:
    """Describe all files of a tree.

    Parameters
    ----------
    folder : str
        The tree.
    known : mapping of str to FileFacts, optional
        Descriptions by relative path made before. Such a file may have been removed or replaced
        since, but not written to.
    set_modes : bool
        Give every entry the mode that it shall have everywhere, whatever the umask of this process.
        Files in `known` have it already.
    workers : WorkerPool, optional
        Processes to share the work.

    Returns
    -------
    TreeFacts
        All files and empty folders.
    """
    known = known or {}
    found: dict[str, FileFacts] = {}
    empty = []
    sizes: dict[str, int] = {}
    for relative, files, folders in walk(folder):
        if not files and not folders:
            empty.append(relative)
        if set_modes:
            os.chmod(f"{folder}/{relative}", folder_mode(relative))  # noqa: PTH101
        prefix = relative and f"{relative}/"
        for entry in files:
            path = prefix + entry.name
            facts = known.get(path)
            # The listing tells the inode, which saves a system call for each of maybe millions.
            if facts is not None and (
                entry.inode() == facts.inode or facts.still_hold(entry.stat(follow_symlinks=False))
            ):
                found[path] = facts
            else:
                sizes[path] = entry.stat().st_size
    batches = list(_batches(sizes))
    questions = (
        [(f"{folder}/{path}", file_mode(path) if set_modes else None) for path in batch]
        for batch in batches
    )
    with workers or WorkerPool() as pool:
        for batch, described in zip(batches, pool.map(describe_all, questions), strict=True):
            found.update(zip(batch, described, strict=True))
    return TreeFacts(found, empty)


def _batches(sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """Return paths in groups of limited size."""
    batch: list[str] = []
    total = 0
    for path, size in sizes.items():
        if batch and (total + size > _BYTES or len(batch) == _FILES):
            yield batch
            batch, total = [], 0
        batch.append(path)
        total += size
    if batch:
        yield batch
