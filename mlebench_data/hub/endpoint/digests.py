"""Digests of files, computed when first asked for and remembered as long as a file is unchanged."""

from __future__ import annotations

import hashlib
import threading
from typing import BinaryIO

from mlebench_data.hub.endpoint.folders import Entry, Folder
from mlebench_data.hub.endpoint.messages import CHUNK


class FileDigests:
    """What is known about the content of files, by their stamps."""

    def __init__(self) -> None:
        self._sha256: dict[tuple[int, ...], str] = {}
        self._blobs: dict[tuple[int, ...], str] = {}
        # Several clients ask for the same file at once: one reads it, the others wait.
        self._lock = threading.Lock()

    def learn(self, entry: Entry, sha256: str) -> None:
        """Remember a digest that is known without reading the file."""
        self._sha256[entry.stamp] = sha256

    def known(self, entry: Entry) -> str | None:
        """Return the SHA-256 (hex) of a file if it is known."""
        return self._sha256.get(entry.stamp)

    def sha256(self, folder: Folder, entry: Entry) -> str:
        """Return the SHA-256 (hex) of a file."""
        return self._digest(self._sha256, folder, entry, hashlib.sha256())

    def blob(self, folder: Folder, entry: Entry) -> str:
        """Return what git calls the content of a file: the SHA-1 (hex) of its size and bytes."""
        start = hashlib.sha1(f"blob {entry.size}\0".encode(), usedforsecurity=False)
        return self._digest(self._blobs, folder, entry, start)

    def _digest(
        self,
        known: dict[tuple[int, ...], str],
        folder: Folder,
        entry: Entry,
        hasher: hashlib._Hash,
    ) -> str:
        if entry.stamp not in known:
            with self._lock:
                if entry.stamp not in known:
                    with folder.open(entry.path) as file:
                        known[entry.stamp] = _finish(hasher, file)
        return known[entry.stamp]


def _finish(hasher: hashlib._Hash, file: BinaryIO) -> str:
    while chunk := file.read(CHUNK):
        hasher.update(chunk)
    return hasher.hexdigest()
