"""Test vectors: what the published benchmark makes of tiny synthetic raw data."""

from __future__ import annotations

import fcntl
import json
import os
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlebench_data.catalogue import Competition
from mlebench_data.catalogue.schema import CompetitionFile

ARCHIVES = Path(__file__).parent


@dataclass(frozen=True)
class Vector:
    """One unpacked vector; pack_vectors.py says what its folder holds."""

    id: str
    folder: Path

    @property
    def raw(self) -> Path:
        return self.folder / "raw"

    @property
    def answers(self) -> Path:
        (path,) = self.folder.glob("answers.*")
        return path

    @property
    def sample_submission(self) -> Path:
        (path,) = self.folder.glob("sample_submission.*")
        return path

    def preparations(self) -> list[dict[str, Any]]:
        """What preparation must write; more than once where a constant was changed for it."""
        return [json.loads(path.read_text()) for path in sorted(self.folder.glob("prepared*.json"))]

    def changed(self, competition: Competition, expected: dict[str, Any]) -> Competition:
        """Give every operation that has a parameter of an override's name the other value."""
        content = competition.facts.model_dump(mode="json", exclude_unset=True)
        for name, value in expected.get("overrides", {}).items():
            recipe = content["versions"][competition.versions[0]]["recipe"]
            places = [*recipe, *(item["arguments"] for item in recipe if "arguments" in item)]
            changed = [place for place in places if place.get(name) is not None]
            assert changed, f"no operation of {competition.id} has a parameter '{name}'"
            for place in changed:
                place[name] = value
        return Competition(competition.folder, CompetitionFile.model_validate(content))

    def scores(self) -> dict[Path, dict[str, float | None]]:
        """Expected `score` and `raw` by submission file."""
        scores = json.loads((self.folder / "scores.json").read_text())
        return {self.folder / "submissions" / f"{name}.csv": item for name, item in scores.items()}


@pytest.fixture(scope="session")
def vector(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Vector]:
    """Unpack vectors, each once for all processes of a test run."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        # Each worker has a folder of its own below one that they share.
        folder = folder.parent
    folder = folder / "vectors"
    folder.mkdir(exist_ok=True)

    def unpack(competition_id: str) -> Vector:
        target = folder / competition_id
        with (folder / f".{competition_id}.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if not target.is_dir():
                partial = folder / f".{competition_id}.partial"
                with tarfile.open(ARCHIVES / f"{competition_id}.tar.xz") as archive:
                    archive.extractall(partial, filter="data")
                partial.rename(target)
        return Vector(competition_id, target)

    return unpack
