"""Where a run takes its data from: prepared folders, or locked dataset repositories."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.catalogue import Competition
from mlebench_data.errors import DataNotFoundError, IntegrityError

if TYPE_CHECKING:
    from mlebench_data.hub.cache import CachedTree
    from mlebench_data.hub.origin import Origin
    from mlebench_data.hub.sources import Source as Place
    from mlebench_data.prepare.manifest import Manifest


@dataclass(frozen=True)
class Answers:
    """What scoring needs of the data of one competition.

    Attributes
    ----------
    answers : bytes
        Content of the answers file. It stays in the harness' memory: no path leads an agent to it.
    manifest_sha256 : str
        Identity of the data.
    origin : Origin or None
        The repository that it came from, if it came from one.
    """

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


@dataclass(frozen=True)
class RunData(Answers):
    """The data of one competition, as a run needs it.

    Attributes
    ----------
    public : pathlib.Path
        The public tree, for the agent's eyes.
    """

    public: Path = field(kw_only=True)


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

    @abstractmethod
    def answers(self, competition: Competition, version: str) -> Answers:
        """Read the answers of one competition, and nothing else.

        Raises
        ------
        DataNotFoundError
            If they are not there.
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
        folder, manifest = self._prepared(competition, version)
        differences = manifest.differences(folder)
        if differences:
            raise _damaged(competition, version, folder, differences[0])
        answers = (folder / competition.version(version).answers).read_bytes()
        return RunData(answers, manifest.digest(), public=folder / "public")

    def answers(self, competition: Competition, version: str) -> Answers:
        """Check the answers file against the manifest, and read it."""
        folder, manifest = self._prepared(competition, version)
        path = competition.version(version).answers
        expected = {entry.path: entry.sha256 for entry in manifest.files}.get(path)
        try:
            answers = (folder / path).read_bytes()
        except FileNotFoundError:
            raise _damaged(competition, version, folder, f"{path} is missing") from None
        if hashlib.sha256(answers).hexdigest() != expected:
            raise _damaged(competition, version, folder, f"{path} was changed")
        return Answers(answers, manifest.digest())

    def _prepared(self, competition: Competition, version: str) -> tuple[Path, Manifest]:
        from mlebench_data.prepare.layout import version_folder
        from mlebench_data.prepare.manifest import Manifest

        folder = version_folder(self.data_dir, competition.id, version)
        manifest = Manifest.read(folder)
        if manifest is None:
            raise DataNotFoundError(
                f"{competition.id} {version} is not prepared in {folder}. "
                f"Run `mlebench prepare {competition.id}` first."
            )
        return folder, manifest


def _damaged(
    competition: Competition, version: str, folder: Path, difference: str
) -> IntegrityError:
    return IntegrityError(
        f"{competition.id} {version} in {folder} is damaged: {difference}. "
        f"Run `mlebench prepare {competition.id}` again."
    )


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
        from mlebench_data.hub.restoring import open_tree
        from mlebench_data.hub.sources import open_source

        source = open_source(self.place)
        # A wrong key is told before anything large is fetched.
        manifest, answers, _ = self._sealed(source, competition, version)
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
        return RunData(answers, manifest.digest(), origin, public=tree.folder)

    def answers(self, competition: Competition, version: str) -> Answers:
        """Open the sealed answers in memory; nothing public is fetched."""
        from mlebench_data.hub.sources import open_source

        manifest, answers, origin = self._sealed(open_source(self.place), competition, version)
        return Answers(answers, manifest.digest(), origin)

    def _sealed(
        self, source: Place, competition: Competition, version: str
    ) -> tuple[Manifest, bytes, Origin]:
        from mlebench_data.hub import find_key, read_private_files, read_private_manifest
        from mlebench_data.hub.private_cache import fetch_private

        key = find_key(self.key_file)
        repository, origin = fetch_private(source, competition.id, version)
        manifest = read_private_manifest(repository, key)
        files = read_private_files(repository, key, competition=competition.id, version=version)
        return manifest, files[competition.version(version).answers], origin

    def close(self) -> None:
        """Let the trees be removed from the cache."""
        while self._trees:
            self._trees.pop().close()
