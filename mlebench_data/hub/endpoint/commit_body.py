"""What a client says in a commit: one JSON object in each line."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlebench_data.hub.endpoint.messages import RefusedError, parse_json, text_of
from mlebench_data.hub.endpoint.names import is_accepted
from mlebench_data.hub.endpoint.uploads import OBJECT

LARGEST_INLINE = 1 << 30
"""Bytes of the largest file that may come within a commit; larger ones are uploaded before it."""

_LONGEST_LINE = 1 << 20
"""Bytes of a line that are held in memory. In a longer one, the content of a file must stand, which
goes to the disk as it comes in."""

# A quotation mark within a text has a backslash before it.
_CONTENT = re.compile(rb'(?<!\\)"content"\s*:\s*"')


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
    reader = _Reader(body)
    while True:
        target = incoming / str(len(commit.changes))
        line = reader.line(target)
        if line is None:
            return commit
        if not line.strip():
            continue
        item = parse_json(line)
        value = item.get("value") if isinstance(item, dict) else None
        if not isinstance(value, dict):
            raise RefusedError(400, "Each line of a commit must have 'key' and 'value'.")
        key = text_of(item, "key")
        if key == "header":
            commit.title = text_of(value, "summary")
            commit.parent = text_of(value, "parentCommit", "") or None
        else:
            commit.changes.append(_change(key, value, target, reader.digest))


def _change(key: str, value: dict[str, Any], target: Path, digest: str | None) -> Change:
    """Read one change; with a digest, its content is in the target already."""
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
        is_base64 = text_of(value, "encoding", "utf-8") == "base64"
        if digest is None:
            content = text_of(value, "content")
            data = _decoded(content) if is_base64 else content.encode("utf-8", "surrogatepass")
            target.write_bytes(data)
            digest = hashlib.sha256(data).hexdigest()
        elif not is_base64:
            raise RefusedError(413, f"Send the content of {path!r} as base64, it is so long.")
        return Change(path, digest, target)
    if key == "lfsFile":
        oid = text_of(value, "oid")
        if not OBJECT.fullmatch(oid) or text_of(value, "algo", "sha256") != "sha256":
            raise RefusedError(400, f"{path!r} needs the SHA-256 of its content as 'oid'.")
        return Change(path, oid)
    if key in ("deletedFile", "deletedFolder"):
        return Change(path, folder=key == "deletedFolder")
    raise RefusedError(400, f"This server knows no {key!r} in a commit.")


def _decoded(text: str | bytes | bytearray) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RefusedError(400, "The content of a file is no base64.") from error


class _Reader:
    """Cuts a body into lines. Long contents of files go to the disk and not through memory.

    Parameters
    ----------
    body : iterable of bytes
        The body.

    Attributes
    ----------
    digest : str or None
        SHA-256 (hex) of the content that stood in the last line and went to the disk.
    """

    def __init__(self, body: Iterable[bytes]) -> None:
        self._pieces = iter(body)
        self._buffer = bytearray()
        self.digest: str | None = None

    def line(self, target: Path) -> bytes | None:
        """Return the next line, None after the last one.

        Parameters
        ----------
        target : pathlib.Path
            New file for a content too long for memory; the line has an empty one in its place.
        """
        self.digest = None
        if not self._find(b"\n"):
            if len(self._buffer) > _LONGEST_LINE:
                return self._long_line(target)
            if not self._buffer:
                return None
        return self._rest_of_line()

    def _find(self, end: bytes) -> bool:
        """Read on until something has come, or as much as memory may hold; tell whether it has."""
        searched = 0
        while (found := self._buffer.find(end, searched)) < 0:
            searched = len(self._buffer)
            if searched > _LONGEST_LINE or not self._more():
                return False
        return found >= 0

    def _more(self) -> bool:
        for piece in self._pieces:
            self._buffer += piece
            return True
        return False

    def _take(self, count: int) -> bytes:
        taken = bytes(memoryview(self._buffer)[:count])
        del self._buffer[:count]
        return taken

    def _rest_of_line(self) -> bytes:
        end = self._buffer.find(b"\n")
        return self._take(len(self._buffer) if end < 0 else end + 1)

    def _long_line(self, target: Path) -> bytes:
        begin = _CONTENT.search(self._buffer)
        if begin is None:
            raise RefusedError(413, f"A line without a file may have {_LONGEST_LINE} bytes.")
        head = self._take(begin.end())
        digest = hashlib.sha256()
        size = 0
        with target.open("wb") as file:
            is_complete = False
            while not is_complete:
                is_complete = self._find(b'"')
                # The last group of four may be a shorter one, so it waits for its end.
                end = self._buffer.find(b'"') if is_complete else (len(self._buffer) - 1) // 4 * 4
                if end <= 0 and not is_complete:
                    raise RefusedError(400, "The content of a file breaks off.")
                text = self._take(end)
                if not is_complete and text.endswith(b"="):
                    raise RefusedError(400, "The content of a file is no base64.")
                content = _decoded(text)
                size += len(content)
                if size > LARGEST_INLINE:
                    raise RefusedError(
                        413,
                        f"A file within a commit may have {LARGEST_INLINE} bytes. Upload larger "
                        "ones before it.",
                    )
                digest.update(content)
                file.write(content)
        self._find(b"\n")
        if len(self._buffer) > _LONGEST_LINE and b"\n" not in self._buffer:
            raise RefusedError(413, f"A line without a file may have {_LONGEST_LINE} bytes.")
        self.digest = digest.hexdigest()
        return head + self._rest_of_line()
