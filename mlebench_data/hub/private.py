"""Reading of the locked private part, which never lands unencrypted on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench_data.errors import SealError
from mlebench_data.hub.keys import MasterKey, as_key
from mlebench_data.hub.layout import ANSWERS, PRIVATE_FILES
from mlebench_data.hub.repository import RepositoryManifest, SealedFile, read_sealed_list
from mlebench_data.hub.seal import Seal
from mlebench_data.prepare.manifest import FILE_NAME, Manifest

if TYPE_CHECKING:
    import pandas as pd
    from pyarrow import parquet

Key = MasterKey | Path | str | None


def _seal(
    repository: Path, key: Key, competition: str | None = None, version: str | None = None
) -> Seal:
    """Return what opens a repository, once repository and key are the right ones."""
    manifest = RepositoryManifest.read(repository)
    for what, wanted, found in (
        ("competition", competition, manifest.competition),
        ("version", version, manifest.version),
    ):
        if wanted is not None and wanted != found:
            raise SealError(f"{repository} holds {what} '{found}', not '{wanted}'.")
    master = as_key(key)
    if master.key_id != manifest.key_id:
        raise SealError(
            f"Wrong key: {repository} was sealed with the key of fingerprint {manifest.key_id}, "
            f"but the key in use has {master.key_id}."
        )
    return Seal(master, manifest.competition, manifest.version)


def _open(repository: Path, item: SealedFile, seal: Seal) -> parquet.ParquetFile:
    """Open one sealed file, read into memory once: what is checked is what is opened."""
    try:
        content = (repository / item.path).read_bytes()
    except FileNotFoundError as error:
        raise SealError(f"{repository / item.path} is missing.") from error
    if hashlib.sha256(content).hexdigest() != item.sha256:
        raise SealError(
            f"{repository / item.path} was changed since it was sealed. Fetch the repository again."
        )
    return seal.open(content, item.path)


def _sealed_files(repository: Path, stem: str) -> list[SealedFile]:
    found = [item for item in read_sealed_list(repository).files if item.path.startswith(stem)]
    if not found:
        raise SealError(f"{repository} lists no sealed file {stem}-*.parquet.")
    return found


def load_private(
    source: Path | str,
    *,
    competition: str | None = None,
    version: str | None = None,
    key: Key = None,
) -> pd.DataFrame:
    """Read the answers of a repository.

    They are decrypted in memory. `datasets.load_dataset` must not be used for this: it would leave
    them unencrypted in its cache, where any later call gets them without a key.

    Parameters
    ----------
    source : pathlib.Path or str
        Folder of the repository.
    competition, version : str, optional
        Refuse any other competition or version than this.
    key : MasterKey or pathlib.Path or str, optional
        The master key or its file; found by `find_key` by default.

    Returns
    -------
    pandas.DataFrame
        The typed answers table. A missing value in a column of whole numbers makes it float.

    Raises
    ------
    DataNotFoundError
        If there is no repository, or it lacks its private part.
    KeyFileError
        If there is no usable key.
    SealError
        If the key is wrong, the repository belongs to another competition or version, or a sealed
        file was changed.
    """
    import pyarrow as pa

    repository = Path(source)
    seal = _seal(repository, key, competition, version)
    tables = [
        _read(_open(repository, item, seal), item) for item in _sealed_files(repository, ANSWERS)
    ]
    frame: pd.DataFrame = pa.concat_tables(tables).to_pandas()
    return frame


def _read(file: parquet.ParquetFile, item: SealedFile) -> Any:
    import pyarrow as pa

    try:
        return file.read()
    except (OSError, pa.ArrowException) as error:
        raise SealError(f"{item.path} is damaged: {error}") from error


def _rows(repository: Path, seal: Seal) -> Iterator[dict[str, Any]]:
    import pyarrow as pa

    for item in _sealed_files(repository, PRIVATE_FILES):
        file = _open(repository, item, seal)
        try:
            for group in range(file.num_row_groups):
                yield from file.read_row_group(group).to_pylist()
        except (OSError, pa.ArrowException) as error:
            raise SealError(f"{item.path} is damaged: {error}") from error


def read_private_manifest(source: Path | str, key: Key = None) -> Manifest:
    """Read the manifest of the whole prepared version, private files included.

    Parameters
    ----------
    source : pathlib.Path or str
        Folder of the repository.
    key : MasterKey or pathlib.Path or str, optional
        The master key or its file; found by `find_key` by default.

    Raises
    ------
    DataNotFoundError, KeyFileError, SealError
        As `load_private`.
    """
    repository = Path(source)
    return _manifest(next(_rows(repository, _seal(repository, key)), None), repository)


def _manifest(row: dict[str, Any] | None, repository: Path) -> Manifest:
    if row is None or row["path"] != FILE_NAME:
        raise SealError(f"{repository}: the sealed files do not begin with their manifest.")
    return Manifest.from_json(row["bytes"].decode("utf-8"), f"{repository}: the sealed manifest")


def read_private_files(source: Path | str, key: Key = None) -> dict[str, bytes]:
    """Read every private file, byte for byte as it was prepared, into memory.

    Parameters
    ----------
    source : pathlib.Path or str
        Folder of the repository.
    key : MasterKey or pathlib.Path or str, optional
        The master key or its file; found by `find_key` by default.

    Returns
    -------
    dict of str to bytes
        Contents by path, such as ``private/test.csv``.

    Raises
    ------
    DataNotFoundError, KeyFileError, SealError
        As `load_private`.
    """
    repository = Path(source)
    rows = _rows(repository, _seal(repository, key))
    manifest = _manifest(next(rows, None), repository)
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
                f"{repository}: a sealed file is missing or not what the sealed manifest says."
            )
    return contents
