"""What the endpoint remembers about a repository beside its files."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from mlebench_data.errors import IntegrityError

Gated = Literal[False, "auto", "manual"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CommitRecord(_Model):
    """One commit.

    Attributes
    ----------
    title : str
        Its message.
    date : str
        When it was made, in ISO 8601.
    listing : str
        Digest of the paths, sizes and times of its files: a folder with another one was changed
        by somebody else since.
    complete : bool
        Whether its files are exactly those that its manifest lists, with their digests.
    """

    title: str
    date: str
    listing: str
    complete: bool


class RepositoryState(_Model):
    """What is remembered about one repository.

    Attributes
    ----------
    private : bool
        Whether those who may not read it learn that it exists.
    gated : False, "auto" or "manual"
        Whether reading needs a grant.
    head : str, optional
        The commit in the repository's folder; None if that was never written through here.
    tags : dict of str to str
        Commits by tags.
    commits : dict of str to CommitRecord
        The commits whose files are still here.
    """

    private: bool = False
    gated: Gated = False
    head: str | None = None
    tags: dict[str, str] = {}
    commits: dict[str, CommitRecord] = {}


def read_state(path: Path) -> RepositoryState | None:
    """Read a state file; None if there is none.

    Raises
    ------
    IntegrityError
        If it is damaged.
    """
    try:
        return RepositoryState.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise IntegrityError(
            f"{path} is damaged. Remove it; tags and access settings of this repository are lost "
            "then, its files are not."
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write a file so that readers see the old text or the new one, and nothing in between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def now() -> str:
    """Return the time as addresses of the Hub give it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
