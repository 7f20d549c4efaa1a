"""Preparation and grading give what the published benchmark gives, to the byte and the digit."""

from __future__ import annotations

import hashlib
import io
import math
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlebench_data.catalogue import competition_ids, load_competition
from mlebench_data.grading import grade, validate
from mlebench_data.prepare import prepare
from mlebench_data.raw.archives import open_archive

ARCHIVES = {path.name.removesuffix(".tar.xz") for path in Path(__file__).parent.glob("*.tar.xz")}
DESCRIPTION = "description.md"

every_vector = pytest.mark.parametrize(
    "competition_id", [name for name in competition_ids() if name in ARCHIVES]
)
UnpackVector = Callable[[str], Any]


def _md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def _members(path: Path) -> dict[str, Any]:
    """What an archive or a Parquet file holds, independent of how it was packed."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return {
                item.filename: _md5(archive.read(item))
                for item in archive.infolist()
                if not item.is_dir()
            }
    if path.suffixes[-2:] == [".tar", ".gz"]:
        with tarfile.open(path) as archive:
            return {
                item.name: _md5(stream.read())
                for item in archive
                if (stream := archive.extractfile(item)) is not None
            }
    if path.suffix == ".7z":
        with tempfile.TemporaryDirectory() as folder:
            archive = open_archive(path, Path(folder) / "content")
            return {name: _md5(archive.open(name).read()) for name in archive.names()}
    if path.suffix == ".parquet":
        table = pd.read_parquet(path)
        text = io.StringIO()
        table.to_csv(text, index=False)
        return {
            "columns": {name: str(kind) for name, kind in sorted(table.dtypes.items())},
            "rows": len(table),
            "csv_md5": _md5(text.getvalue().encode()),
        }
    pytest.fail(f"This test cannot look into {path.name}.")


def _same(found: float | None, expected: float | None, *, relative: float = 0.0) -> bool:
    if found is None or expected is None:
        return found is expected
    if math.isnan(found) or math.isnan(expected):
        return math.isnan(found) and math.isnan(expected)
    # Next to 0 a relative difference means nothing: twice the distance of 1 to the next float.
    absolute = 5e-16 if relative else 0.0
    return math.isclose(found, expected, rel_tol=relative, abs_tol=absolute)


def test_every_archive_belongs_to_a_competition() -> None:
    assert ARCHIVES - set(competition_ids()) == set()
    assert set() != ARCHIVES


@every_vector
def test_prepared_files(competition_id: str, vector: UnpackVector, tmp_path: Path) -> None:
    competition = load_competition(competition_id)
    case = vector(competition_id)
    for number, expected in enumerate(case.preparations()):
        changed = case.changed(competition, expected)
        data_dir = tmp_path / str(number)
        folder = prepare(changed, data_dir=data_dir, raw=case.raw, skip_lock=True).folder

        wanted = {
            f"{part}/{path}": md5
            for part in ("public", "private")
            for path, md5 in expected[part].items()
        }
        found = {
            path.relative_to(folder).as_posix(): path
            for part in ("public", "private")
            for path in (folder / part).rglob("*")
            if path.is_file() and path.name != DESCRIPTION
        }
        assert sorted(found) == sorted(wanted)
        unstable = expected.get("unstable", [])
        stable = [path for path in wanted if path not in unstable]
        assert [path for path in stable if _md5(found[path].read_bytes()) != wanted[path]] == []
        for path in unstable:
            members = expected["members"][path]
            assert _members(found[path]) == members.get("members", members), path

        if "overrides" not in expected:
            sample = folder / competition.version().sample_submission
            assert sample.read_bytes() == case.sample_submission.read_bytes()


@every_vector
def test_scores(competition_id: str, vector: UnpackVector) -> None:
    case = vector(competition_id)
    scores = case.scores()
    assert sorted(scores) == sorted((case.folder / "submissions").iterdir())
    wrong = []
    for path, expected in scores.items():
        report = grade(competition_id, path, answers=case.answers)
        score = expected["score"]
        status = "invalid" if score is None else "valid"
        # A valid submission is explained only where its score is no number.
        explained = score is None or not math.isfinite(score)
        if (
            report.status != status
            or explained != bool(report.reason)
            or not _same(report.score, score)
            or not _same(report.raw_score, expected["raw"], relative=1e-12)
        ):
            wrong.append((path.stem, report.status, report.reason, report.raw_score, expected))
    assert wrong == []


@every_vector
def test_validation_needs_no_answers(competition_id: str, vector: UnpackVector) -> None:
    case = vector(competition_id)
    wrong = []
    for path, expected in case.scores().items():
        report = validate(competition_id, path, sample_submission=case.sample_submission)
        # What only the metric can refuse is let through; what has a score never is refused.
        refused_unduly = expected["score"] is not None and report.status != "valid"
        if refused_unduly or (report.status != "valid") != bool(report.reason):
            wrong.append((path.stem, report.status, report.reason))
    assert wrong == []
