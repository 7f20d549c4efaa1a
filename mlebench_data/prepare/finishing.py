"""The end of preparation: a complete tree is described, checked and put in place at once."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlebench_data.catalogue import Competition
from mlebench_data.errors import IntegrityError, LockMismatchError, PrepareError
from mlebench_data.prepare.locks import check_lock
from mlebench_data.prepare.manifest import Manifest
from mlebench_data.raw.placing import FILE_MODE

DESCRIPTION = "public/description.md"


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Let one process at a time work in a folder; the others wait."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


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
    _set_modes(partial)
    manifest = Manifest.of_tree(
        partial, competition=competition.id, version=version, recipe_sha256=digest, rows=rows
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
    paths = [entry.path for entry in manifest.files if entry.path != DESCRIPTION]
    paths += manifest.empty_folders
    expressions = [_expression(pattern) for pattern in patterns]
    unused = [
        pattern
        for pattern, expression in zip(patterns, expressions, strict=True)
        if not any(map(re.compile(expression).fullmatch, paths))
    ]
    declared = re.compile("|".join([*expressions, *map(_expression, outputs.optional)]))
    undeclared = [path for path in paths if not declared.fullmatch(path)]
    if unused or undeclared:
        raise PrepareError(
            f"{competition.id} {version}: prepared files differ from 'outputs' in "
            f"competition.yaml. "
            + (f"Nothing matches {', '.join(unused[:5])}. " if unused else "")
            + (f"Not declared: {', '.join(undeclared[:5])}." if undeclared else "")
        )


def _set_modes(folder: Path) -> None:
    """Give every entry the mode it shall have everywhere, whatever the umask of this process.

    Private data is for its owner alone: an agent that runs as another user cannot read it.
    """
    for parent, _, names in os.walk(folder):
        relative = Path(parent).relative_to(folder)
        private = relative.parts[:1] == ("private",)
        Path(parent).chmod(0o700 if private else 0o755)
        mode = 0o400 if private else FILE_MODE
        for name in names:
            # Linked files have their mode already; strings, because there may be millions.
            path = f"{parent}/{name}"
            if os.lstat(path).st_mode & 0o777 != mode:
                Path(path).chmod(mode)
