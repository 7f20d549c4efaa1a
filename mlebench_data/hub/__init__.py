"""Dataset repositories: a prepared version packed for `load_dataset`, with its answers locked."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlebench_data.hub.errors import PackError, RestoreError
    from mlebench_data.hub.keys import MasterKey, default_key_path, find_key, new_key, read_key
    from mlebench_data.hub.packing import PackResult, pack
    from mlebench_data.hub.private import load_private, read_private_files, read_private_manifest
    from mlebench_data.hub.repository import RepositoryManifest
    from mlebench_data.hub.restoring import RestoreResult, restore

__all__ = [
    "MasterKey",
    "PackError",
    "PackResult",
    "RepositoryManifest",
    "RestoreError",
    "RestoreResult",
    "default_key_path",
    "find_key",
    "load_private",
    "new_key",
    "pack",
    "read_key",
    "read_private_files",
    "read_private_manifest",
    "restore",
]

# Imported at first use: pyarrow and pydantic are slow to import.
_HOMES = {
    "MasterKey": "keys",
    "PackError": "errors",
    "PackResult": "packing",
    "RepositoryManifest": "repository",
    "RestoreError": "errors",
    "RestoreResult": "restoring",
    "default_key_path": "keys",
    "find_key": "keys",
    "load_private": "private",
    "new_key": "keys",
    "pack": "packing",
    "read_key": "keys",
    "read_private_files": "private",
    "read_private_manifest": "private",
    "restore": "restoring",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
