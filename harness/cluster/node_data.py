"""The public data of a competition on a node; the answers never come here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlebench_data.errors import DataNotFoundError, IntegrityError, MlebenchError
from mlebench_data.harness.executor import Work
from mlebench_data.harness.runtimes.failures import LastingFailure, RuntimeFailure


def place_for_nodes(repositories: str) -> str:
    """Return a source so that nodes read it as the driver does.

    What a variable of the driver's environment adds to it, or where the driver was started, is made
    part of it.
    """
    from mlebench_data.hub.sources import FolderSource, HubSource, open_source

    source = open_source(repositories)
    if isinstance(source, FolderSource):
        return str(source.folder.absolute())
    return source.describe() if isinstance(source, HubSource) else repositories


@contextmanager
def public_data(place: str | None, work: Work) -> Iterator[Path]:
    """Hold the public tree for the length of a block.

    Parameters
    ----------
    place : str or None
        Where it is restored from, by way of this machine's cache; None for a prepared folder that
        this machine shares with the driver.
    work : Work
        What it is for.

    Raises
    ------
    LastingFailure
        If it is not there, or is not what the driver has.
    RuntimeFailure
        If it could not be had now.
    """
    competition, version = work.attempt.competition, work.attempt.version
    if place is None:
        yield _shared(work)
        return
    from mlebench_data.hub.restoring import open_tree

    try:
        tree = open_tree(competition.id, version, source=place)
    except (DataNotFoundError, IntegrityError) as error:
        raise LastingFailure(
            f"{error} A source that is a folder must be there on every machine of the cluster; "
            "`mlebench serve` makes it reachable from all."
        ) from error
    except (MlebenchError, OSError) as error:
        raise RuntimeFailure(str(error)) from error
    with tree:
        if work.origin is not None and tree.digest != work.origin.manifest_sha256:
            raise LastingFailure(
                f"{place} has other data of {competition.id} {version} than the driver was given. "
                "Is it a folder of the same name that is not shared?"
            )
        yield tree.folder


def _shared(work: Work) -> Path:
    from mlebench_data.prepare.manifest import Manifest

    folder = work.public.parent
    manifest = Manifest.read(folder) if folder.is_dir() else None
    if manifest is None or not work.public.is_dir():
        raise LastingFailure(
            f"There is no prepared data {folder}. Let all machines share the data folder under one "
            "path, or name repositories with --from, which every machine restores for itself."
        )
    if manifest.digest() != work.manifest_sha256:
        raise LastingFailure(
            f"{folder} is not what the driver has there. Let all machines share the data folder."
        )
    return work.public
