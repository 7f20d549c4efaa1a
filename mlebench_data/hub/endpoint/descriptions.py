"""Repositories, files and folders as the API of the Hub describes them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from mlebench_data.hub.endpoint.folders import Entry
from mlebench_data.hub.endpoint.store import Repository
from mlebench_data.hub.endpoint.tree import Tree
from mlebench_data.hub.layout import CARD


def describe_repository(
    repository: Repository, organisation: str, tree: Tree, *, blobs: bool = False
) -> dict[str, Any]:
    """Describe a repository at a commit, with its files."""
    facts = summarise_repository(repository, organisation, tree)
    siblings = []
    for entry in tree.entries.values():
        sibling: dict[str, Any] = {"rfilename": entry.path}
        if blobs:
            file = describe_file(tree, entry)
            sibling |= {"size": entry.size, "blobId": file["oid"]}
            if "lfs" in file:
                lfs = file["lfs"]
                sibling["lfs"] = {
                    "sha256": lfs["oid"],
                    "size": lfs["size"],
                    "pointerSize": lfs["pointerSize"],
                }
        siblings.append(sibling)
    return {**facts, "siblings": siblings}


def summarise_repository(repository: Repository, organisation: str, tree: Tree) -> dict[str, Any]:
    """Describe a repository in a list."""
    state = repository.state()
    record = state.commits.get(tree.commit)
    newest = max((entry.stamp[3] for entry in tree.entries.values()), default=0)
    changed = record.date if record is not None else time_of(newest)
    facts: dict[str, Any] = {
        "_id": hashlib.sha256(f"{repository.kind}/{repository.name}".encode()).hexdigest()[:24],
        "id": f"{organisation}/{repository.name}",
        "author": organisation,
        "sha": tree.commit,
        "createdAt": changed,
        "lastModified": changed,
        "private": state.private,
        "gated": state.gated,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": [],
    }
    if repository.kind == "model":
        facts["modelId"] = facts["id"]
    card = _front_matter(tree)
    if card is not None:
        facts["cardData"] = card
        if repository.kind == "space":
            facts["sdk"] = card.get("sdk")
    return facts


def describe_file(tree: Tree, entry: Entry) -> dict[str, Any]:
    """Describe a file as a listing does."""
    sha256 = tree.listed.get(entry.path)
    if sha256 is None:
        return {"type": "file", "path": entry.path, "size": entry.size, "oid": tree.blob(entry)}
    # What git would hold in place of a large file.
    pointer = (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {entry.size}\n"
    ).encode()
    oid = hashlib.sha1(f"blob {len(pointer)}\0".encode() + pointer, usedforsecurity=False)
    return {
        "type": "file",
        "path": entry.path,
        "size": entry.size,
        "oid": oid.hexdigest(),
        "lfs": {"oid": sha256, "size": entry.size, "pointerSize": len(pointer)},
    }


def describe_folder(path: str) -> dict[str, Any]:
    """Describe a folder as a listing does."""
    oid = hashlib.sha1(f"tree {path}".encode(), usedforsecurity=False)
    return {"type": "directory", "path": path, "size": 0, "oid": oid.hexdigest()}


def last_commit(repository: Repository, tree: Tree) -> dict[str, Any]:
    """Describe the commit that listings with details name for each file."""
    record = repository.state().commits.get(tree.commit)
    newest = max((entry.stamp[3] for entry in tree.entries.values()), default=0)
    return {
        "id": tree.commit,
        "title": record.title if record is not None else "Packed",
        "date": record.date if record is not None else time_of(newest),
    }


def folders_of(tree: Tree) -> set[str]:
    """Return the paths of all folders of a commit."""
    folders = set()
    for path in tree.entries:
        while "/" in path:
            path = path.rpartition("/")[0]
            if path in folders:
                break
            folders.add(path)
    return folders


_LATEST = 253_402_300_799
"""The end of the year 9999: a wrong clock may date a file anywhere, and years have four digits."""


def time_of(nanoseconds: int) -> str:
    """Return a time as the API gives it."""
    seconds = min(max(nanoseconds // 10**9, 0), _LATEST)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _front_matter(tree: Tree) -> dict[str, Any] | None:
    """Return the metadata of the card; None if it has none that can be sent."""
    if CARD not in tree.entries:
        return None
    with tree.folder.open(CARD) as file:
        text = file.read().decode("utf-8", "replace")
    return parse_front_matter(text)[0]


def parse_front_matter(text: str) -> tuple[dict[str, Any] | None, str | None]:
    """Parse the metadata of a card.

    Returns
    -------
    tuple of (dict or None, str or None)
        The metadata, if there are any, and what is wrong with them, if anything is.
    """
    import json

    import yaml

    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0] != "---" or "---" not in lines[1:]:
        return None, None
    block = "\n".join(lines[1 : lines.index("---", 1)])
    try:
        content = yaml.safe_load(block)
        # Dates and such become text; what JSON cannot say at all is refused.
        content = json.loads(json.dumps(content, default=str, allow_nan=False))
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        return None, str(error)
    if not isinstance(content, dict):
        return None, None if content is None else "must be a mapping"
    return content, None
