"""Repositories in any file system that fsspec knows: `s3://`, `gs://`, `memory://` and more."""

from __future__ import annotations

import errno
import logging
import time
from pathlib import Path
from typing import Any

from mlebench_data.errors import (
    DataNotFoundError,
    IntegrityError,
    MissingExtraError,
    SourceError,
    UnreachableError,
)
from mlebench_data.hub.layout import CARD, MANIFEST, SEALED_LIST
from mlebench_data.hub.origin import without_secrets
from mlebench_data.hub.repository import RepositoryFile, commit_of_contents
from mlebench_data.hub.snapshot import RemoteSnapshot
from mlebench_data.prepare.manifest import hash_file

logger = logging.getLogger(__name__)

RETRY_SECONDS = (1, 2, 4, 8, 15)
"""Waiting times between tries to go on with a file whose transfer broke off."""

_LOCAL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Errors of the disk that is written to: no further try makes them go away."""

_BLOCK_SIZE = 4 << 20


def open_file_system(url: str) -> tuple[Any, str]:
    """Return the file system of an address, and the path in it.

    Raises
    ------
    MissingExtraError
        If the library for this kind of address is not installed.
    SourceError
        If there is no such kind, or it refuses.
    """
    import fsspec

    shown = without_secrets(url)
    try:
        filesystem, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise MissingExtraError(f"{shown} needs a library that is not installed: {error}.") from (
            error
        )
    except Exception as error:
        raise SourceError(f"{shown} cannot be opened: {explain(error)}.") from error
    return filesystem, str(path).rstrip("/")


def explain(error: BaseException) -> str:
    """Return what a library's error says, in one line."""
    text = " ".join(str(error).split()).rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class FilesystemSnapshot(RemoteSnapshot):
    """A repository in a file system that is not the local one.

    Parameters
    ----------
    url : str
        Address of the repository.
    competition, revision : str
        What it is expected to hold.
    """

    def __init__(self, url: str, competition: str, revision: str) -> None:
        self._filesystem, self._root = open_file_system(url)
        # What another process has published since this one looked last is to be seen.
        self._filesystem.invalidate_cache()
        self.source = without_secrets(url)
        self.competition = competition
        self.revision = revision
        self._small = {MANIFEST: self._read(MANIFEST)}
        for name in (CARD, SEALED_LIST):
            try:
                self._small[name] = self._read(name)
            except DataNotFoundError:
                self._small[name] = b""
        self.commit = commit_of_contents(
            self._small[MANIFEST], self._small[CARD], self._small[SEALED_LIST]
        )

    def read(self, path: str) -> bytes:
        """Return the content of a small file."""
        return self._small.get(path) or self._read(path)

    def _read(self, path: str) -> bytes:
        try:
            content: bytes = self._filesystem.cat_file(f"{self._root}/{path}")
        except FileNotFoundError as error:
            raise DataNotFoundError(f"{self.source} has no {path}.") from error
        except Exception as error:
            raise self._refused(error) from error
        return content

    def _refused(self, error: Exception) -> SourceError:
        if isinstance(error, PermissionError):
            return SourceError(
                f"{self.source} may not be read ({explain(error)}). Check the credentials that "
                "this kind of address uses, and the clock of this machine."
            )
        # What the libraries of the different places raise has only its name in common.
        names = " ".join(base.__name__ for base in type(error).__mro__)
        away = any(word in names for word in ("Connect", "Timeout"))
        return (UnreachableError if away else SourceError)(
            f"{self.source} cannot be read: {explain(error)}. Check the address, the network, the "
            "credentials and the clock of this machine."
        )

    def _fetch(self, item: RepositoryFile, target: Path) -> None:
        place = target / item.path
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_file() and place.stat().st_size == item.size:
            if hash_file(place)[0] == item.sha256:
                return
            place.unlink()
        partial = place.with_name(f"{place.name}.part")
        had = partial.stat().st_size if partial.exists() else 0
        self._transfer(item, partial)
        if hash_file(partial)[0] != item.sha256:
            partial.unlink()
            if had:
                # It was begun with a part of something else: once more, from the start.
                self._fetch(item, target)
                return
            raise IntegrityError(
                f"{self.source}: {item.path} is not what the manifest says (SHA-256 differs): it "
                "was changed there. Have it published again."
            )
        partial.replace(place)

    def _transfer(self, item: RepositoryFile, partial: Path) -> None:
        """Bring a file's bytes, from where they end so far, to their full number."""
        waits = list(RETRY_SECONDS)
        while True:
            before = partial.stat().st_size if partial.exists() else 0
            if before > item.size:
                partial.unlink()
                before = 0
            try:
                self._append(item, partial, before)
            except (FileNotFoundError, PermissionError) as error:
                if isinstance(error, PermissionError):
                    raise self._refused(error) from error
                raise self._incomplete(item, "is missing") from error
            except OSError as error:
                if getattr(error, "filename", None) == str(partial) or error.errno in _LOCAL:
                    raise
                waits = self._wait(item, partial, before, waits, error)
            except Exception as error:
                waits = self._wait(item, partial, before, waits, error)
            else:
                size = partial.stat().st_size
                if size != item.size:
                    partial.unlink()
                    raise self._incomplete(item, f"has {size} bytes instead of {item.size}")
                return

    def _incomplete(self, item: RepositoryFile, problem: str) -> IntegrityError:
        return IntegrityError(
            f"{self.source}: {item.path} {problem}. Have the repository published again."
        )

    def _append(self, item: RepositoryFile, partial: Path, offset: int) -> None:
        with partial.open("ab") as writer:
            if offset == item.size:
                return
            with self._filesystem.open(f"{self._root}/{item.path}", "rb") as reader:
                reader.seek(offset)
                while offset <= item.size and (block := reader.read(_BLOCK_SIZE)):
                    writer.write(block)
                    offset += len(block)

    def _wait(
        self, item: RepositoryFile, partial: Path, before: int, waits: list[int], error: Exception
    ) -> list[int]:
        """Sleep before the next try, and return the waiting times that are left after it."""
        now = partial.stat().st_size if partial.exists() else 0
        if now > before:
            waits = list(RETRY_SECONDS)
        if not waits:
            raise self._refused(error) from error
        logger.warning(
            "%s: the transfer of %s broke off at byte %d of %d (%s); trying again in %d s.",
            self.source,
            item.path,
            now,
            item.size,
            explain(error),
            waits[0],
        )
        time.sleep(waits[0])
        return waits[1:]
