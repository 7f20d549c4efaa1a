"""What is about to be sent: a checked list, and nothing beside it."""

from __future__ import annotations

import hashlib
import io
import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mlebench_data.hub.publish.errors import PublishError

_IN_MEMORY = 8 << 20
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Item:
    """One file that may be sent.

    Attributes
    ----------
    path : str
        Its path in the repository.
    size : int
        Bytes.
    sha256 : str
        Digest of what may be sent; anything else is refused.
    origin : pathlib.Path, optional
        Where it lies, unless its content is given.
    content : bytes, optional
        Its content, where that was read when it was checked.
    sealed : bool
        Whether it holds locked answers.
    """

    path: str
    size: int
    sha256: str
    origin: Path | None = None
    content: bytes | None = None
    sealed: bool = False

    @classmethod
    def of(cls, path: str, content: bytes) -> Item:
        """Return the item of a content that is at hand."""
        return cls(path, len(content), hashlib.sha256(content).hexdigest(), content=content)

    @property
    def in_memory(self) -> bool:
        """Whether `open` holds the whole content in memory."""
        return self.content is not None or self.sealed or self.size <= _IN_MEMORY

    def open(self) -> BinaryIO:
        """Open what may be sent, refused unless it is what was checked.

        A small or sealed file is read once: the very bytes whose digest was compared are those
        that are sent. Reading a large one fails as soon as the file is written to.

        Raises
        ------
        PublishError
            If the file is gone or has other bytes than the list says.
        """
        if self.content is not None:
            return io.BytesIO(self.content)
        assert self.origin is not None
        with ExitStack() as closing:
            stream = closing.enter_context(_open_watched(self.origin))
            if self.in_memory:
                # One byte more tells a file that has grown.
                content = stream.read(self.size + 1)
                self._compare(hashlib.sha256(content).hexdigest(), len(content))
                return io.BytesIO(content)
            digest = hashlib.sha256()
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
            self._compare(digest.hexdigest(), stream.tell())
            stream.seek(0)
            closing.pop_all()
            return stream

    def git_sha1(self) -> str:
        """Return the digest under which git stores the content (hex)."""
        digest = hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False)
        with self.open() as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    def _compare(self, sha256: str, size: int) -> None:
        if (sha256, size) != (self.sha256, self.size):
            raise PublishError(
                f"{self.origin} is not what the manifest says: it was changed since it was packed. "
                "Nothing of it was published. Run `mlebench pack` again."
            )


@dataclass(frozen=True)
class Contents:
    """Everything that one repository consists of.

    Attributes
    ----------
    name : str
        The repository's name, without its organisation.
    version : str
        The tag it gets.
    items : tuple of Item
        Its files, in the order of sending: the last ones make it complete.
    keystones : tuple of str
        Paths without which it is no repository; sent last.
    gated : bool
        Whether readers must be granted access one by one.
    """

    name: str
    version: str
    items: tuple[Item, ...]
    keystones: tuple[str, ...] = ()
    gated: bool = False

    @property
    def size(self) -> int:
        """Sum of the sizes in bytes."""
        return sum(item.size for item in self.items)

    def text(self, path: str) -> bytes:
        """Return the content of a file that was read when it was checked, or nothing."""
        found = (item.content for item in self.items if item.path == path)
        return next(found, None) or b""


class _WatchedFile(io.FileIO):
    """A file whose bytes are handed on only while nobody has written to it."""

    def __init__(self, path: Path) -> None:
        # A link could be turned to another file between check and reading.
        super().__init__(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
        self._path = path
        self._written = self._state()

    def _state(self) -> tuple[int, int]:
        found = os.fstat(self.fileno())
        return found.st_size, found.st_mtime_ns

    def _check(self) -> None:
        if self._state() != self._written:
            raise PublishError(
                f"{self._path} was changed while it was being published. What was sent of it is "
                "not part of what was published. Run the same command again when nothing writes "
                "to it any more."
            )

    def readinto(self, buffer: object) -> int | None:  # type: ignore[override]
        count = super().readinto(buffer)  # type: ignore[arg-type]
        self._check()
        return count

    def readall(self) -> bytes:
        content = super().readall()
        self._check()
        return content or b""


def _open_watched(path: Path) -> io.BufferedReader:
    try:
        return io.BufferedReader(_WatchedFile(path), _CHUNK)
    except OSError as error:
        raise PublishError(
            f"{path} cannot be read any more: {error.strerror}. Run `mlebench pack` again."
        ) from error
