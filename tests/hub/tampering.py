"""What an attacker, or chance, may do to a packed repository."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlebench_data.hub.keys import MasterKey
from mlebench_data.hub.repository import SealedFile, read_sealed_list, write_sealed_list
from mlebench_data.hub.seal import Seal, seal_list


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a JSON file."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def rehash(repository: Path, name: str) -> None:
    """Make the list of sealed files agree with a changed file, as anybody can."""
    content = (repository / name).read_bytes()

    def change(listed: dict[str, Any]) -> None:
        for item in listed["files"]:
            if item["path"] == name:
                item.update(size=len(content), sha256=hashlib.sha256(content).hexdigest())

    edit(repository / "private/sealed.json", change)


def sign(repository: Path, key: MasterKey, stem: str = "private/") -> None:
    """Make the list anew, of the files whose paths begin so, as only a holder of the key can."""
    listed = read_sealed_list(repository)
    seal = Seal(key.for_version(listed.competition, listed.version))
    files = []
    for item in listed.files:
        if item.path.startswith(stem):
            content = (repository / item.path).read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            files.append(
                SealedFile(path=item.path, size=len(content), sha256=digest, rows=item.rows)
            )
    write_sealed_list(repository, seal_list(seal, listed.prepared_mac, files))
