"""Sealed files of remote repositories, kept as they are: nothing is opened here."""

from __future__ import annotations

import hashlib
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.errors import DataNotFoundError, UnreachableError
from mlebench_data.hub.cache import Cache, private_lock
from mlebench_data.hub.layout import MANIFEST, SEALED_LIST
from mlebench_data.hub.locks import exclusive
from mlebench_data.hub.origin import Origin
from mlebench_data.hub.repository import RepositoryManifest, manifest_digest, read_sealed_list
from mlebench_data.hub.sibling import sibling_name
from mlebench_data.hub.snapshot import Snapshot
from mlebench_data.hub.storage import writing
from mlebench_data.prepare.manifest import hash_file

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from mlebench_data.hub.sources import Source

_NOTE = "source.txt"
"""Says where sealed files came from."""


def check_identity(
    manifest: RepositoryManifest, snapshot: Snapshot, competition_id: str, version: str | None
) -> None:
    """Refuse a repository that holds something else than was asked for.

    Raises
    ------
    DataNotFoundError
        If competition or version is another one.
    """
    wanted = (competition_id, version or manifest.version)
    if (manifest.competition, manifest.version) != wanted:
        raise DataNotFoundError(
            f"{snapshot.source} holds {manifest.competition} {manifest.version}, not "
            f"{wanted[0]} {wanted[1]}."
        )


def fetch_private(source: Source, competition_id: str, version: str | None) -> tuple[Path, Origin]:
    """Return a local repository with the sealed files of a competition, and where it came from.

    Raises
    ------
    DataNotFoundError, SourceError, IntegrityError
        As `sources.private_repository`.
    """
    from mlebench_data.hub.sources import fetch_sealed

    address = source.address(competition_id)
    try:
        snapshot = source.open(competition_id, version)
    except UnreachableError as error:
        # A data version does not change once it is published.
        if version is None:
            raise
        known = _kept(Cache(), competition_id, f"{address} {version}\n")
        if known is None:
            raise
        logger.warning("%s The answers that were fetched from there before are used.", error)
        return known, Origin(address, version, None, manifest_digest(known))
    text = snapshot.read(MANIFEST)
    manifest = RepositoryManifest.parse(text, f"{snapshot.source}: {MANIFEST}")
    check_identity(manifest, snapshot, competition_id, version)
    origin = Origin(
        snapshot.source, snapshot.revision, snapshot.commit, hashlib.sha256(text).hexdigest()
    )
    if snapshot.folder is not None:
        return snapshot.folder, origin
    holder = snapshot
    name = competition_id
    if manifest.private_part == "sibling":
        name = sibling_name(competition_id)
        holder = source.open(name, version)
    sealed = holder.read(SEALED_LIST)
    cache = Cache()
    digest = hashlib.sha256(text + b"\0" + sealed).hexdigest()
    place = cache.private / digest
    repository = place / competition_id
    with writing(place):
        place.mkdir(parents=True, exist_ok=True)
        cache.private.chmod(0o700)
        with exclusive(cache.lock_path(private_lock(digest)), f"the sealed files in {place}"):
            note = f"{address} {manifest.version}\n"
            if _is_whole(repository, place / name):
                _write_note(cache, place, note)
                return repository, origin
            shutil.rmtree(repository, ignore_errors=True)
            repository.mkdir(parents=True)
            fetch_sealed(holder, place / name)
            if holder is not snapshot:
                (place / name / MANIFEST).write_bytes(holder.read(MANIFEST))
            (repository / MANIFEST).write_bytes(text)
            _write_note(cache, place, note)
    return repository, origin


def _write_note(cache: Cache, place: Path, note: str) -> None:
    """Note where sealed files are from; what was there before, if anything else, is no longer."""
    (place / _NOTE).write_text(note, encoding="utf-8")
    for other in _noted(cache, note):
        if other != place:
            (other / _NOTE).unlink(missing_ok=True)


def _noted(cache: Cache, note: str) -> list[Path]:
    """Return what has this note."""
    notes = cache.private.glob(f"*/{_NOTE}")
    return [path.parent for path in notes if path.read_text("utf-8") == note]


def _kept(cache: Cache, competition_id: str, note: str) -> Path | None:
    """Return what was fetched from a place before."""
    places = _noted(cache, note)
    return places[0] / competition_id if places else None


def _is_whole(repository: Path, holder: Path) -> bool:
    """Tell whether everything is there and as it was sealed."""
    if not (repository / MANIFEST).is_file():
        return False
    try:
        listed = read_sealed_list(holder)
    except DataNotFoundError:
        return False
    return all(
        (holder / item.path).is_file() and hash_file(holder / item.path)[0] == item.sha256
        for item in listed.files
    )
