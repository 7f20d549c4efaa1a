"""A small packed repository, written by hand so that these tests need no preparing and packing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mlebench_data.catalogue.schema import Metric
from mlebench_data.hub.repository import (
    PublicFile,
    RepositoryFile,
    RepositoryManifest,
    SealedFile,
    SealedList,
    Stored,
    write_sealed_list,
)

CARD = """---
pretty_name: Cats
configs:
- config_name: default
  default: true
  data_files:
  - {split: train, path: data/train-*.parquet}
  - {split: test, path: data/test-*.parquet}
- config_name: sample_submission
  data_files:
  - {split: sample_submission, path: data/sample_submission-*.parquet}
---
# Cats
"""
ROWS = 1000
TRAIN = {"id": list(range(ROWS)), "label": ["cat", "dog"] * (ROWS // 2)}
TEST = {"id": [ROWS, ROWS + 1], "label": [None, None]}
SAMPLE = {"id": [ROWS, ROWS + 1], "label": ["cat", "cat"]}
ODD_NAME = "files/public/notes/odd näme #1 100%.txt"
ODD_TEXT = b"a\r\nb"
SEALED = b"PARE sealed answers, not to be read"


def write_repository(
    folder: Path, competition: str = "cats", version: str = "v1", *, card: str = CARD
) -> Path:
    """Write a packed repository."""
    for name, rows in (("train", TRAIN), ("test", TEST), ("sample_submission", SAMPLE)):
        path = folder / f"data/{name}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        schema = pa.schema([("id", pa.int64()), ("label", pa.string())])
        pq.write_table(pa.table(rows, schema=schema), path, row_group_size=100)
    write(folder / "README.md", card.encode())
    write(folder / "files/public/train.csv", b"id,label\n0,cat\n" * 50)
    write(folder / ODD_NAME, ODD_TEXT)
    sealed = write(folder / "private/answers-00000-of-00001.parquet", SEALED)
    return write_lists(folder, competition, version, [sealed])


def write_lists(folder: Path, competition: str, version: str, sealed: list[Path]) -> Path:
    """Write the manifest and the list of sealed files."""
    contents = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path not in sealed and path.name not in ("README.md", "manifest.json")
        if path.name != "sealed.json"
    ]
    RepositoryManifest(
        competition=competition,
        version=version,
        recipe_sha256="0" * 64,
        packed_sha256="0" * 64,
        key_id="0" * 16,
        prepared_mac="0" * 64,
        metric=Metric(name="accuracy", higher_is_better=True),
        redistribution="allowed",
        files=[
            PublicFile(
                path=path.relative_to(folder / "files").as_posix(),
                size=path.stat().st_size,
                sha256=digest(path),
                mode=0o644,
                stored=Stored(path=path.relative_to(folder).as_posix()),
            )
            for path in contents
            if path.is_relative_to(folder / "files/public")
        ],
        empty_folders=[],
        contents=[RepositoryFile(**facts(folder, path)) for path in contents],
    ).write(folder)
    write_sealed_list(
        folder,
        SealedList(
            competition=competition,
            version=version,
            key_id="0" * 16,
            prepared_mac="0" * 64,
            files=[SealedFile(**facts(folder, path), rows=1) for path in sealed],
            mac="0" * 64,
        ),
    )
    return folder


def facts(folder: Path, path: Path) -> dict[str, object]:
    """Return path, size and digest of a file of a repository."""
    return {
        "path": path.relative_to(folder).as_posix(),
        "size": path.stat().st_size,
        "sha256": digest(path),
    }


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def files_of(folder: Path) -> dict[str, bytes]:
    """Everything in a folder that is not hidden."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {
        path.as_posix(): (folder / path).read_bytes()
        for path in paths
        if not any(part.startswith(".") for part in path.parts)
    }
