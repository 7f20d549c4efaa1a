"""Reading of the locked private part, which never lands unencrypted on disk."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mlebench_data.errors import SealError
from mlebench_data.hub.keys import KeySource, as_key
from mlebench_data.hub.layout import ANSWERS, MANIFEST, ORGANISATION, PRIVATE_FILES, SEALED_LIST
from mlebench_data.hub.repository import (
    RepositoryManifest,
    SealedFile,
    SealedList,
    read_sealed_list,
)
from mlebench_data.hub.seal import LIST, Seal
from mlebench_data.hub.sibling import private_folder
from mlebench_data.prepare.manifest import FILE_NAME, Manifest

if TYPE_CHECKING:
    import pandas as pd
    from pyarrow import parquet

Read = TypeVar("Read")
_NAME = re.compile(rf"(?:{ORGANISATION}/)?([A-Za-z0-9][A-Za-z0-9-]*)")


@dataclass(frozen=True)
class SealedPart:
    """The sealed part of a repository: its folder, what opens it, and its files, all checked."""

    folder: Path
    seal: Seal
    listed: SealedList

    def files(self, stem: str) -> list[SealedFile]:
        """Return the files whose paths begin so."""
        return [item for item in self.listed.files if item.path.startswith(stem)]

    def open(self, item: SealedFile) -> parquet.ParquetFile:
        """Open one file, read into memory once: what is checked is what is opened."""
        path = self.folder / item.path
        again = "Fetch the repository again."
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise SealError(f"{path} is missing. {again}") from error
        if len(content) != item.size:
            raise SealError(f"{path} has {len(content)} bytes instead of {item.size}. {again}")
        if hashlib.sha256(content).hexdigest() != item.sha256:
            raise SealError(f"{path} was changed or replaced since it was sealed. {again}")
        return self.seal.open(content, item.path)


def open_sealed_part(
    repository: Path, key: KeySource, competition: str | None = None, version: str | None = None
) -> SealedPart:
    """Return the sealed part of a repository, once repository, key and list are the right ones.

    Parameters and errors are those of `load_private`.
    """
    manifest = RepositoryManifest.read(repository)
    for what, wanted, found in (
        ("competition", competition, manifest.competition),
        ("version", version, manifest.version),
    ):
        if wanted is not None and wanted != found:
            raise SealError(f"{repository} holds {what} '{found}', not '{wanted}'.")
    folder = private_folder(repository, manifest)
    listed = read_sealed_list(folder)
    opener = as_key(key)
    if opener.key_id != manifest.key_id:
        raise SealError(
            f"Wrong key: {repository} was sealed with the key of fingerprint {manifest.key_id}, "
            f"but the key in use has {opener.key_id}."
        )
    seal = Seal(opener.for_version(manifest.competition, manifest.version))
    _check_list(folder / SEALED_LIST, listed, manifest, seal)
    return SealedPart(folder, seal, listed)


def _check_list(path: Path, listed: SealedList, manifest: RepositoryManifest, seal: Seal) -> None:
    """Refuse a list of sealed files that does not belong to the manifest, or was changed."""
    mine = f"{manifest.competition} {manifest.version}"
    theirs = f"{listed.competition} {listed.version}"
    if theirs != mine:
        raise SealError(
            f"{path} lists the sealed files of {theirs}, not those of {mine}. "
            "Fetch the repository again."
        )
    if listed.key_id != manifest.key_id:
        raise SealError(
            f"{path} was sealed with the key of fingerprint {listed.key_id}, but the repository's "
            f"manifest names {manifest.key_id}. If `mlebench keys rotate` was interrupted, run it "
            "again; else fetch the repository again."
        )
    if listed.prepared_mac != manifest.prepared_mac:
        raise SealError(
            f"{path} belongs to another preparation of {mine} than the repository's manifest: "
            "older or newer files were put here. Fetch the repository again."
        )
    if not hmac.compare_digest(seal.authenticate(listed.content(), LIST), listed.mac):
        raise SealError(
            f"{path} was changed since {mine} was sealed, or does not belong to it: its keyed "
            "digest does not fit. Fetch the repository again."
        )


def _folder(repository: Path | str, source: str | None, version: str | None) -> Path:
    """Return the folder of a repository, fetched if it is given by its competition's name."""
    folder = Path(repository)
    match = _NAME.fullmatch(repository) if isinstance(repository, str) else None
    if match is None or (source is None and (folder / MANIFEST).is_file()):
        return folder
    from mlebench_data.hub.sources import private_repository

    return private_repository(source, match[1], version)


def load_private(
    repository: Path | str,
    *,
    competition: str | None = None,
    version: str | None = None,
    key: KeySource = None,
    source: str | None = None,
) -> pd.DataFrame:
    """Read the answers of a repository.

    They are decrypted in memory. `datasets.load_dataset` must not be used for this: it would leave
    them unencrypted in its cache, where any later call gets them without a key.

    Parameters
    ----------
    repository : pathlib.Path or str
        Folder of the repository, or the competition's id, such as ``"optical-digits"`` or
        ``"mlebench/optical-digits"``: then only the sealed part is fetched.
    competition, version : str, optional
        Refuse any other competition or version than this.
    key : MasterKey or Grant or pathlib.Path or str, optional
        The key or its file; found by `find_key` by default.
    source : str, optional
        Where an id is looked for, as `sources.open_source` reads it.

    Returns
    -------
    pandas.DataFrame
        The typed answers table. A missing value in a column of whole numbers makes it float.

    Raises
    ------
    DataNotFoundError
        If there is no repository, or it lacks its private part.
    KeyFileError
        If there is no usable key, or it is a grant of other competitions.
    SealError
        If the key is wrong, the repository belongs to another competition or version, or a sealed
        file was changed or is missing.
    SourceError
        If an id cannot be fetched from the source.
    """
    import pyarrow as pa

    sealed = open_sealed_part(_folder(repository, source, version), key, competition, version)
    tables = [_whole(item.path, sealed.open(item).read) for item in sealed.files(ANSWERS)]
    if not tables:
        raise SealError(f"{sealed.folder} lists no sealed file {ANSWERS}.parquet.")
    frame: pd.DataFrame = pa.concat_tables(tables).to_pandas()
    return frame


def _whole(path: str, read: Callable[[], Read]) -> Read:
    """Read rows of a sealed file, with an error for people if they are damaged."""
    import pyarrow as pa

    try:
        return read()
    except (OSError, pa.ArrowException) as error:
        raise SealError(f"{path} is damaged: {error}") from error


def _rows(sealed: SealedPart) -> Iterator[dict[str, Any]]:
    for item in sealed.files(PRIVATE_FILES):
        file = sealed.open(item)
        for group in range(file.num_row_groups):
            yield from _whole(item.path, partial(file.read_row_group, group)).to_pylist()


def read_private_manifest(
    repository: Path | str, key: KeySource = None, *, source: str | None = None
) -> Manifest:
    """Read the manifest of the whole prepared version, private files included.

    Parameters
    ----------
    repository : pathlib.Path or str
        Folder of the repository, or the competition's id.
    key : MasterKey or Grant or pathlib.Path or str, optional
        The key or its file; found by `find_key` by default.
    source : str, optional
        Where an id is looked for.

    Raises
    ------
    DataNotFoundError, KeyFileError, SealError, SourceError
        As `load_private`.
    """
    folder = _folder(repository, source, None)
    return _manifest(next(_rows(open_sealed_part(folder, key)), None), folder)


def _manifest(row: dict[str, Any] | None, repository: Path) -> Manifest:
    if row is None or row["path"] != FILE_NAME:
        raise SealError(f"{repository}: the sealed files do not begin with their manifest.")
    return Manifest.from_json(row["bytes"].decode("utf-8"), f"{repository}: the sealed manifest")


def read_private_files(
    repository: Path | str,
    key: KeySource = None,
    *,
    competition: str | None = None,
    version: str | None = None,
    source: str | None = None,
) -> dict[str, bytes]:
    """Read every private file, byte for byte as it was prepared, into memory.

    Parameters
    ----------
    repository : pathlib.Path or str
        Folder of the repository, or the competition's id.
    key : MasterKey or Grant or pathlib.Path or str, optional
        The key or its file; found by `find_key` by default.
    competition, version : str, optional
        Refuse any other competition or version than this.
    source : str, optional
        Where an id is looked for.

    Returns
    -------
    dict of str to bytes
        Contents by path, such as ``private/test.csv``.

    Raises
    ------
    DataNotFoundError, KeyFileError, SealError, SourceError
        As `load_private`.
    """
    folder = _folder(repository, source, version)
    rows = _rows(open_sealed_part(folder, key, competition, version))
    manifest = _manifest(next(rows, None), folder)
    pieces: dict[str, list[bytes]] = {}
    for row in rows:
        pieces.setdefault(row["path"], []).append(row["bytes"])
    contents = {path: b"".join(parts) for path, parts in pieces.items()}
    expected = {
        entry.path: entry.sha256 for entry in manifest.files if entry.path.startswith("private/")
    }
    for path in sorted(expected.keys() | contents.keys()):
        found = contents.get(path)
        if found is None or hashlib.sha256(found).hexdigest() != expected.get(path):
            # The name of a private file stays out of the message: it may end up in a log.
            raise SealError(
                f"{folder}: a sealed file is missing or not what the sealed manifest says."
            )
    return contents
