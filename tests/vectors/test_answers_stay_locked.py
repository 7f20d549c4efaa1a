"""Without the key, nothing of any competition's answers can be read anywhere."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import evaluate
import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlebench_data.catalogue import Competition, competition_ids, load_competition
from mlebench_data.gradable import GradableCompetition
from mlebench_data.hub import load_private, pack, read_private_files
from mlebench_data.hub.keys import MasterKey
from mlebench_data.prepare import prepare
from mlebench_data.prepare.manifest import Manifest

KEY = MasterKey(bytes(range(32)))
CONTROL = "control-of-this-test.bin"

vectors = {path.name.removesuffix(".tar.xz") for path in Path(__file__).parent.glob("*.tar.xz")}
every_vector = pytest.mark.parametrize(
    "competition_id", [name for name in competition_ids() if name in vectors]
)


def marked(path: Path, token: str) -> bytes:
    """Return a private file of the same kind in which every value is the token and a number."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as stream:
            header, *rows = csv.reader(stream)
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(header)
        for line, row in enumerate(rows):
            writer.writerow([f"{token}-{line}-{place}" for place, _ in enumerate(row)])
        return text.getvalue().encode()
    if path.suffix == ".jsonl":
        lines = path.read_bytes().splitlines()
        return "".join(f'{{"value": "{token}-{line}"}}\n' for line in range(len(lines))).encode()
    return f"{token}-file".encode() + os.urandom(64)


def sample_of(competition: Competition) -> str:
    """Return the path of the sample submission, which is public wherever it lies."""
    return competition.version().sample_submission


def mark(competition: Competition, prepared: Path, token: str, control: str) -> None:
    """Make all that is private recognisable, and one public file, in a prepared tree."""
    manifest = Manifest.read(prepared)
    assert manifest is not None
    for entry in manifest.files:
        if entry.path.startswith("private/") and entry.path != sample_of(competition):
            path = prepared / entry.path
            content = marked(path, token)
            assert token.encode() in content, f"{entry.path} has no value"
            path.unlink()
            path.write_bytes(content)
    (prepared / "public" / CONTROL).write_text(control)
    Manifest.of_tree(
        prepared,
        competition=competition.id,
        version=manifest.version,
        recipe_sha256=manifest.recipe_sha256,
        rows={},
    ).write(prepared)


def readable(path: Path) -> Iterator[bytes]:
    """Everything that can be read from a file: its bytes, and what its Parquet pages hold."""
    yield path.read_bytes()
    if path.suffix == ".parquet":
        try:
            table = pq.read_table(path)
        except OSError as error:
            assert "encrypted" in str(error)
            return
        for column in table.columns:
            for chunk in column.chunks:
                yield from (buffer.to_pybytes() for buffer in _buffers(chunk))


def _buffers(array: Any) -> Iterator[pa.Buffer]:
    if isinstance(array, pa.DictionaryArray):
        yield from _buffers(array.dictionary)
    yield from (buffer for buffer in array.buffers() if buffer is not None)


def digests(content: bytes) -> Iterator[bytes]:
    for algorithm in ("md5", "sha1", "sha256"):
        digest = hashlib.new(algorithm, content)
        yield digest.hexdigest().encode()
        yield digest.digest()


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders where libraries and this package may leave something."""
    folder = tmp_path / "watched"
    for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MLEBENCH_CACHE"):
        (folder / name).mkdir(parents=True)
        monkeypatch.setenv(name, str(folder / name))
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "TMPDIR"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", folder / "datasets")
    monkeypatch.setattr(evaluate.config, "HF_METRICS_CACHE", str(folder / "metrics"))
    (folder / "cwd").mkdir()
    monkeypatch.chdir(folder / "cwd")
    return folder


def use(competition: Competition, repository: Path, sample: Path) -> None:
    """Do what people do with a repository, its answers included."""
    place = fsspec.filesystem("memory")
    place.put(f"{repository}/", f"/hub/{competition.id}/", recursive=True)
    try:
        for source in ("memory://hub", str(repository)):
            contents = read_private_files(competition.id, KEY, source=source)
            assert len(load_private(competition.id, key=KEY, source=source))
            answers = contents[competition.version().answers]
            try:
                # The answers are no numbers where they should be, so this need not end well.
                competition.grade(sample, answers=answers)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                print(f"not graded: {type(error).__name__}")
    finally:
        place.rm("/hub", recursive=True)
    datasets.load_dataset(str(repository), "sample_submission")
    with pytest.raises(datasets.exceptions.DatasetGenerationError):
        datasets.load_dataset(str(repository), "private")


@every_vector
def test_nothing_in_repository_and_caches(
    competition_id: str, vector: Callable[[str], Any], tmp_path: Path, watched: Path
) -> None:
    case = vector(competition_id)
    # With the constants that let tiny data be split, where the recipe's own are too large.
    competition = case.changed(load_competition(competition_id), case.preparations()[-1])
    prepared = prepare(competition, data_dir=tmp_path, raw=case.raw, skip_lock=True).folder
    token, control = (f"zq{secrets.token_hex(12)}" for _ in range(2))
    mark(competition, prepared, token, control)
    repository = pack(competition, prepared, tmp_path / "repository", key=KEY).folder

    private = {
        path.relative_to(prepared).as_posix(): path.read_bytes()
        for path in (prepared / "private").rglob("*")
        if path.is_file()
    }
    hidden = [token.encode(), *digests((prepared / "manifest.json").read_bytes())]
    for name, content in private.items():
        hidden += digests(content) if name != sample_of(competition) else []
    use(
        GradableCompetition(competition.folder, competition.facts),
        repository,
        case.sample_submission,
    )
    assert list(watched.glob("MLEBENCH_CACHE/**/*.parquet")), "the sealed files were fetched"
    seen = 0
    for path in [*repository.rglob("*"), *watched.rglob("*")]:
        if path.is_file():
            for content in readable(path):
                assert not [item for item in hidden if item in content], path
                seen += control.encode() in content
    assert seen, "the search finds what is public"
    # What was looked for is there, behind the lock.
    assert read_private_files(repository, KEY) == private
    assert load_private(repository, key=KEY).astype(str).to_string().count(token)
