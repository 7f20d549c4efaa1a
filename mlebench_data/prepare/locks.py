"""Locks: hashes that prepared data must have, kept in `splits/locks/<version>/<id>.json`."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from mlebench_data.catalogue.splits import default_folder
from mlebench_data.errors import LockMismatchError
from mlebench_data.prepare.manifest import Manifest, hash_file

# A folder with more files than this is locked by one digest over all of them, so that locks stay
# small enough to read and to review.
FOLDER_LIMIT = 50


def lock_path(competition: str, version: str, folder: Path | None = None) -> Path:
    """Return where the lock of a data version lies."""
    return (folder or default_folder() / "locks") / version / f"{competition}.json"


def _folder_digest(entries: list[tuple[str, str]]) -> str:
    """Digest of (path, sha256) pairs, independent of their order."""
    text = "".join(f"{sha256}  {path}\n" for path, sha256 in sorted(entries))
    return hashlib.sha256(text.encode()).hexdigest()


def _zip_digest(path: Path) -> dict[str, Any]:
    """Digest of an archive's members: the bytes of the archive depend on the zlib in use."""
    with zipfile.ZipFile(path) as archive:
        members = []
        for info in archive.infolist():
            with archive.open(info) as member:
                # A member of a zip is what file_digest takes, though the stubs do not say so.
                digest = hashlib.file_digest(member, "sha256")  # type: ignore[arg-type]
                members.append((info.filename, digest.hexdigest()))
    return {"members": len(members), "sha256": _folder_digest(members)}


def make_lock(manifest: Manifest, tree: Path) -> dict[str, Any]:
    """Make a lock of a prepared tree.

    Parameters
    ----------
    manifest : Manifest
        Manifest of the tree.
    tree : pathlib.Path
        The tree, read for the members of its archives.

    Returns
    -------
    dict
        `files` (md5, sha256 and rows by path), `archives` (member count and digest by path),
        `folders` (file count and digest by path, for folders of many files).
    """
    by_folder: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for entry in manifest.files:
        pure = PurePosixPath(entry.path)
        # Files deep in public/ belong to the first folder below it: train/1/geometry.xyz to train.
        if len(pure.parts) > 2:
            by_folder["/".join(pure.parts[:2])].append((entry.path, entry.sha256))
    large = {name: items for name, items in by_folder.items() if len(items) > FOLDER_LIMIT}
    lock: dict[str, Any] = {
        "competition": manifest.competition,
        "version": manifest.version,
        "files": {},
        "archives": {},
        "folders": {
            name: {"files": len(items), "sha256": _folder_digest(items)}
            for name, items in sorted(large.items())
        },
    }
    for entry in manifest.files:
        path = PurePosixPath(entry.path)
        if path.name == "description.md" or "/".join(path.parts[:2]) in large:
            continue
        if path.suffix == ".zip":
            lock["archives"][entry.path] = _zip_digest(tree / entry.path)
        else:
            md5, sha256 = hash_file(tree / entry.path, "md5", "sha256")
            rows = {} if entry.rows is None else {"rows": entry.rows}
            lock["files"][entry.path] = {"md5": md5, "sha256": sha256, **rows}
    return lock


def check_lock(lock: dict[str, Any], manifest: Manifest, tree: Path) -> None:
    """Compare a prepared tree with its lock.

    A lock may say less than `make_lock` writes (only the md5 of some files, where nothing more is
    published): what it says must hold.

    Raises
    ------
    LockMismatchError
        With one line for each file that differs.
    """
    entries = {entry.path: entry for entry in manifest.files}
    wrong = []
    for path, expected in lock.get("files", {}).items():
        if path not in entries:
            wrong.append(f"{path} is missing")
            continue
        found: dict[str, Any] = {"sha256": entries[path].sha256, "rows": entries[path].rows}
        if "md5" in expected:
            found["md5"] = hash_file(tree / path, "md5")[0]
        for key in ("rows", "md5", "sha256"):
            if key in expected and found[key] != expected[key]:
                wrong.append(f"{path}: {key} is {found[key]}, must be {expected[key]}")
                break
    for path, expected in lock.get("archives", {}).items():
        if path not in entries:
            wrong.append(f"{path} is missing")
        elif (digest := _zip_digest(tree / path)) != expected:
            wrong.append(
                f"{path}: its {digest['members']} members differ from the {expected['members']} "
                "members it must have"
            )
    for name, expected in lock.get("folders", {}).items():
        items = [(p, e.sha256) for p, e in entries.items() if p.startswith(f"{name}/")]
        if len(items) != expected["files"]:
            wrong.append(f"{name}/ holds {len(items)} files, must hold {expected['files']}")
        elif "sha256" in expected and _folder_digest(items) != expected["sha256"]:
            wrong.append(f"{name}/: the content of some file differs")
    if wrong:
        raise LockMismatchError(
            f"{manifest.competition} {manifest.version}: prepared data differs from the lock:\n"
            + "\n".join(f"  {line}" for line in wrong)
            + "\nThe raw data is not the published one, or is damaged: get it again. For raw data "
            "that is meant to differ, use --skip-lock."
        )


LockState = Literal["holds", "skipped", "none"]


def lock_to_hold(
    competition: str, version: str, folder: Path | None, *, skip: bool
) -> tuple[dict[str, Any] | None, LockState]:
    """Return the lock that data must agree with, if any, and what to say of it if it does."""
    lock = None if skip else read_lock(competition, version, folder)
    return lock, "skipped" if skip else "holds" if lock is not None else "none"


def read_lock(competition: str, version: str, folder: Path | None = None) -> dict[str, Any] | None:
    """Return the lock of a data version, or None where there is none."""
    path = lock_path(competition, version, folder)
    if not path.is_file():
        return None
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
