"""Which files of a packed repository may be published; anything else in it is refused."""

from __future__ import annotations

import hashlib
import os
import stat
import zlib
from collections.abc import Iterator, Set
from pathlib import Path

from mlebench_data.errors import DataNotFoundError
from mlebench_data.hub.layout import CARD, MANIFEST, SEALED_LIST
from mlebench_data.hub.publish.contents import Contents, Item
from mlebench_data.hub.publish.errors import PublishError
from mlebench_data.hub.repository import (
    RepositoryFile,
    RepositoryManifest,
    SealedFile,
    SealedList,
)
from mlebench_data.hub.sibling import sibling_name

OPEN_FOLDERS = ("data", "files")
"""Where unsealed files of a repository lie."""

SEALED_FOLDER = "private"

# Written by the Hub or by its client into copies of a repository; never sent.
_BOOKKEEPING = (".gitattributes", ".cache")

_SEALED_MAGIC = b"PARE"
"""First and last bytes of a Parquet file whose footer is encrypted."""

_SAMPLE = 1 << 16
"""Bytes of each part of a sealed file that is tried for its randomness."""


def _files(folder: Path, prefix: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Give every entry below a folder that is no folder, with its path."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = prefix + entry.name
            if path in _BOOKKEEPING:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _files(folder / entry.name, f"{path}/")
            else:
                yield path, entry


def _refusal(repository: Path, path: str, reason: str) -> PublishError:
    return PublishError(
        f"{repository / path} must not be published: {reason}. Nothing was sent. Repositories are "
        "published as `mlebench pack` writes them: remove the file, or pack again."
    )


def _open_files(repository: Path, manifest: RepositoryManifest) -> dict[str, RepositoryFile]:
    for item in manifest.contents:
        folder, slash, _ = item.path.partition("/")
        if folder not in OPEN_FOLDERS or not slash:
            places = " and ".join(f"{name}/" for name in OPEN_FOLDERS)
            raise _refusal(
                repository, item.path, f"its manifest calls it unsealed outside of {places}"
            )
    return {item.path: item for item in manifest.contents}


def _sealed_files(
    repository: Path, manifest: RepositoryManifest, sealed: SealedList
) -> dict[str, SealedFile]:
    identity = ("competition", "version", "key_id", "prepared_mac")
    if any(getattr(sealed, name) != getattr(manifest, name) for name in identity):
        raise _refusal(repository, SEALED_LIST, f"it does not belong to {MANIFEST}")
    for item in sealed.files:
        if not (item.path.startswith(f"{SEALED_FOLDER}/") and item.path.endswith(".parquet")):
            raise _refusal(repository, item.path, f"{SEALED_LIST} lists what cannot be sealed")
    return {item.path: item for item in sealed.files}


def _check_sealed(repository: Path, item: SealedFile) -> None:
    """Refuse a file that is listed as sealed and is not, or is not the one that was sealed."""
    content = (repository / item.path).read_bytes()
    last = len(content) - _SAMPLE
    samples = [content[max(start, 0) :][:_SAMPLE] for start in (0, last // 2, last)]
    # Encrypted bytes look random, and what is random cannot be written shorter.
    random = all(len(zlib.compress(sample, 1)) > 0.9 * len(sample) for sample in samples)
    if not (random and content.startswith(_SEALED_MAGIC) and content.endswith(_SEALED_MAGIC)):
        raise _refusal(repository, item.path, "it lies among the sealed answers and is not sealed")
    if hashlib.sha256(content).hexdigest() != item.sha256:
        raise _refusal(repository, item.path, f"it is not the file that {SEALED_LIST} lists")


def _check_files(repository: Path, named: dict[str, RepositoryFile], texts: Set[str]) -> None:
    """Refuse what is not named, is no plain file or has another size; and what is missing."""
    missing = {*named, *texts}
    for path, entry in _files(repository):
        if path not in named and path not in texts:
            what = "an unsealed file" if path.startswith(f"{SEALED_FOLDER}/") else "a file"
            raise _refusal(repository, path, f"it is {what} that no manifest lists")
        status = entry.stat(follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            raise _refusal(repository, path, "it is a link or no plain file")
        if path in named and status.st_size != named[path].size:
            raise _refusal(repository, path, "it has another size than its manifest says")
        missing.discard(path)
    if missing:
        raise _incomplete(repository, min(missing), len(missing))


def _incomplete(repository: Path, missing: str, count: int = 1) -> DataNotFoundError:
    return DataNotFoundError(
        f"{repository} is no complete dataset repository: {missing} is missing"
        f"{f', and {count - 1} more' if count > 1 else ''}. Nothing was sent. Run `mlebench pack` "
        "again."
    )


def _read(repository: Path, path: str) -> bytes:
    try:
        return (repository / path).read_bytes()
    except FileNotFoundError as error:
        raise _incomplete(repository, path) from error


def read_contents(repository: Path) -> tuple[RepositoryManifest, Contents]:
    """List what may be sent of a packed repository.

    Parameters
    ----------
    repository : pathlib.Path
        The folder, as `pack` writes it: a repository, or the sibling that holds its answers.

    Returns
    -------
    tuple of RepositoryManifest and Contents
        What it holds, and the files: those that the manifest lists, the sealed ones, card and
        manifest.

    Raises
    ------
    DataNotFoundError
        If the folder is no repository, or one of its files is missing.
    IntegrityError
        If its manifest is malformed.
    PublishError
        If it holds anything else: a stray file, a link, answers that are not sealed.
    """
    # What is read here is sent as read: nothing else can come to stand under these names. The
    # manifest makes the rest a repository, so it comes last.
    texts = {path: _read(repository, path) for path in (CARD, MANIFEST)}
    manifest = RepositoryManifest.parse(texts[MANIFEST], str(repository / MANIFEST))
    named: dict[str, RepositoryFile] = _open_files(repository, manifest)
    if manifest.private_part != "sibling":
        texts = {SEALED_LIST: _read(repository, SEALED_LIST), **texts}
        sealed = SealedList.parse(texts[SEALED_LIST], str(repository / SEALED_LIST))
        named |= _sealed_files(repository, manifest, sealed)
    _check_files(repository, named, texts.keys())
    items = []
    for path, entry in sorted(named.items()):
        if isinstance(entry, SealedFile):
            _check_sealed(repository, entry)
        origin = repository / path
        items.append(
            Item(path, entry.size, entry.sha256, origin, sealed=isinstance(entry, SealedFile))
        )
    items.extend(Item.of(path, content) for path, content in texts.items())
    alone = manifest.private_part == "alone"
    return manifest, Contents(
        name=sibling_name(manifest.competition) if alone else manifest.competition,
        version=manifest.version,
        items=tuple(items),
        keystones=(CARD, MANIFEST),
        gated=alone,
    )
