"""One commit of a repository: its files, and what identifies each of them."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import BinaryIO

from pydantic import ValidationError

from mlebench_data.hub.endpoint.digests import FileDigests
from mlebench_data.hub.endpoint.folders import Entry, Folder
from mlebench_data.hub.endpoint.messages import RefusedError
from mlebench_data.hub.endpoint.state import RepositoryState
from mlebench_data.hub.layout import CARD, MANIFEST, SEALED_LIST
from mlebench_data.hub.repository import RepositoryManifest, SealedList, commit_of_contents


@dataclass(frozen=True)
class Tree:
    """The files of one commit.

    Attributes
    ----------
    commit : str
        40 hexadecimal digits.
    complete : bool
        Whether the files are taken for exactly those that the manifest lists.
    version : str, optional
        The data version, if there is a manifest.
    folder : Folder
        Where they are.
    entries : dict of str to Entry
        By path, sorted.
    listed : dict of str to str
        SHA-256 (hex) by path of those that the manifest lists.
    digests : FileDigests
        What is known about contents.
    """

    commit: str
    complete: bool
    version: str | None
    folder: Folder
    entries: dict[str, Entry]
    listed: dict[str, str]
    digests: FileDigests

    def open(self, path: str) -> tuple[Entry, BinaryIO]:
        """Open a file.

        Raises
        ------
        RefusedError
            If there is none.
        """
        missing = RefusedError(
            404,
            f"There is no file {path!r} in this commit.",
            code="EntryNotFound",
            headers={"X-Repo-Commit": self.commit},
        )
        # A path that was passed over while listing, such as a hidden one, is not in `entries`.
        if path not in self.entries:
            raise missing
        try:
            file = self.folder.open(path)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise missing from error
        return Entry.of(path, os.fstat(file.fileno())), file

    def is_current(self) -> bool:
        """Tell whether the folder's files are still these."""
        if not self.folder.is_current():
            return False
        for path in (MANIFEST, CARD, SEALED_LIST):
            if path in self.entries:
                try:
                    with self.folder.open(path) as file:
                        now = Entry.of(path, os.fstat(file.fileno()))
                except FileNotFoundError:
                    return False
                if now.stamp != self.entries[path].stamp:
                    return False
        return True

    def sha256(self, entry: Entry) -> str:
        """Return the SHA-256 (hex) of a file."""
        return self.digests.sha256(self.folder, entry)

    def blob(self, entry: Entry) -> str:
        """Return git's digest of a file."""
        return self.digests.blob(self.folder, entry)

    def tag(self, entry: Entry) -> str:
        """Return what identifies the content of a file to clients."""
        # A file that was changed in place is no longer the listed one.
        same = entry == self.entries.get(entry.path)
        return (self.listed.get(entry.path) if same else None) or self.blob(entry)

    def with_digest(self, sha256: str) -> Entry | None:
        """Find a file of known content."""
        for entry in self.entries.values():
            if self.digests.known(entry) == sha256:
                return entry
        return None


def listing_of(entries: dict[str, Entry]) -> str:
    """Return a digest of the paths, sizes and times of files."""
    digest = hashlib.sha256()
    for entry in entries.values():
        digest.update(f"{entry.path}\0{entry.size}\0{entry.stamp[3]}\0".encode())
    return digest.hexdigest()


def read_tree(folder: Folder, digests: FileDigests, state: RepositoryState | None) -> Tree:
    """List the files of a folder and find out which commit they are.

    The state says so if the folder is as this endpoint left it. Otherwise a packed folder is
    known by its card, manifest and list of sealed files, any other by the content of all files.
    """
    entries = folder.entries()
    manifest = _manifest(folder, entries)
    commit, complete = None, manifest is not None
    if state is not None and state.head is not None:
        record = state.commits[state.head]
        if record.listing == listing_of(entries):
            commit, complete = state.head, record.complete
    if commit is None:
        if manifest is None:
            commit = _commit_of_all(folder, entries, digests)
        else:
            commit = packed_commit(folder, entries)
    listed = {}
    if manifest is not None and complete:
        # Whatever else lies in a packed folder is there by accident.
        promised = {MANIFEST, CARD, SEALED_LIST} | set(_listed(folder, entries, manifest))
        entries = {path: entry for path, entry in entries.items() if path in promised}
        for path, (size, sha256) in _listed(folder, entries, manifest).items():
            if path in entries and entries[path].size == size:
                listed[path] = sha256
                digests.learn(entries[path], sha256)
    version = manifest.version if manifest is not None else None
    return Tree(commit, complete, version, folder, entries, listed, digests)


def is_complete(folder: Folder, entries: dict[str, Entry], digests: FileDigests) -> bool:
    """Tell whether the files of a folder are exactly those that its manifest lists."""
    manifest = _manifest(folder, entries)
    if manifest is None or CARD not in entries:
        return False
    listed = _listed(folder, entries, manifest)
    known = {CARD, MANIFEST}
    if SEALED_LIST in entries:
        known.add(SEALED_LIST)
    elif manifest.private_part != "sibling":
        return False
    return set(entries) == known | set(listed) and all(
        entries[path].size == size and digests.sha256(folder, entries[path]) == sha256
        for path, (size, sha256) in listed.items()
    )


def packed_commit(folder: Folder, entries: dict[str, Entry]) -> str:
    """Return the commit of a packed folder, as `commit_of` does."""
    return commit_of_contents(*(_read(folder, entries, n) for n in (MANIFEST, CARD, SEALED_LIST)))


def _commit_of_all(folder: Folder, entries: dict[str, Entry], digests: FileDigests) -> str:
    digest = hashlib.sha256()
    for entry in entries.values():
        digest.update(f"{entry.path}\0{digests.sha256(folder, entry)}\0".encode())
    return digest.hexdigest()[:40]


def _read(folder: Folder, entries: dict[str, Entry], path: str) -> bytes:
    if path not in entries:
        return b""
    with folder.open(path) as file:
        return file.read()


def _manifest(folder: Folder, entries: dict[str, Entry]) -> RepositoryManifest | None:
    """Read the manifest; None where there is none or not yet a whole one."""
    try:
        return RepositoryManifest.model_validate_json(_read(folder, entries, MANIFEST))
    except ValidationError:
        return None


def _listed(
    folder: Folder, entries: dict[str, Entry], manifest: RepositoryManifest
) -> dict[str, tuple[int, str]]:
    """Return size and SHA-256 by path of what manifest and list of sealed files promise."""
    files = list(manifest.contents)
    try:
        sealed = SealedList.model_validate_json(_read(folder, entries, SEALED_LIST))
    except ValidationError:
        sealed = None
    files += sealed.files if sealed is not None else []
    return {file.path: (file.size, file.sha256) for file in files}
