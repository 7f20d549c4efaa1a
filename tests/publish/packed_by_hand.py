"""The parts of a packed repository, made by hand."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet
from pyarrow.parquet import encryption

from mlebench_data.hub.repository import (
    RepositoryFile,
    RepositoryManifest,
    SealedFile,
    SealedList,
    write_sealed_list,
)

ID = "iris-species"
IDENTITY: dict[str, Any] = {
    "competition": ID,
    "version": "v1",
    "key_id": "0" * 16,
    "prepared_mac": "1" * 64,
}
#: Nobody may see it.
SECRET = b"zebra-that-nobody-may-see"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_sealed(path: Path) -> None:
    """Write a Parquet file with an encrypted footer, as packing does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    properties = encryption.create_encryption_properties(
        footer_key=b"k" * 16, aad_prefix=b"test", store_aad_prefix=False, plaintext_footer=False
    )
    table = pa.table({"answer": [SECRET.decode()] * 10})
    parquet.write_table(table, path, encryption_properties=properties)


def listed(root: Path, path: str) -> dict[str, Any]:
    content = (root / path).read_bytes()
    return {"path": path, "size": len(content), "sha256": sha256(content)}


def write_manifest(root: Path, paths: list[str], **changes: Any) -> RepositoryManifest:
    """Write a manifest that lists these files of a folder as its contents."""
    fields = {
        **IDENTITY,
        "recipe_sha256": "2" * 64,
        "packed_sha256": "3" * 64,
        "private_part": "here",
        "metric": {"name": "accuracy", "higher_is_better": True},
        "redistribution": "allowed",
        "files": [],
        "empty_folders": [],
        "contents": [RepositoryFile(**listed(root, path)) for path in paths],
        **changes,
    }
    manifest = RepositoryManifest(**fields)
    manifest.write(root)
    return manifest


def write_list(root: Path, paths: list[str], **changes: Any) -> None:
    """Write the list of sealed files."""
    files = [SealedFile(**listed(root, path), rows=10) for path in paths]
    write_sealed_list(root, SealedList(**{**IDENTITY, **changes}, files=files, mac="4" * 64))


def tree_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
