"""Publishing packed competitions: check, compare, send."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlebench_data.catalogue import Competition
from mlebench_data.errors import DataNotFoundError
from mlebench_data.hub.layout import MANIFEST
from mlebench_data.hub.publish.contents import Contents
from mlebench_data.hub.publish.errors import PublishError
from mlebench_data.hub.publish.places import Target
from mlebench_data.hub.publish.plan import Plan
from mlebench_data.hub.publish.redistribution import check_redistribution
from mlebench_data.hub.publish.repository_contents import read_contents
from mlebench_data.hub.repository import RepositoryManifest
from mlebench_data.hub.sibling import private_folder

if TYPE_CHECKING:
    from huggingface_hub import HfApi

Status = Literal["published", "unchanged", "would publish"]


@dataclass(frozen=True)
class Conditions:
    """Under which conditions things are published.

    Attributes
    ----------
    private : bool
        On the Hub, repositories are made private; elsewhere the user says that the place is.
    confirmed : bool
        The user takes the responsibility for passing on what its rules do not allow.
    retag : bool
        A tag, or a folder, that stands for other content may be given this one.
    dry_run : bool
        Nothing is written.
    """

    private: bool = False
    confirmed: bool = False
    retag: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class Published:
    """What was done with one repository.

    Attributes
    ----------
    name : str
        The repository's name.
    version : str
        The tag.
    place : str
        Where it is.
    status : {"published", "unchanged", "would publish"}
        What was done.
    plan : Plan
        Which files were new there, changed, the same, gone.
    commit : str, optional
        Of the tag, where the place has commits.
    """

    name: str
    version: str
    place: str
    status: Status
    plan: Plan
    commit: str | None = None


def find_repository(folder: Path, competition: str) -> Path:
    """Return the packed repository of a competition.

    Parameters
    ----------
    folder : pathlib.Path
        A folder of repositories, or the repository itself.
    competition : str
        Its id.

    Raises
    ------
    DataNotFoundError
        If it is not there.
    """
    inside = folder / competition
    if (inside / MANIFEST).is_file():
        return inside
    if (folder / MANIFEST).is_file():
        return folder
    raise DataNotFoundError(
        f"{folder} has no packed {competition}: {inside / MANIFEST} does not exist. Run "
        f"`mlebench pack {competition} --out {inside}`."
    )


def check_may_be_published(
    competition: Competition, repository: Path, target: Target, conditions: Conditions
) -> None:
    """Refuse early what would be refused later, before anything is sent.

    Raises
    ------
    PublishError
        If the repository is of another competition, the target names another one, or its rules
        forbid to pass the data on and the conditions do not fit.
    """
    manifest = RepositoryManifest.read(repository)
    if manifest.competition != competition.id or manifest.private_part == "alone":
        what = f"{manifest.competition}" + (
            "'s sealed answers alone" if manifest.private_part == "alone" else ""
        )
        raise PublishError(f"{repository} holds {what}, not {competition.id}.")
    if target.name not in (None, competition.id):
        raise PublishError(
            f"{target.text} cannot hold {competition.id}: a repository is found by its "
            f"competition's id. Name the organisation alone."
        )
    check_redistribution(
        competition.id,
        competition.facts.license,
        manifest.redistribution,
        private=conditions.private,
        confirmed=conditions.confirmed,
    )


def publish_contents(
    contents: Contents,
    target: Target,
    api: HfApi | None,
    conditions: Conditions,
    *,
    begin: Callable[[int], None] = lambda size: None,
    advance: Callable[[int], None] = lambda size: None,
) -> Published:
    """Bring contents to their place.

    Parameters
    ----------
    contents : Contents
        What shall be there.
    target : Target
        Where repositories go.
    api : huggingface_hub.HfApi, optional
        For the Hub.
    conditions : Conditions
        What may be done.
    begin, advance : callable
        Called with the number of bytes to send, and with those just sent.
    """
    place = target.place(contents.name, api, private=conditions.private)
    plan = place.plan(contents, retag=conditions.retag)
    commit = None
    if not conditions.dry_run:
        begin(plan.size)
        commit = place.send(contents, plan, advance)
    status: Status = "unchanged"
    if not plan.is_done:
        status = "would publish" if conditions.dry_run else "published"
    return Published(contents.name, contents.version, place.describe(), status, plan, commit)


def publish_repository(
    competition: Competition,
    repository: Path,
    target: Target,
    api: HfApi | None,
    conditions: Conditions,
    *,
    begin: Callable[[int], None] = lambda size: None,
    advance: Callable[[int], None] = lambda size: None,
) -> list[Published]:
    """Publish a packed competition, and before it the sibling that holds its answers, if any.

    Parameters
    ----------
    competition : Competition
        Which.
    repository : pathlib.Path
        The folder, as `pack` writes it.
    target, api, conditions, begin, advance
        As in `publish_contents`.

    Returns
    -------
    list of Published
        One entry for each repository.

    Raises
    ------
    DataNotFoundError
        If the repository, or its sibling, is not there or not complete.
    IntegrityError
        If a manifest is malformed.
    PublishError
        If something may not, or could not, be published.
    """
    check_may_be_published(competition, repository, target, conditions)
    manifest, contents = read_contents(repository)
    everything = [contents]
    if manifest.private_part == "sibling":
        alone, sealed = read_contents(private_folder(repository, manifest))
        identity = ("competition", "version", "key_id", "prepared_mac", "private_part")
        wanted = (*(getattr(manifest, name) for name in identity[:-1]), "alone")
        if tuple(getattr(alone, name) for name in identity) != wanted:
            raise PublishError(
                f"{private_folder(repository, manifest)} does not hold the answers of "
                f"{repository}. Pack both again."
            )
        everything.insert(0, sealed)
    return [
        publish_contents(each, target, api, conditions, begin=begin, advance=advance)
        for each in everything
    ]
