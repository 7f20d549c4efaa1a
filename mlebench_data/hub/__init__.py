"""Dataset repositories: a prepared version packed for `load_dataset`, with its answers locked."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlebench_data.hub.errors import PackError, RestoreError
    from mlebench_data.hub.grants import Grant
    from mlebench_data.hub.keys import (
        MasterKey,
        default_key_path,
        find_key,
        find_master_key,
        new_key,
        read_key,
        write_key_file,
    )
    from mlebench_data.hub.packing import PackResult, pack
    from mlebench_data.hub.private import load_private, read_private_files, read_private_manifest
    from mlebench_data.hub.repository import RepositoryManifest
    from mlebench_data.hub.restoring import (
        RestoreResult,
        open_tree,
        restore,
        restore_competition,
    )
    from mlebench_data.hub.rotation import Rotation, rotate

__all__ = [
    "Grant",
    "MasterKey",
    "PackError",
    "PackResult",
    "RepositoryManifest",
    "RestoreError",
    "RestoreResult",
    "Rotation",
    "default_key_path",
    "find_key",
    "find_master_key",
    "load_private",
    "new_key",
    "open_tree",
    "pack",
    "read_key",
    "read_private_files",
    "read_private_manifest",
    "restore",
    "restore_competition",
    "rotate",
    "write_key_file",
]

# Imported at first use: pyarrow and pydantic are slow to import.
_HOMES = {
    "Grant": "grants",
    "MasterKey": "keys",
    "PackError": "errors",
    "PackResult": "packing",
    "RepositoryManifest": "repository",
    "RestoreError": "errors",
    "RestoreResult": "restoring",
    "Rotation": "rotation",
    "default_key_path": "keys",
    "find_key": "keys",
    "find_master_key": "keys",
    "load_private": "private",
    "new_key": "keys",
    "open_tree": "restoring",
    "pack": "packing",
    "read_key": "keys",
    "read_private_files": "private",
    "read_private_manifest": "private",
    "restore": "restoring",
    "restore_competition": "restoring",
    "rotate": "rotation",
    "write_key_file": "keys",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
