"""What a client says in a commit: one JSON object in each line."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlebench_data.hub.endpoint.messages import RefusedError, parse_json, text_of
from mlebench_data.hub.endpoint.names import is_accepted
from mlebench_data.hub.endpoint.uploads import OBJECT

LARGEST_INLINE = 100 << 20
"""Bytes of the largest file that comes within a commit; larger ones are uploaded before it."""

_LONGEST_LINE = LARGEST_INLINE * 4 // 3 + (64 << 10)


@dataclass(frozen=True)
class Change:
    """One change to a tree.

    Attributes
    ----------
    path : str
        File, or folder of a removal.
    sha256 : str
        Digest (hex) of the new content; empty for a removal.
    content : pathlib.Path, optional
        File with the new content; None if it was uploaded before, or for a removal.
    folder : bool
        Whether a whole folder is removed.
    """

    path: str
    sha256: str = ""
    content: Path | None = None
    folder: bool = False


@dataclass
class CommitBody:
    """All that a commit says.

    Attributes
    ----------
    title : str
        Its message.
    parent : str, optional
        The commit that it must follow.
    changes : list of Change
        In order.
    """

    title: str = ""
    parent: str | None = None
    changes: list[Change] = field(default_factory=list)


def read_commit(body: Iterable[bytes], incoming: Path) -> CommitBody:
    """Read a commit as it comes in.

    Parameters
    ----------
    body : iterable of bytes
        Lines of JSON.
    incoming : pathlib.Path
        Empty folder for the content of files, which stays out of memory.

    Raises
    ------
    RefusedError
        If it is malformed.
    """
    commit = CommitBody()
    for line in _lines(body):
        item = parse_json(line)
        value = item.get("value") if isinstance(item, dict) else None
        if not isinstance(value, dict):
            raise RefusedError(400, "Each line of a commit must have 'key' and 'value'.")
        key = text_of(item, "key")
        if key == "header":
            commit.title = text_of(value, "summary")
            commit.parent = text_of(value, "parentCommit", "") or None
        else:
            target = incoming / str(len(commit.changes))
            commit.changes.append(_change(key, value, target))
    return commit


def _change(key: str, value: dict[str, Any], target: Path) -> Change:
    path = text_of(value, "path")
    if key == "deletedFolder":
        path = path.strip("/")
    if not is_accepted(path):
        raise RefusedError(
            400,
            f"A repository cannot have a file {path!r}: hidden files, '..' and control characters "
            "are refused.",
        )
    if key == "file":
        if text_of(value, "encoding", "utf-8") == "base64":
            try:
                content = base64.b64decode(text_of(value, "content"), validate=True)
            except (binascii.Error, ValueError) as error:
                raise RefusedError(400, f"The content of {path!r} is no base64.") from error
        else:
            content = text_of(value, "content").encode("utf-8", "surrogatepass")
        target.write_bytes(content)
        return Change(path, hashlib.sha256(content).hexdigest(), target)
    if key == "lfsFile":
        oid = text_of(value, "oid")
        if not OBJECT.fullmatch(oid) or text_of(value, "algo", "sha256") != "sha256":
            raise RefusedError(400, f"{path!r} needs the SHA-256 of its content as 'oid'.")
        return Change(path, oid)
    if key in ("deletedFile", "deletedFolder"):
        return Change(path, folder=key == "deletedFolder")
    raise RefusedError(400, f"This server knows no {key!r} in a commit.")


def _lines(body: Iterable[bytes]) -> Iterator[bytes]:
    """Cut a body into lines, holding no more than one in memory."""
    pieces: list[bytes] = []
    size = 0
    for piece in body:
        *ends, rest = piece.split(b"\n")
        for end in ends:
            yield from _unless_blank([*pieces, end])
            pieces, size = [], 0
        pieces.append(rest)
        size += len(rest)
        if size > _LONGEST_LINE:
            raise RefusedError(
                413,
                f"A file within a commit may have {LARGEST_INLINE} bytes. Upload larger ones "
                "before it.",
            )
    yield from _unless_blank(pieces)


def _unless_blank(pieces: list[bytes]) -> Iterator[bytes]:
    line = b"".join(pieces).strip()
    if line:
        yield line
