"""Where a run takes its data from: prepared folders, or locked dataset repositories."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.catalogue import Competition
from mlebench_data.errors import DataNotFoundError

if TYPE_CHECKING:
    from mlebench_data.hub.cache import CachedTree
    from mlebench_data.hub.origin import Origin


@dataclass(frozen=True)
class RunData:
    """The data of one competition, as a run needs it.

    Attributes
    ----------
    public : pathlib.Path
        The public tree, for the agent's eyes.
    answers : bytes
        Content of the answers file. It stays in the harness' memory: no path leads an agent to it.
    manifest_sha256 : str
        Identity of the data.
    origin : Origin or None
        The repository that it came from, if it came from one.
    """

    public: Path
    answers: bytes
    manifest_sha256: str
    origin: Origin | None = None

    def record(self) -> dict[str, str | None]:
        """Return what a result says about its data."""
        if self.origin is not None:
            return self.origin.to_record()
        return {
            "source": "prepared",
            "revision": None,
            "commit": None,
            "manifest_sha256": self.manifest_sha256,
        }


class Source(ABC):
    """A place that has competitions' data."""

    @abstractmethod
    def load(self, competition: Competition, version: str) -> RunData:
        """Make the data of one competition ready.

        Raises
        ------
        DataNotFoundError
            If it is not there.
        """

    def close(self) -> None:
        """Give back what `load` has kept from removal. Nothing by default."""
        return None

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True)
class PreparedSource(Source):
    """A data folder, as `mlebench prepare` fills it."""

    data_dir: Path

    def load(self, competition: Competition, version: str) -> RunData:
        """Check the prepared tree against its manifest and hand it out."""
        from mlebench_data.errors import IntegrityError
        from mlebench_data.prepare.layout import version_folder
        from mlebench_data.prepare.manifest import Manifest

        folder = version_folder(self.data_dir, competition.id, version)
        manifest = Manifest.read(folder)
        if manifest is None:
            raise DataNotFoundError(
                f"{competition.id} {version} is not prepared in {folder}. "
                f"Run `mlebench prepare {competition.id}` first."
            )
        differences = manifest.differences(folder)
        if differences:
            raise IntegrityError(
                f"{competition.id} {version} in {folder} is damaged: {differences[0]}. "
                f"Run `mlebench prepare {competition.id}` again."
            )
        answers = (folder / competition.version(version).answers).read_bytes()
        return RunData(folder / "public", answers, manifest.digest())


@dataclass(frozen=True)
class RepositorySource(Source):
    """Locked dataset repositories, as `mlebench pack` makes them, wherever they are.

    Attributes
    ----------
    place : str or pathlib.Path or None
        Where they are, as `mlebench_data.hub.sources.open_source` reads it.
    key_file : pathlib.Path, optional
        The key, if it is not in its usual place.
    """

    place: str | Path | None
    key_file: Path | None = None
    _trees: list[CachedTree] = field(default_factory=list, repr=False, compare=False)

    def load(self, competition: Competition, version: str) -> RunData:
        """Open the sealed answers in memory, and hand out the public tree from the cache."""
        from mlebench_data.errors import IntegrityError
        from mlebench_data.hub import find_key, read_private_files, read_private_manifest
        from mlebench_data.hub.restoring import open_tree
        from mlebench_data.hub.sources import open_source, private_repository

        # A wrong key is told before anything large is fetched.
        key = find_key(self.key_file)
        source = open_source(self.place)
        repository = private_repository(source, competition.id, version)
        manifest = read_private_manifest(repository, key)
        answers = read_private_files(repository, key)[competition.version(version).answers]
        tree = open_tree(competition.id, version, source=source)
        self._trees.append(tree)
        sealed = {(entry.path, entry.sha256, entry.mode) for entry in manifest.files}
        public = {(entry.path, entry.sha256, entry.mode) for entry in tree.manifest().files}
        if public != {item for item in sealed if item[0].startswith("public/")}:
            raise IntegrityError(
                f"The public files of {competition.id} {version} in {source.describe()} are not "
                "those that the answers were sealed with. Fetch or pack the repository again."
            )
        origin = tree.origin(source.address(competition.id))
        return RunData(tree.folder, answers, manifest.digest(), origin)

    def close(self) -> None:
        """Let the trees be removed from the cache."""
        while self._trees:
            self._trees.pop().close()
