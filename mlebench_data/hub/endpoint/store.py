"""The repositories of a served folder."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mlebench_data.errors import DataNotFoundError
from mlebench_data.hub.endpoint.digests import FileDigests
from mlebench_data.hub.endpoint.folders import AnchoredFolder, Folder, LinkedFolder
from mlebench_data.hub.endpoint.messages import RefusedError
from mlebench_data.hub.endpoint.names import (
    FOLDERS,
    MAIN,
    STATE_FOLDER,
    Kind,
    is_repository_name,
)
from mlebench_data.hub.endpoint.state import RepositoryState, read_state
from mlebench_data.hub.endpoint.tree import Tree, read_tree
from mlebench_data.hub.layout import MANIFEST
from mlebench_data.hub.sibling import SUFFIX


@dataclass
class Repository:
    """One repository.

    Attributes
    ----------
    kind : {"dataset", "space", "model"}
        What it is.
    name : str
        Its name, without organisation.
    place : pathlib.Path
        Folder of its newest commit.
    memory : pathlib.Path
        Folder of what is remembered about it.
    kept : pathlib.Path
        Folder of earlier commits.
    digests : FileDigests
        What is known about the contents of files.
    links_within : pathlib.Path, optional
        For a metric of this package: where the files that it shares with others are.
    """

    kind: Kind
    name: str
    place: Path
    memory: Path
    kept: Path
    digests: FileDigests
    links_within: Path | None = None
    # Held while the newest commit and what is remembered about it are exchanged.
    swapping: threading.RLock = field(default_factory=threading.RLock)
    # Held by one change at a time, from its look at the newest commit to its end.
    writing: threading.RLock = field(default_factory=threading.RLock)
    _head: Tree | None = None
    _earlier: dict[str, Tree] = field(default_factory=dict)

    @property
    def state_path(self) -> Path:
        """Where the state is written."""
        return self.memory / "state.json"

    def state(self) -> RepositoryState:
        """Return what is remembered, or what holds where nothing is."""
        state = read_state(self.state_path)
        if state is not None:
            return state
        # Whoever puts such a folder here wants its access limited.
        return RepositoryState(gated="manual" if self.name.endswith(SUFFIX) else False)

    def exists(self) -> bool:
        """Tell whether this is a repository, and not just any folder."""
        if self.links_within is not None:
            return True
        # The served folder's own path has no links, so any would be at or above the repository.
        if not self.place.is_dir() or self.place.resolve() != self.place:
            return False
        if self.state_path.is_file():
            return True
        if self.kind == "dataset":
            # Prepared data has a manifest too, and must never be served.
            return (self.place / MANIFEST).is_file() and self.head().version is not None
        return self.kind == "space" and (self.place / f"{self.name}.py").is_file()

    def head(self) -> Tree:
        """Return the newest commit."""
        head = self._head
        if head is not None and head.is_current():
            return head
        while True:
            with self.swapping:
                state = read_state(self.state_path)
                folder = (
                    AnchoredFolder(self.place)
                    if self.links_within is None
                    else LinkedFolder(self.place, self.links_within)
                )
            head = self._read(folder, state)
            if head is not None:
                self._head = head
                return head

    def _read(self, folder: Folder, state: RepositoryState | None) -> Tree | None:
        """List a folder; None if it was exchanged for another meanwhile."""
        try:
            tree = read_tree(folder, self.digests, state)
        except FileNotFoundError:
            return None
        # A folder that is being removed may have been listed in part.
        return tree if self.links_within is not None or tree.is_current() else None

    def tags(self) -> dict[str, str]:
        """Return commits by tags: those set here, and the data version of a packed folder."""
        state, head = self.state(), self.head()
        tags = {
            tag: commit
            for tag, commit in state.tags.items()
            if commit == head.commit or (self.kept / commit).is_dir()
        }
        if head.version is not None and head.commit != state.head:
            tags.setdefault(head.version, head.commit)
        return tags

    def tree(self, revision: str) -> Tree:
        """Return the commit that a branch, a tag or a commit names.

        Raises
        ------
        RefusedError
            If there is none.
        """
        head = self.head()
        if revision in (MAIN, head.commit):
            return head
        commit = self.tags().get(revision, revision)
        if commit == head.commit:
            return head
        earlier = self._earlier_commit(commit)
        if earlier is not None:
            return earlier
        known = ", ".join([MAIN, *sorted(self.tags())])
        raise RefusedError(
            404,
            f"{self.name} has no revision {revision!r}. It has {known} and their commits.",
            code="RevisionNotFound",
        )

    def _earlier_commit(self, commit: str) -> Tree | None:
        """Return a commit that a tag has kept."""
        known = self._earlier.get(commit)
        if known is not None and known.is_current():
            return known
        state = self.state()
        if commit not in state.commits or not (self.kept / commit).is_dir():
            return None
        folder = AnchoredFolder(self.kept / commit)
        tree = self._read(folder, state.model_copy(update={"head": commit}))
        if tree is not None:
            self._earlier[commit] = tree
        return tree


class Store:
    """All repositories of a folder.

    Parameters
    ----------
    folder : pathlib.Path
        A folder of packed repositories, or one packed repository.
    organisation : str, optional
        Under which alone they are found; by default under every name.
    metrics : bool
        Whether the metrics of this package are there too, as spaces.

    Raises
    ------
    DataNotFoundError
        If there is no such folder.
    """

    def __init__(
        self, folder: Path, organisation: str | None = None, *, metrics: bool = True
    ) -> None:
        if not folder.is_dir():
            raise DataNotFoundError(
                f"{folder} is no folder. Give one that `mlebench pack` wrote repositories to."
            )
        self.folder = folder.resolve()
        self.memory = self.folder / STATE_FOLDER
        self.organisation = organisation
        self._metrics = metrics
        self.digests = FileDigests()
        self._repositories: dict[tuple[Kind, str], Repository] = {}
        self._lock = threading.Lock()
        self.alone = self._name_of_itself()

    def _name_of_itself(self) -> str | None:
        """Return the name of the one repository that the folder itself is, if it is one."""
        from pydantic import ValidationError

        from mlebench_data.hub.repository import RepositoryManifest

        try:
            text = (self.folder / MANIFEST).read_bytes()
            manifest = RepositoryManifest.model_validate_json(text)
        except (FileNotFoundError, ValidationError):
            return None
        return manifest.competition + (SUFFIX if manifest.private_part == "alone" else "")

    def find(self, kind: Kind, organisation: str, name: str) -> Repository | None:
        """Return a repository that exists."""
        if self.organisation not in (None, organisation) or not is_repository_name(organisation):
            return None
        repository = self.repository(kind, name)
        return repository if repository is not None and repository.exists() else None

    def repository(self, kind: Kind, name: str) -> Repository | None:
        """Return a repository of a name, whether it exists or not; None for an impossible name."""
        reserved = kind == "dataset" and name in FOLDERS.values()
        if not is_repository_name(name) or reserved:
            return None
        place = self.place(kind, name)
        with self._lock:
            known = self._repositories.get((kind, name))
            ours = self._package_metric(name) if kind == "space" and not place.is_dir() else None
            if known is None or known.place != (ours or place):
                known = Repository(
                    kind,
                    name,
                    ours or place,
                    self.memory / "repositories" / f"{kind}s" / name,
                    self.memory / "kept" / f"{kind}s" / name,
                    self.digests,
                    ours.parent if ours is not None else None,
                )
                self._repositories[kind, name] = known
            return known

    def place(self, kind: Kind, name: str) -> Path:
        """Return where the folder of a repository is, or would be."""
        if self.alone is not None and (kind, name) == ("dataset", self.alone):
            return self.folder
        return self.folder / FOLDERS[kind] / name

    def all(self, kind: Kind) -> Iterator[Repository]:
        """Give the repositories of a kind, by name."""
        names = set(self._package_metrics()) if kind == "space" else set()
        folder = self.folder / FOLDERS[kind]
        if folder.is_dir() and self.alone is None:
            names |= {path.name for path in folder.iterdir() if path.is_dir()}
        if kind == "dataset" and self.alone is not None:
            names.add(self.alone)
        for name in sorted(names):
            repository = self.repository(kind, name)
            if repository is not None and repository.exists():
                yield repository

    def _package_metrics(self) -> list[str]:
        from mlebench_data.metrics.registry import metric_names

        return metric_names() if self._metrics else []

    def _package_metric(self, name: str) -> Path | None:
        from mlebench_data.metrics.registry import metric_path

        return metric_path(name) if name in self._package_metrics() else None
