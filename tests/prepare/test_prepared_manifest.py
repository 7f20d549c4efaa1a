"""Manifests read back as written, and anything else is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlebench_data.errors import IntegrityError
from mlebench_data.prepare.manifest import FileEntry, Manifest

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
ENTRIES = st.builds(
    FileEntry,
    path=TEXT,
    size=st.integers(0, 2**63),
    sha256=TEXT,
    mode=st.integers(0, 0o777),
    rows=st.none() | st.integers(0, 2**40),
)
MANIFESTS = st.builds(
    Manifest,
    competition=TEXT,
    version=TEXT,
    recipe_sha256=TEXT,
    files=st.lists(ENTRIES, max_size=4),
    empty_folders=st.lists(TEXT, max_size=3),
)


@settings(deadline=None)
@given(manifest=MANIFESTS)
def test_round_trip(manifest: Manifest) -> None:
    text = manifest.to_json()
    again = Manifest.from_json(text, "here")
    assert again == manifest
    assert again.digest() == manifest.digest()
    assert manifest.size == sum(entry.size for entry in manifest.files)


@settings(deadline=None)
@given(
    text=st.text()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["format", "files"]), inner)
        ),
    ).map(json.dumps)
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(IntegrityError, match=r"^here "):
        Manifest.from_json(text, "here")


def test_unknown_format_is_said_to_be_newer() -> None:
    text = Manifest("tiny", "v1", "0").to_json().replace('"format": 1', '"format": 2')
    with pytest.raises(IntegrityError, match="needs a newer mlebench"):
        Manifest.from_json(text, "here")


def test_differences_are_named(tmp_path: Path) -> None:
    for path in ("public/a", "public/b", "public/c", "public/d"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(path)
    (tmp_path / "private").mkdir()
    manifest = Manifest.of_tree(
        tmp_path, competition="tiny", version="v1", recipe_sha256="0", rows={"public/a": 3}
    )
    manifest.write(tmp_path)
    assert Manifest.read(tmp_path) == manifest
    assert manifest.files[0].rows == 3
    assert manifest.empty_folders == ["private"]
    assert manifest.differences(tmp_path) == manifest.differences(tmp_path, full=True) == []

    (tmp_path / "public/a").unlink()
    (tmp_path / "public/b").write_text("longer than before")
    (tmp_path / "public/c").write_text("PUBLIC/C")
    (tmp_path / "public/e").touch()
    (tmp_path / "private").rmdir()
    assert manifest.differences(tmp_path) == [
        "public/a is missing",
        "public/b has 18 bytes instead of 8",
        "public/c has another content (SHA-256 differs)",
        "public/e does not belong here",
        "private/ is missing",
    ]


def test_no_manifest(tmp_path: Path) -> None:
    assert Manifest.read(tmp_path) is None
