"""One state of one repository, wherever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mlebench_data.errors import DataNotFoundError
from mlebench_data.hub.repository import RepositoryFile

#: Files that are fetched at a time.
_AT_ONCE = 4


class Snapshot(ABC):
    """One state of one repository: what is read from it stays the same.

    Attributes
    ----------
    competition : str
        Id of the competition.
    source : str
        The repository's place, for people and records.
    revision : str
        What was asked for, as a version tag.
    commit : str or None
        What that is.
    folder : pathlib.Path or None
        The repository itself, if it lies on the local disk.
    """

    competition: str
    source: str
    revision: str
    commit: str | None = None
    folder: Path | None = None

    @abstractmethod
    def read(self, path: str) -> bytes:
        """Return the content of a small file.

        Raises
        ------
        DataNotFoundError
            If the repository has no such file.
        SourceError
            If the place cannot be reached, or refuses.
        """

    @abstractmethod
    def fetch(self, files: Sequence[RepositoryFile], target: Path) -> Path:
        """Bring files to the local disk.

        Parameters
        ----------
        files : sequence of RepositoryFile
            Which.
        target : pathlib.Path
            Folder that they are put into, by their paths, if they are not local already. What an
            interrupted call has left there is used.

        Returns
        -------
        pathlib.Path
            Folder that has them: `target` or the repository itself.

        Raises
        ------
        IntegrityError
            If a file is not there, or another one than described.
        SourceError
            If the place cannot be reached, or refuses.
        """


class RemoteSnapshot(Snapshot):
    """A repository elsewhere, of which several files are fetched at a time."""

    def fetch(self, files: Sequence[RepositoryFile], target: Path) -> Path:
        """Fetch files; one that broke off goes on where it ended."""
        target.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            futures = [pool.submit(self._fetch, item, target) for item in files]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return target

    @abstractmethod
    def _fetch(self, item: RepositoryFile, target: Path) -> None:
        """Fetch one file, and make sure that it is the one described."""


class FolderSnapshot(Snapshot):
    """A repository on the local disk.

    Parameters
    ----------
    folder : pathlib.Path
        The repository.
    competition, revision : str
        What it holds.
    """

    def __init__(self, folder: Path, competition: str, revision: str) -> None:
        from mlebench_data.hub.repository import commit_of

        self.folder: Path = folder
        self.competition = competition
        self.source = str(folder.absolute())
        self.revision = revision
        self.commit = commit_of(folder)

    def read(self, path: str) -> bytes:
        """Return the content of a small file."""
        try:
            return (self.folder / path).read_bytes()
        except FileNotFoundError as error:
            raise DataNotFoundError(f"{self.folder} has no {path}.") from error

    def fetch(self, files: Sequence[RepositoryFile], target: Path) -> Path:
        """Return the repository: its files are here."""
        return self.folder
