"""Everything that changes a served folder."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlebench_data.errors import MlebenchError
from mlebench_data.hub.endpoint.commits import PENDING, Committer, prune
from mlebench_data.hub.endpoint.messages import RefusedError
from mlebench_data.hub.endpoint.names import KINDS, Kind, is_tag_name
from mlebench_data.hub.endpoint.state import RepositoryState, write_text
from mlebench_data.hub.endpoint.store import Repository, Store
from mlebench_data.hub.endpoint.uploads import Uploads
from mlebench_data.hub.sibling import SUFFIX


class Writer:
    """Changes the repositories of a folder; one process at a time can.

    What an earlier process has left half done is finished or removed first.

    Parameters
    ----------
    store : Store
        The repositories.

    Raises
    ------
    MlebenchError
        If the folder cannot be written to, or another process does so already.
    """

    def __init__(self, store: Store) -> None:
        if store.alone is not None:
            raise MlebenchError(
                f"{store.folder} is one repository. Uploads need a folder of repositories: serve "
                "the folder above it."
            )
        self._store = store
        self._lock = self._take(store.memory)
        self.uploads = Uploads(store.memory / "uploads")
        self.committer = Committer(store.memory, self.uploads)
        self._recover()

    def _take(self, memory: Path) -> Any:
        try:
            memory.mkdir(exist_ok=True)
            lock = (memory / "lock").open("w")
        except OSError as error:
            raise MlebenchError(
                f"{memory.parent} cannot be written to ({error.strerror}). Serve it without "
                "--writable, or make it writable."
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise MlebenchError(
                f"Another server is already writing to {memory.parent}. Stop it, or serve the "
                "folder without --writable."
            ) from error
        return lock

    def close(self) -> None:
        """Let another process write."""
        self._lock.close()

    def _remembered(self) -> Iterator[Repository]:
        for plural, kind in KINDS.items():
            folder = self._store.memory / "repositories" / plural
            for path in folder.iterdir() if folder.is_dir() else ():
                repository = self._store.repository(kind, path.name)
                if repository is not None:
                    yield repository

    def _recover(self) -> None:
        for repository in list(self._remembered()):
            if (repository.memory / PENDING).exists():
                self.committer.settle(repository)
            own = repository.links_within is None and repository.place.is_dir()
            if own:
                prune(repository, repository.state())
            else:
                self._forget(repository)
        self.committer.clean()
        self.uploads.clean()

    def _forget(self, repository: Repository) -> None:
        shutil.rmtree(repository.kept, ignore_errors=True)
        shutil.rmtree(repository.memory, ignore_errors=True)

    def create(self, kind: Kind, name: str, *, private: bool) -> None:
        """Make an empty repository.

        Raises
        ------
        RefusedError
            If there is one of this name, or the name is impossible.
        """
        repository = self._store.repository(kind, name)
        if repository is None:
            raise RefusedError(400, f"A {kind} cannot have the name {name!r}.")
        place = self._store.place(kind, name)
        with repository.writing:
            # A metric of this package gives way to one that is uploaded.
            if place.exists() or place.is_symlink():
                raise RefusedError(409, f"There is a {kind} {name!r} already.")
            gated = "manual" if name.endswith(SUFFIX) else False
            state = RepositoryState.model_validate({"private": private, "gated": gated})
            write_text(repository.state_path, state.model_dump_json())
            place.mkdir(parents=True)

    def delete(self, repository: Repository) -> None:
        """Remove a repository."""
        with repository.writing, self.committer.staging() as staging:
            # At once, so that nobody sees half of it.
            repository.place.rename(staging / "deleted")
            self._forget(repository)

    def change(self, repository: Repository, **changes: Any) -> None:
        """Change what is remembered about a repository."""
        with repository.writing:
            state = repository.state().model_copy(update=changes)
            write_text(repository.state_path, state.model_dump_json())

    def tag(self, repository: Repository, tag: str, revision: str) -> None:
        """Give a commit a tag.

        Raises
        ------
        RefusedError
            If there is no such commit, or the tag is taken or impossible.
        """
        if not is_tag_name(tag):
            raise RefusedError(400, f"A tag cannot have the name {tag!r}.")
        with repository.writing:
            commit = repository.tree(revision).commit
            if tag in repository.tags():
                raise RefusedError(409, f"Tag {tag!r} exists already.")
            self.change(repository, tags={**repository.state().tags, tag: commit})

    def untag(self, repository: Repository, tag: str) -> None:
        """Remove a tag, and the commit that only it kept.

        Raises
        ------
        RefusedError
            If there is no such tag, or the repository's manifest sets it.
        """
        with repository.writing:
            tags = dict(repository.state().tags)
            if tag not in repository.tags():
                raise RefusedError(404, f"There is no tag {tag!r}.", code="RevisionNotFound")
            if tags.pop(tag, None) is None:
                raise RefusedError(
                    400, f"Tag {tag!r} is the data version in the manifest and cannot be removed."
                )
            self.change(repository, tags=tags)
            prune(repository, repository.state())
