"""Where repositories come from: a folder, any file system, or a dataset host.

Where nothing is named, the first of these that is set is it: `MLEBENCH_SOURCE`, the folder given to
`mlebench_data.connect` in this process, the host in `HF_ENDPOINT`, the Hugging Face Hub.
"""

from __future__ import annotations

import os
import re
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from mlebench_data.errors import DataNotFoundError, SourceError
from mlebench_data.hub.filesystem_source import FilesystemSnapshot
from mlebench_data.hub.hub_source import (
    ENDPOINT_VARIABLE,
    HUB,
    HubSnapshot,
    default_endpoint,
)
from mlebench_data.hub.layout import CARD, MANIFEST, ORGANISATION, SEALED_LIST
from mlebench_data.hub.origin import without_secrets
from mlebench_data.hub.repository import RepositoryFile, RepositoryManifest, SealedList
from mlebench_data.hub.snapshot import FolderSnapshot, Snapshot

SOURCE_VARIABLE = "MLEBENCH_SOURCE"

ORDER = (
    f"--from, else {SOURCE_VARIABLE}",
    "the folder of mlebench_data.connect",
    f"the host in {ENDPOINT_VARIABLE}",
    f"the Hub ({HUB})",
)
"""Where repositories are looked for: the first of these that is set."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[A-Za-z0-9+.-]+::")
_LOCAL_SCHEMES = ("file://", "local://")


@dataclass(frozen=True)
class Fetched:
    """A repository on the local disk.

    Attributes
    ----------
    folder : pathlib.Path
        The repository; the source itself where that is local.
    source, revision : str
        Where it came from, and what was asked for.
    commit : str or None
        What that was.
    """

    folder: Path
    source: str
    revision: str
    commit: str | None


class Source(ABC):
    """A place that has competitions' repositories."""

    @abstractmethod
    def describe(self) -> str:
        """Return the place, for people."""

    @abstractmethod
    def address(self, competition_id: str) -> str:
        """Return where the repository of a competition is, or would be."""

    @abstractmethod
    def open(self, competition_id: str, version: str | None) -> Snapshot:
        """Find the repository of one data version, and pin it.

        Raises
        ------
        DataNotFoundError
            If it is not there.
        SourceError
            If the place cannot be reached, or refuses.
        """

    def has(self, competition_id: str) -> bool:
        """Tell whether there is a repository of a competition, in whatever version.

        Raises
        ------
        SourceError
            If the place cannot be reached, or refuses.
        """
        try:
            self.open(competition_id, None)
        except DataNotFoundError:
            return False
        return True

    def fetch(
        self, competition_id: str, version: str | None, target: Path, *, private: bool
    ) -> Fetched:
        """Bring a repository to the local disk.

        Parameters
        ----------
        competition_id : str
            Its competition.
        version : str or None
            Its data version; whatever the place has by default.
        target : pathlib.Path
            Folder for it. It is not used where the source is local.
        private : bool
            Fetch the sealed files too.

        Raises
        ------
        DataNotFoundError, SourceError
            As `open`.
        IntegrityError
            If the repository is not complete.
        """
        snapshot = self.open(competition_id, version)
        if snapshot.folder is not None:
            folder = snapshot.folder
        else:
            text = snapshot.read(MANIFEST)
            manifest = RepositoryManifest.parse(text, f"{snapshot.source}: {MANIFEST}")
            folder = snapshot.fetch(manifest.contents, target)
            _write(folder / CARD, snapshot.read(CARD))
            if private:
                fetch_sealed(snapshot, folder)
            # Last: a folder with a manifest is a whole repository.
            _write(folder / MANIFEST, text)
        return Fetched(folder, snapshot.source, snapshot.revision, snapshot.commit)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def fetch_sealed(snapshot: Snapshot, target: Path) -> None:
    """Bring the sealed files of a repository, and their list, to the local disk.

    Raises
    ------
    DataNotFoundError
        If the repository has no private part.
    IntegrityError
        If the list is malformed, or a file is not there or another one than listed.
    SourceError
        If the place cannot be reached, or refuses.
    """
    text = snapshot.read(SEALED_LIST)
    listed = SealedList.parse(text, f"{snapshot.source}: {SEALED_LIST}")
    snapshot.fetch([RepositoryFile(**_described(item)) for item in listed.files], target)
    _write(target / SEALED_LIST, text)


def _described(item: RepositoryFile) -> dict[str, object]:
    return {"path": item.path, "size": item.size, "sha256": item.sha256}


@dataclass(frozen=True)
class FolderSource(Source):
    """A folder of repositories by competition id, or one repository."""

    folder: Path

    def describe(self) -> str:
        """Return the folder."""
        return str(self.folder)

    def address(self, competition_id: str) -> str:
        """Return the repository's folder."""
        return str(self._repository(competition_id))

    def _repository(self, competition_id: str) -> Path:
        return self.folder if (self.folder / MANIFEST).is_file() else self.folder / competition_id

    def open(self, competition_id: str, version: str | None) -> Snapshot:
        """Find the repository of one data version."""
        repository = self._repository(competition_id)
        if not (repository / MANIFEST).is_file():
            raise DataNotFoundError(
                f"There is no dataset repository {repository}. Make it with "
                f"`mlebench pack {competition_id} --out {repository}`."
            )
        return FolderSnapshot(repository, competition_id, version or "main")


@dataclass(frozen=True)
class FilesystemSource(Source):
    """Such a folder in another file system, by its fsspec address."""

    url: str

    def describe(self) -> str:
        """Return the address, without secrets."""
        return without_secrets(self.url)

    def address(self, competition_id: str) -> str:
        """Return the repository's address where the folder holds several."""
        return f"{self.describe().rstrip('/')}/{competition_id}"

    def open(self, competition_id: str, version: str | None) -> Snapshot:
        """Find the repository of one data version."""
        base = self.url.rstrip("/")
        revision = version or "main"
        try:
            return FilesystemSnapshot(f"{base}/{competition_id}", competition_id, revision)
        except DataNotFoundError as missing:
            try:
                return FilesystemSnapshot(base, competition_id, revision)
            except DataNotFoundError:
                raise DataNotFoundError(
                    f"{missing} Put a repository there with "
                    f"`mlebench publish {competition_id} --to {self.describe()}`."
                ) from missing


@dataclass(frozen=True)
class HubSource(Source):
    """The repositories of one organisation on a dataset host."""

    endpoint: str
    organisation: str = ORGANISATION

    def describe(self) -> str:
        """Return the address of the organisation's repositories."""
        return f"{self.endpoint}/datasets/{self.organisation}"

    def address(self, competition_id: str) -> str:
        """Return the repository's address."""
        return f"{self.describe()}/{competition_id}"

    def open(self, competition_id: str, version: str | None) -> Snapshot:
        """Find the repository of one data version: its tag."""
        name = f"{self.organisation}/{competition_id}"
        return HubSnapshot(self.endpoint, name, competition_id, version or "main")


def open_source(text: str | Path | None = None) -> Source:
    """Return the place that a text names.

    Parameters
    ----------
    text : str or pathlib.Path, optional
        A folder (of repositories, or one repository); an fsspec address of such a folder;
        `hf://datasets/ORGANISATION`; `http(s)://HOST[/ORGANISATION]`. By default the place in
        force, see `default_source`.

    Raises
    ------
    SourceError
        If the text names no place.
    """
    if text is None:
        text = default_source()[0]
    text = str(text)
    if not text.strip():
        raise SourceError("The source is empty. Name a folder or an address.")
    if text.startswith("hf://"):
        return HubSource(default_endpoint(), _organisation(text, text.removeprefix("hf://")))
    if text.startswith(("http://", "https://")):
        scheme, _, rest = text.partition("://")
        host, _, path = rest.rstrip("/").partition("/")
        organisation = _organisation(text, f"datasets/{path.removeprefix('datasets/')}")
        return HubSource(f"{scheme}://{host}", organisation)
    if text.startswith(_LOCAL_SCHEMES):
        return FolderSource(Path(text.partition("://")[2]))
    if _SCHEME.match(text):
        return FilesystemSource(text)
    return FolderSource(Path(text).expanduser())


def _organisation(text: str, path: str) -> str:
    match = re.fullmatch(r"datasets(?:/([\w.-]*))?/?", path)
    if match is None:
        raise SourceError(
            f"'{text}' is no source: write hf://datasets/ORGANISATION or "
            "https://HOST/ORGANISATION; the repository in it follows from the competition."
        )
    return match[1] or ORGANISATION


def connected_folder() -> Path | None:
    """Return the folder given to `mlebench_data.connect` in this process, if one is."""
    # Who has connected one has imported this; nobody else needs to.
    module = sys.modules.get("mlebench_data.hub.endpoint.connection")
    connection = None if module is None else module.connected()
    return None if connection is None else Path(connection.folder)


def default_source() -> tuple[str, str]:
    """Return the place in force where none is named, and what made it so."""
    named = os.environ.get(SOURCE_VARIABLE)
    if named:
        return named, f"{SOURCE_VARIABLE} is set"
    connected = connected_folder()
    if connected is not None:
        return str(connected), "this process is connected to it"
    if os.environ.get(ENDPOINT_VARIABLE):
        return f"{default_endpoint()}/{ORGANISATION}", f"{ENDPOINT_VARIABLE} is set"
    return f"{HUB}/{ORGANISATION}", "nothing else is set"


def local_folder(text: str | None) -> Path | None:
    """Return the local folder that a source is, if it is one."""
    source = open_source(text)
    return source.folder if isinstance(source, FolderSource) else None


def private_repository(
    source: str | Path | Source | None, competition_id: str, version: str | None = None
) -> Path:
    """Return a repository on the local disk that has its sealed files, and no public ones.

    What is fetched is kept, sealed as it is, in a folder of the cache that others cannot read.

    Parameters
    ----------
    source : str or pathlib.Path or Source, optional
        Where from, as `open_source` reads it.
    competition_id : str
        The competition.
    version : str, optional
        Its data version; whatever the place has by default.

    Returns
    -------
    pathlib.Path
        The repository; the source itself where that is local. Its gated sibling, if it has one,
        lies beside it.

    Raises
    ------
    DataNotFoundError
        If there is no such repository, or it has no private part.
    SourceError
        If the place cannot be reached, or refuses.
    """
    from mlebench_data.hub.private_cache import fetch_private

    place = source if isinstance(source, Source) else open_source(source)
    return fetch_private(place, competition_id, version)[0]
