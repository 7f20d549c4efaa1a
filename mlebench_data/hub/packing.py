"""Packing: from a prepared version to a dataset repository with locked answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

from mlebench_data.catalogue import Competition
from mlebench_data.errors import DataNotFoundError, IntegrityError, MlebenchError
from mlebench_data.hub.card import Config, card
from mlebench_data.hub.errors import PackError
from mlebench_data.hub.file_rows import file_schema, store_public_files, write_bytes, write_file
from mlebench_data.hub.folders import built_beside, put_in_place
from mlebench_data.hub.keys import MasterKey, as_key
from mlebench_data.hub.layout import ANSWERS, CARD, MANIFEST, PRIVATE_FILES, SAMPLE_SUBMISSION
from mlebench_data.hub.repository import (
    PublicFile,
    RepositoryFile,
    RepositoryManifest,
    SealedFile,
    SealedList,
    Stored,
    read_sealed_list,
    write_sealed_list,
)
from mlebench_data.hub.seal import Seal
from mlebench_data.hub.shards import Shard, ShardWriter
from mlebench_data.hub.source import PublicTree
from mlebench_data.hub.tables import open_table
from mlebench_data.hub.view import check_rows, merge_types, write_view
from mlebench_data.prepare.build import recipe_digest
from mlebench_data.prepare.manifest import FILE_NAME, Manifest, hash_file

if TYPE_CHECKING:
    import pyarrow as pa

LAYOUT = 1
"""Raised when packing writes something else for the same data, so that old results are renewed."""


@dataclass(frozen=True)
class PackResult:
    """What `pack` did.

    Attributes
    ----------
    status : {"packed", "unchanged"}
        Whether the repository was written or was there already.
    folder : pathlib.Path
        The repository.
    manifest : RepositoryManifest
        What it holds.
    """

    status: Literal["packed", "unchanged"]
    folder: Path
    manifest: RepositoryManifest


def packed_digest(competition: Competition, version: str) -> str:
    """Return the digest of what the catalogue says that packing writes down."""
    facts = competition.facts.model_dump_json(exclude={"versions", "leaderboard"})
    block = competition.version(version).model_dump_json(exclude={"recipe", "raw", "outputs"})
    parts = [str(LAYOUT), facts, version, block, competition.description()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _read_prepared(competition: Competition, prepared: Path, version: str | None) -> Manifest:
    """Read the manifest of prepared data, refused unless it holds and is of this competition."""
    manifest = Manifest.read(prepared)
    again = f"Run `mlebench prepare {competition.id}`."
    if manifest is None:
        raise DataNotFoundError(f"There is no prepared data in {prepared}. {again}")
    wanted = (competition.id, version or manifest.version)
    if (manifest.competition, manifest.version) != wanted:
        raise PackError(
            f"{prepared} holds {manifest.competition} {manifest.version}, not {' '.join(wanted)}."
        )
    if manifest.recipe_sha256 != recipe_digest(competition, manifest.version):
        raise PackError(
            f"{prepared} was prepared by another recipe or description than the catalogue has now. "
            f"{again}"
        )
    differences = manifest.differences(prepared)
    if differences:
        raise IntegrityError(
            f"{prepared} is not what its manifest says: {'; '.join(differences[:5])}"
            f"{' and more' if len(differences) > 5 else ''}. {again}"
        )
    return manifest


def _present(out: Path, expected: dict[str, str]) -> RepositoryManifest | None:
    """Return the manifest of a repository that is complete and made of what is expected."""
    if not (out / MANIFEST).is_file():
        return None
    try:
        manifest = RepositoryManifest.read(out)
        listed: list[RepositoryFile] = [*manifest.contents, *read_sealed_list(out).files]
    except MlebenchError:
        # Damaged or of an older layout: written anew.
        return None
    written = (out / MANIFEST).stat().st_mtime_ns
    if any(getattr(manifest, name) != value for name, value in expected.items()):
        return None
    for item in listed:
        path = out / item.path
        if not path.is_file() or path.stat().st_size != item.size:
            return None
        # The manifest was written last: what is older was not touched since.
        if path.stat().st_mtime_ns >= written and hash_file(path)[0] != item.sha256:
            return None
    return manifest if (out / CARD).is_file() else None


def _write_table(
    path: Path, root: Path, stem: str, seal: Seal | None = None
) -> tuple[pa.Schema, list[Shard]]:
    """Write one table as one typed shard."""
    import pyarrow as pa

    table = open_table(path)
    types = merge_types(table)
    schema = pa.schema(list(types.items()))
    # One file however large: its readers read all of it anyway.
    with ShardWriter(root, stem, schema, seal=seal, shard_size=None) as writer:
        for batch, _ in table.batches(types):
            writer.write(batch)
    check_rows(writer.shards, path.name)
    return schema, writer.shards


def _write_private(
    prepared: Path, manifest: Manifest, root: Path, seal: Seal, advance: Callable[[int], None]
) -> list[Shard]:
    """Seal every private file byte for byte, and before them the prepared tree's manifest.

    The manifest is what makes the sealed files complete: a reader sees whether one is missing.
    """
    with ShardWriter(root, PRIVATE_FILES, file_schema(), seal=seal) as writer:
        text = manifest.to_json().encode()
        write_bytes(writer, [text], FILE_NAME, hashlib.sha256(text).hexdigest(), 0o600)
        for entry in manifest.files:
            if entry.path.startswith("private/"):
                write_file(writer, prepared, entry)
                advance(1)
    return writer.shards


def _listed(root: Path, path: str) -> RepositoryFile:
    return RepositoryFile(
        path=path, size=(root / path).stat().st_size, sha256=hash_file(root / path)[0]
    )


def pack(
    competition: Competition,
    prepared: Path,
    out: Path,
    *,
    key: MasterKey | Path | str | None = None,
    version: str | None = None,
    force: bool = False,
    advance: Callable[[int], None] = lambda count: None,
) -> PackResult:
    """Make a dataset repository of one prepared version.

    The same data makes the same bytes (with the same pyarrow), the sealed files aside. A repository
    that is there already and unharmed is left alone; one that is outdated is replaced at once.

    Parameters
    ----------
    competition : Competition
        The competition.
    prepared : pathlib.Path
        The prepared version: public/, private/ and manifest.json.
    out : pathlib.Path
        The repository's folder: new, empty, or a repository.
    key : MasterKey or pathlib.Path or str, optional
        The master key or its file; found by `find_key` by default.
    version : str, optional
        Refuse any other version than this.
    force : bool
        Write the repository even if it is there already.
    advance : callable
        Called with the number of files of the prepared tree just packed.

    Returns
    -------
    PackResult
        What was done.

    Raises
    ------
    DataNotFoundError
        If there is no prepared data.
    IntegrityError
        If the prepared data is not what its manifest says.
    KeyFileError
        If there is no usable key.
    PackError
        If the declared view does not fit the data, or `out` holds something else.
    """
    master = as_key(key)
    source = _read_prepared(competition, prepared, version)
    seal = Seal(master, source.competition, source.version)
    identity = {
        "competition": source.competition,
        "version": source.version,
        "recipe_sha256": source.recipe_sha256,
        "packed_sha256": packed_digest(competition, source.version),
        "key_id": master.key_id,
        "prepared_mac": seal.authenticate(source.to_json()),
    }
    if not force:
        present = _present(out, identity)
        if present is not None:
            return PackResult("unchanged", out, present)
    if out.exists() and not (out / MANIFEST).is_file() and (out.is_file() or any(out.iterdir())):
        raise PackError(f"{out} exists and is no dataset repository. Name another folder.")
    with built_beside(out) as partial:
        manifest = _fill(competition, prepared, source, partial, seal, identity, advance)
        put_in_place(partial, out)
    return PackResult("packed", out, manifest)


def _bare_name(path: str | None) -> str | None:
    """Return the name of a table, without folders and without the ending of an archive."""
    if path is None:
        return None
    name = PurePosixPath(path).name
    return name.removesuffix(".zip").removesuffix(".7z")


def _fill(
    competition: Competition,
    prepared: Path,
    source: Manifest,
    root: Path,
    seal: Seal,
    identity: dict[str, str],
    advance: Callable[[int], None],
) -> RepositoryManifest:
    """Write all files of a repository into an empty folder."""
    block = competition.version(source.version)
    tree = PublicTree(prepared, source.files)
    # Where the test rows come from the sample submission, its scores are no labels.
    is_sample = _bare_name(block.dataset.test.table) == _bare_name(block.sample_submission)
    hidden = block.submission.column_names() if is_sample else []
    view = write_view(block.dataset, tree, root, advance, placeholders=hidden)
    stored: dict[str, Stored] = {f"public/{name}": at for name, at in view.stored.items()}
    configs = [Config("default", view.schema, {"train": view.train, "test": view.test})]

    # The agents' copy may be packed, and a plain one lie in the private part: it tells nothing.
    sample = prepared / block.sample_submission
    if not sample.is_file():
        raise PackError(f"The prepared data has no {block.sample_submission}.")
    schema, shards = _write_table(sample, root, SAMPLE_SUBMISSION)
    configs.append(Config("sample_submission", schema, {"sample_submission": shards}))

    public = [entry for entry in source.files if entry.path.startswith("public/")]
    rest = [entry for entry in public if entry.path not in stored]
    more, archive = store_public_files(prepared, rest, root, advance)
    stored.update(more)
    if archive:
        configs.append(Config("files", file_schema(), {"files": archive}))

    if block.answers not in {entry.path for entry in source.files}:
        raise PackError(f"competition.yaml: answers: the prepared data has no {block.answers}.")
    schema, answers = _write_table(prepared / block.answers, root, ANSWERS, seal)
    configs.append(Config("private", schema, {"private": answers}, sealed=True))
    private = _write_private(prepared, source, root, seal, advance)
    configs.append(Config("private_files", file_schema(), {"private": private}, sealed=True))
    sealed = [
        SealedFile(**_listed(root, shard.path).model_dump(), rows=shard.rows)
        for shard in [*answers, *private]
    ]
    write_sealed_list(root, SealedList(files=sealed))

    text = card(competition, source.version, configs, seal.key.key_id, root)
    (root / CARD).write_text(text, encoding="utf-8")
    unsealed = {
        shard.path
        for config in configs
        if not config.sealed
        for shards in config.splits.values()
        for shard in shards
    } | {at.path for at in stored.values()}
    manifest = RepositoryManifest(
        **identity,
        metric=block.metric,
        redistribution=competition.facts.license.redistribution,
        files=[
            PublicFile(
                path=entry.path,
                size=entry.size,
                sha256=entry.sha256,
                mode=entry.mode,
                rows=entry.rows,
                stored=stored[entry.path],
            )
            for entry in public
        ],
        empty_folders=[name for name in source.empty_folders if name.partition("/")[0] == "public"],
        contents=[_listed(root, path) for path in sorted(unsealed)],
    )
    manifest.write(root)
    return manifest
