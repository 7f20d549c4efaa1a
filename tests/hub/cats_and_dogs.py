"""A small competition in any shape, and its prepared tree."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mlebench_data.catalogue import Competition
from mlebench_data.catalogue.catalogue import read_competition
from mlebench_data.prepare.build import recipe_digest
from mlebench_data.prepare.manifest import Manifest

TRAIN = b"id,word,label\n1,red,cat\n2,,dog\n3,NA,cat\n"
TEST = b"id,word\n4,blue\n5,green\n"
SAMPLE = b"id,label\n4,cat\n5,cat\n"
# Longer than anything that stands there by chance.
MARKER = "zebra-that-nobody-may-see"
ANSWERS = f"id,label\n4,dog\n5,{MARKER}\n".encode()
SECRET_PATH = "private/hidden-place/masks.bin"


def make_competition(
    folder: Path, *, dataset: dict[str, Any] | None = None, **changes: Any
) -> Competition:
    """Write a competition folder and read it."""
    content: dict[str, Any] = {
        "schema_version": 1,
        "id": folder.name,
        "name": "Cats and: dogs",
        "summary": "Tell cats from dogs.",
        "category": "Tabular",
        "modalities": ["tabular"],
        "task": "classification",
        "source": {"kind": "builtin", "url": "https://example.org"},
        "license": {
            "name": "CC BY 4.0",
            "spdx": "CC-BY-4.0",
            "redistribution": "allowed",
            "reason": "Its authors say so.",
        },
        "awards_medals": False,
        "versions": {
            version: {
                "summary": "One version.",
                "raw": {"files": ["x.csv"]},
                "recipe": [{"op": "make_folder", "path": "public/x"}],
                "outputs": {"public": ["**"], "private": ["**"]},
                "answers": "private/answers.csv",
                "sample_submission": "public/sample.csv",
                "submission": {"id": "id", "columns": [{"names": ["label"], "type": "string"}]},
                "metric": {"name": "accuracy", "higher_is_better": True},
                "dataset": dataset
                or {"train": {"table": "train.csv"}, "test": {"table": "test.csv"}},
                "known_issues": [
                    {"kind": "leaky", "note": "The trick is to sort."},
                    {"kind": "saturated", "note": "All are right."},
                ],
            }
            for version in ("v1", "v2")
        },
        **changes,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "competition.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    (folder / "README.md").write_text("# Cats and: dogs\n\nThe task.\n", encoding="utf-8")
    return read_competition(folder)


def make_prepared(
    competition: Competition,
    folder: Path,
    public: Mapping[str, bytes] | None = None,
    *,
    private: Mapping[str, bytes] | None = None,
    empty_folders: tuple[str, ...] = (),
    modes: Mapping[str, int] | None = None,
    version: str = "v1",
) -> Path:
    """Write a prepared version with its manifest."""
    contents = {
        "public/train.csv": TRAIN,
        "public/test.csv": TEST,
        "public/sample.csv": SAMPLE,
        "private/answers.csv": ANSWERS,
        **{f"public/{path}": content for path, content in (public or {}).items()},
        **(private or {}),
    }
    for path, content in contents.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(0o600 if path.startswith("private") else 0o644)
    for path in empty_folders:
        (folder / "public" / path).mkdir(parents=True, exist_ok=True)
    for path, mode in (modes or {}).items():
        (folder / "public" / path).chmod(mode)
    Manifest.of_tree(
        folder,
        competition=competition.id,
        version=version,
        recipe_sha256=recipe_digest(competition, version),
        rows={},
    ).write(folder)
    return folder


def tree_of(folder: Path) -> dict[str, tuple[int, bytes] | None]:
    """Everything below a folder: mode and content of files, None for folders."""
    return {
        path.relative_to(folder).as_posix(): None
        if path.is_dir()
        else (path.stat().st_mode & 0o777, path.read_bytes())
        for path in folder.rglob("*")
    }
