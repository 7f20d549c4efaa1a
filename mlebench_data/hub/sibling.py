"""The gated sibling: a repository of its own for the sealed files, beside the public one."""

from __future__ import annotations

import os
from pathlib import Path

from mlebench_data.errors import DataNotFoundError
from mlebench_data.hub.layout import MANIFEST
from mlebench_data.hub.repository import RepositoryManifest

SUFFIX = "-private"


def sibling_name(competition: str) -> str:
    """Return the name of the sibling of a competition's repository."""
    return competition + SUFFIX


def sibling_of(repository: Path) -> Path:
    """Return where the sibling of a packed folder lies: beside it, its name with "-private"."""
    # The name of "." is known only once the path is absolute.
    place = Path(os.path.abspath(repository))  # noqa: PTH100  (resolve() would follow links)
    return place.with_name(sibling_name(place.name))


def sibling_manifest(manifest: RepositoryManifest) -> RepositoryManifest:
    """Return the manifest of the sibling: the identity of the data, and no public files."""
    return manifest.model_copy(
        update={"private_part": "alone", "files": [], "empty_folders": [], "contents": []}
    )


def private_folder(repository: Path, manifest: RepositoryManifest) -> Path:
    """Return the folder that holds the sealed files of a repository.

    Parameters
    ----------
    repository : pathlib.Path
        The repository.
    manifest : RepositoryManifest
        Its manifest.

    Raises
    ------
    DataNotFoundError
        If they are in a sibling that is not there.
    """
    if manifest.private_part != "sibling":
        return repository
    beside = sibling_of(repository)
    places = [beside, beside.with_name(sibling_name(manifest.competition))]
    for place in places:
        if (place / MANIFEST).is_file():
            return place
    raise DataNotFoundError(
        f"The sealed answers of {manifest.competition} {manifest.version} are in a repository of "
        f"their own, {sibling_name(manifest.competition)}, and {beside} does not exist. Ask for "
        f"access to that repository and put it beside {repository}."
    )
