"""Where a run takes its data from: prepared folders, or locked dataset repositories."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from mlebench_data.catalogue import Competition
from mlebench_data.errors import DataNotFoundError


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
    source : str
        Where it came from.
    revision, commit : str or None
        Data version and commit of the repository, where it came from one.
    """

    public: Path
    answers: bytes
    manifest_sha256: str
    source: str = ""
    revision: str | None = None
    commit: str | None = None

    def record(self) -> dict[str, str | None]:
        """Return what a result says about its data."""
        return {
            "source": self.source,
            "revision": self.revision,
            "commit": self.commit,
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
    """A folder of locked dataset repositories, as `mlebench pack` makes them.

    Attributes
    ----------
    folder : pathlib.Path
        Holds one repository for each competition, by its id.
    restored : pathlib.Path
        Where public trees are restored to.
    key_file : pathlib.Path, optional
        The master key, if it is not in its usual place.
    """

    folder: Path
    restored: Path
    key_file: Path | None = None

    def load(self, competition: Competition, version: str) -> RunData:
        """Restore the public tree, and open the sealed answers in memory."""
        from mlebench_data.hub import (
            find_key,
            read_private_files,
            read_private_manifest,
            restore,
        )

        repository = self.folder / competition.id
        if not repository.is_dir():
            raise DataNotFoundError(
                f"There is no dataset repository {repository}. Make it with "
                f"`mlebench pack {competition.id} --out {repository}`."
            )
        key = find_key(self.key_file)
        manifest = read_private_manifest(repository, key)
        if (manifest.competition, manifest.version) != (competition.id, version):
            raise DataNotFoundError(
                f"{repository} holds {manifest.competition} {manifest.version}, "
                f"not {competition.id} {version}."
            )
        answers = read_private_files(repository, key)[competition.version(version).answers]
        public = self.restored / competition.id / version
        restore(repository, public)
        return RunData(public, answers, manifest.digest())
