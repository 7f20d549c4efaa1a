"""The end of preparation: a complete tree is described, checked and put in place at once."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlebench_data.catalogue import Competition
from mlebench_data.errors import IntegrityError, LockMismatchError, PrepareError
from mlebench_data.prepare.describing import describe_tree
from mlebench_data.prepare.locks import check_lock
from mlebench_data.prepare.manifest import Manifest
from mlebench_data.workers.placing import FileFacts
from mlebench_data.workers.pool import WorkerPool

DESCRIPTION = "public/description.md"


@contextmanager
def exclusive(folder: Path) -> Iterator[int]:
    """Let one process at a time work in a folder; the others wait.

    Yields
    ------
    int
        Descriptor of the lock. The folder is locked until all processes that inherit it end.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle.fileno()


def remove_partials(folder: Path) -> None:
    """Remove what killed runs have left; the caller is alone in the folder (`exclusive`)."""
    for path in folder.glob(".*.partial-*"):
        shutil.rmtree(path)


def partial_folder(folder: Path) -> Path:
    """Return where this process builds a version, beside its place."""
    return folder.with_name(f".{folder.name}.partial-{os.getpid()}")


def intact(folder: Path, digest: str, lock: dict[str, Any] | None) -> Manifest | None:
    """Return the manifest of a version that is what this recipe and lock ask for, and unharmed.

    Parameters
    ----------
    folder : pathlib.Path
        The version.
    digest : str
        Digest of the recipe.
    lock : dict, optional
        Its lock.

    Returns
    -------
    Manifest or None
        None if the version is not there, another one, or damaged.
    """
    try:
        manifest = Manifest.read(folder)
    except IntegrityError:
        return None  # a damaged manifest is as good as none
    if manifest is None or manifest.recipe_sha256 != digest or manifest.differences(folder):
        return None
    try:
        check_lock(lock or {}, manifest, folder)
    except LockMismatchError:
        return None
    return manifest


def finish(
    partial: Path,
    folder: Path,
    *,
    competition: Competition,
    digest: str,
    rows: dict[str, int],
    lock: dict[str, Any] | None,
    known: Mapping[str, FileFacts] | None = None,
    workers: WorkerPool | None = None,
) -> Manifest:
    """Complete a tree, check it, and rename it into its place.

    Parameters
    ----------
    partial : pathlib.Path
        The tree, with `public/` and `private/`; gone afterwards.
    folder : pathlib.Path
        Its place, named by the version. What lies there is replaced.
    competition : Competition
        Whose data this is.
    digest : str
        Digest of the recipe.
    rows : dict of str to int
        Row counts of tables, by path.
    lock : dict, optional
        What the tree must agree with.
    known : mapping of str to FileFacts, optional
        Files that were described when they were placed, by path.
    workers : WorkerPool, optional
        Processes to share the work; closed afterwards.

    Returns
    -------
    Manifest
        What it holds.

    Raises
    ------
    PrepareError
        If its files are not the declared ones.
    LockMismatchError
        If it differs from the lock.
    """
    version = folder.name
    (partial / DESCRIPTION).write_text(competition.description(), encoding="utf-8")
    tree = describe_tree(str(partial), known=known, set_modes=True, workers=workers)
    manifest = Manifest.of_facts(
        tree, competition=competition.id, version=version, recipe_sha256=digest, rows=rows
    )
    _check_outputs(competition, version, manifest)
    if lock is not None:
        check_lock(lock, manifest, partial)
    manifest.write(partial)
    # Set aside, not removed file by file: at no time is there half of a version in place.
    replaced = folder.with_name(f"{partial.name}-replaced")
    try:
        if folder.exists():
            folder.rename(replaced)
        partial.rename(folder)
    finally:
        shutil.rmtree(replaced, ignore_errors=True)
    return manifest


def _expression(pattern: str) -> str:
    """Turn a pattern into a regular expression: `*` within a folder level, `**` across them."""
    parts = re.split(r"(\*\*|\*)", pattern)
    known = {"**": ".+", "*": "[^/]*"}
    return "".join(known.get(part) or re.escape(part) for part in parts)


def _check_outputs(competition: Competition, version: str, manifest: Manifest) -> None:
    """Refuse a tree that lacks a declared file or holds an undeclared one."""
    outputs = competition.version(version).outputs
    patterns = [f"public/{p}" for p in outputs.public] + [f"private/{p}" for p in outputs.private]
    paths = {entry.path for entry in manifest.files} - {DESCRIPTION} | {*manifest.empty_folders}
    # Most patterns are plain paths: only the others are worth a look at maybe millions of files.
    wild = [pattern for pattern in patterns if "*" in pattern]
    others = sorted(paths.difference(patterns))
    unused = [
        pattern
        for pattern in patterns
        if pattern not in paths
        and (
            pattern not in wild or not any(map(re.compile(_expression(pattern)).fullmatch, others))
        )
    ]
    declared = re.compile("|".join(map(_expression, [*wild, *outputs.optional])) or "(?!)")
    undeclared = [path for path in others if not declared.fullmatch(path)]
    if unused or undeclared:
        raise PrepareError(
            f"{competition.id} {version}: prepared files differ from 'outputs' in "
            f"competition.yaml. "
            + (f"Nothing matches {', '.join(unused[:5])}. " if unused else "")
            + (f"Not declared: {', '.join(undeclared[:5])}." if undeclared else "")
        )
