"""Sealing a packed repository again under another master key, its public files untouched."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Literal

from mlebench_data.errors import IntegrityError, SealError
from mlebench_data.hub.card import with_hyphens
from mlebench_data.hub.folders import built_beside, put_in_place
from mlebench_data.hub.keys import MasterKey
from mlebench_data.hub.layout import ANSWERS, CARD, MANIFEST, PRIVATE_FILES, SEALED_LIST
from mlebench_data.hub.private import SealedPart, open_sealed_part, read_private_manifest
from mlebench_data.hub.repository import (
    RepositoryManifest,
    SealedFile,
    write_sealed_list,
)
from mlebench_data.hub.seal import Seal, seal_list
from mlebench_data.hub.shards import ShardWriter
from mlebench_data.hub.sibling import private_folder
from mlebench_data.prepare.manifest import hash_file

Resealed = Literal["resealed", "unchanged", "other key"]

_SEALED_CONFIGS = {"private": ANSWERS, "private_files": PRIVATE_FILES}


def reseal(repository: Path, old: MasterKey, new: MasterKey) -> Resealed:
    """Seal a repository with another master key.

    The sealed files are decrypted in memory, encrypted anew and compared; card and manifest get the
    new fingerprint. Everything else is linked, not copied. The repository changes at once or, if
    this is interrupted, not at all.

    Parameters
    ----------
    repository : pathlib.Path
        The repository, public or sibling. With a public one whose answers are in a sibling, both
        are sealed again.
    old, new : MasterKey
        The key that opens it, and the one that shall.

    Returns
    -------
    {"resealed", "unchanged", "other key"}
        "unchanged" if the new key opens it already, "other key" if neither does.

    Raises
    ------
    DataNotFoundError
        If there is no repository, or its sibling is not there.
    IntegrityError
        If manifest or card are damaged.
    SealError
        If a sealed file was changed or is missing.
    """
    manifest = RepositoryManifest.read(repository)
    if manifest.private_part == "sibling" and manifest.key_id in (old.key_id, new.key_id):
        # First, so that the public part never names a key that opens nothing.
        reseal(private_folder(repository, manifest), old, new)
    if manifest.key_id == new.key_id:
        return "unchanged"
    if manifest.key_id != old.key_id:
        return "other key"
    with built_beside(repository) as partial:
        if manifest.private_part == "sibling":
            beside = private_folder(repository, manifest)
            mac = RepositoryManifest.read(beside).prepared_mac
            _link_all(repository, partial)
            sizes: dict[str, int] = {}
        else:
            seal = Seal(new.for_version(manifest.competition, manifest.version))
            mac = seal.authenticate(read_private_manifest(repository, old).to_json())
            part = open_sealed_part(repository, old)
            _link_all(repository, partial)
            (partial / SEALED_LIST).parent.mkdir()
            files = [_seal_again(part, item, seal, partial) for item in part.listed.files]
            write_sealed_list(partial, seal_list(seal, mac, files))
            sizes = {
                name: sum(item.size for item in files if item.path.startswith(stem))
                for name, stem in _SEALED_CONFIGS.items()
            }
        text = (repository / CARD).read_text(encoding="utf-8")
        changed = _card(text, old.key_id, new.key_id, sizes, repository / CARD)
        (partial / CARD).write_text(changed, encoding="utf-8")
        manifest.model_copy(update={"key_id": new.key_id, "prepared_mac": mac}).write(partial)
        put_in_place(partial, repository)
    return "resealed"


def _link_all(repository: Path, partial: Path) -> None:
    """Link everything that stays as it is: all but card, manifest and sealed files."""
    private = str(repository / SEALED_LIST).rpartition("/")[0]
    for parent, folders, names in os.walk(repository):
        folders[:] = [name for name in folders if f"{parent}/{name}" != private]
        target = partial / os.path.relpath(parent, repository)
        target.mkdir(exist_ok=True)
        for name in names:
            if parent == str(repository) and name in (CARD, MANIFEST):
                continue
            try:
                os.link(f"{parent}/{name}", target / name, follow_symlinks=False)
            except OSError:
                # Some file systems have no hard links.
                shutil.copy2(f"{parent}/{name}", target / name, follow_symlinks=False)


def _seal_again(part: SealedPart, item: SealedFile, seal: Seal, root: Path) -> SealedFile:
    """Write one sealed file anew, row group by row group, and compare what can be read from it."""
    before = part.open(item)
    # The padding is metadata of the file, and is made anew.
    schema = before.schema_arrow.remove_metadata()
    stem = item.path.removesuffix(".parquet")
    with ShardWriter(root, stem, schema, seal=seal, shard_size=None, row_group_size=0) as writer:
        for group in range(before.num_row_groups):
            for batch in before.read_row_group(group).replace_schema_metadata().to_batches():
                writer.write(batch)
    path = root / item.path
    after = seal.open(path.read_bytes(), item.path)
    if after.num_row_groups != before.num_row_groups or any(
        not after.read_row_group(group).equals(before.read_row_group(group))
        for group in range(before.num_row_groups)
    ):
        raise SealError(f"{item.path} did not come back as it was. The old file was kept.")
    return SealedFile(
        path=item.path, size=path.stat().st_size, sha256=hash_file(path)[0], rows=item.rows
    )


def _card(text: str, old_id: str, new_id: str, sizes: dict[str, int], where: Path) -> str:
    """Return a card with another fingerprint, and other sizes of sealed configurations."""
    import yaml

    try:
        _, header, body = text.split("---\n", 2)
        content: dict[str, Any] = yaml.safe_load(header)
        content["mlebench"]["key_id"] = new_id
        for info in content["dataset_info"]:
            if info["config_name"] in sizes:
                size = sizes[info["config_name"]]
                info.update(download_size=size, dataset_size=size)
                info["splits"][0]["num_bytes"] = size
    except (ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise IntegrityError(
            f"{where} is not as `mlebench pack` wrote it: {error!r}. Pack the competition again."
        ) from error
    return with_hyphens(content) + body.replace(old_id, new_id)
