"""Packing: from a prepared version to a dataset repository with locked answers."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

from mlebench_data.catalogue import Competition
from mlebench_data.errors import DataNotFoundError, IntegrityError, MlebenchError
from mlebench_data.hub.card import Config, card
from mlebench_data.hub.errors import PackError
from mlebench_data.hub.file_rows import (
    FileRows,
    file_schema,
    sealed_blocks,
    store_public_files,
)
from mlebench_data.hub.folders import built_beside, put_in_place
from mlebench_data.hub.keys import KeySource, as_key
from mlebench_data.hub.layout import (
    ANSWERS,
    CARD,
    MANIFEST,
    PRIVATE_FILES,
    SAMPLE_SUBMISSION,
    is_safe,
)
from mlebench_data.hub.limits import check_limits
from mlebench_data.hub.repository import (
    PublicFile,
    RepositoryFile,
    RepositoryManifest,
    SealedFile,
    Stored,
    read_sealed_list,
    write_sealed_list,
)
from mlebench_data.hub.seal import Seal, seal_list
from mlebench_data.hub.shards import Shard, ShardWriter
from mlebench_data.hub.sibling import private_folder, sibling_manifest, sibling_of
from mlebench_data.hub.sibling_card import sibling_card
from mlebench_data.hub.source import PublicTree
from mlebench_data.hub.table import merge_types
from mlebench_data.hub.tables import open_table
from mlebench_data.hub.view import check_rows, write_view
from mlebench_data.prepare.build import recipe_digest
from mlebench_data.prepare.manifest import FILE_NAME, FileEntry, Manifest, hash_file

if TYPE_CHECKING:
    import pyarrow as pa

LAYOUT = 3
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
        sealed = private_folder(out, manifest)
        listed = [(out / item.path, item) for item in manifest.contents]
        listed += [(sealed / item.path, item) for item in read_sealed_list(sealed).files]
    except MlebenchError:
        # Damaged or of an older layout: written anew.
        return None
    written = (out / MANIFEST).stat().st_mtime_ns
    if any(getattr(manifest, name) != value for name, value in expected.items()):
        return None
    for path, item in listed:
        if not path.is_file() or path.stat().st_size != item.size:
            return None
        # Packing gave them the manifest's own time, so any other one, past or future, is a change.
        if path.stat().st_mtime_ns != written and hash_file(path)[0] != item.sha256:
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
        rows = FileRows(writer)
        rows.add(FILE_NAME, text, hashlib.sha256(text).hexdigest(), 0o600)
        for entry in manifest.files:
            if entry.path.startswith("private/"):
                for offset, block in sealed_blocks(prepared, entry):
                    rows.add(entry.path, block, entry.sha256, entry.mode, offset)
                advance(1)
        rows.flush()
    return writer.shards


def _public_file(entry: FileEntry, stored: Stored) -> PublicFile:
    """Describe a public file. All but its path was checked when the prepared tree was compared."""
    if not is_safe(entry.path):
        raise PackError(f"The name of {entry.path!r} does not stay inside its folder.")
    # Without validation, which takes longer than reading a small file.
    return PublicFile.model_construct(**entry._asdict(), stored=stored)


def _contents(root: Path, written: dict[str, RepositoryFile]) -> list[RepositoryFile]:
    """List the unsealed files of a repository, with the digests taken while they were written."""
    found = []
    for path in sorted(item.relative_to(root).as_posix() for item in root.rglob("*")):
        if path == CARD or path.startswith("private/") or (root / path).is_dir():
            continue
        digest = written.get(path)
        if digest is None:
            size, sha256 = (root / path).stat().st_size, hash_file(root / path)[0]
            digest = RepositoryFile(path=path, size=size, sha256=sha256)
        found.append(digest)
    return found


def _date_alike(like: Path, paths: list[Path]) -> None:
    """Give files the time of another: who looks whether they changed need not trust any clock."""
    status = like.stat()
    for path in paths:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def pack(
    competition: Competition,
    prepared: Path,
    out: Path,
    *,
    key: KeySource = None,
    version: str | None = None,
    force: bool = False,
    private_repo: bool = False,
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
    key : MasterKey or Grant or pathlib.Path or str, optional
        The key or its file; found by `find_key` by default. A grant seals what it opens.
    version : str, optional
        Refuse any other version than this.
    force : bool
        Write the repository even if it is there already.
    private_repo : bool
        Put the sealed answers into a repository of their own beside this one, named as it is with
        "-private" behind, for those who want to give access to it by account.
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
        If there is no usable key, or it is a grant of other competitions.
    PackError
        If the declared view does not fit the data, `out` holds something else, or the disk is full.
    """
    master = as_key(key)
    source = _read_prepared(competition, prepared, version)
    seal = Seal(master.for_version(source.competition, source.version))
    identity = {
        "competition": source.competition,
        "version": source.version,
        "recipe_sha256": source.recipe_sha256,
        "packed_sha256": packed_digest(competition, source.version),
        "key_id": master.key_id,
        "prepared_mac": seal.authenticate(source.to_json()),
        "private_part": "sibling" if private_repo else "here",
    }
    if not force:
        present = _present(out, identity)
        if present is not None:
            return PackResult("unchanged", out, present)
    beside = sibling_of(out) if private_repo else None
    for place in filter(None, [out, beside]):
        if (place.exists() and not (place / MANIFEST).is_file()) and (
            place.is_file() or any(place.iterdir())
        ):
            raise PackError(f"{place} exists and is no dataset repository. Name another folder.")
    with ExitStack() as stack:
        stack.enter_context(_explained(out))
        partial = stack.enter_context(built_beside(out))
        apart = partial if beside is None else stack.enter_context(built_beside(beside))
        manifest = _fill(competition, prepared, source, partial, apart, seal, identity, advance)
        if beside is not None:
            put_in_place(apart, beside)
        put_in_place(partial, out)
    return PackResult("packed", out, manifest)


@contextmanager
def _explained(out: Path) -> Iterator[None]:
    """Say what to do when the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise PackError(
            f"There is no space left for {out} ({os.strerror(error.errno)}). Nothing was left "
            "there. Free some, or name another place with --out, and run the same command again."
        ) from error


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
    private_root: Path,
    seal: Seal,
    identity: dict[str, str],
    advance: Callable[[int], None],
) -> RepositoryManifest:
    """Write all files of a repository into an empty folder, or the sealed ones into another."""
    block = competition.version(source.version)
    tree = PublicTree(prepared, source.files)
    # Where the test rows come from the sample submission, its scores are no labels.
    is_sample = _bare_name(block.dataset.test.table) == _bare_name(block.sample_submission)
    hidden = block.submission.column_names() if is_sample else []
    view = write_view(block.dataset, tree, root, advance, placeholders=hidden)
    stored: dict[str, Stored] = {f"public/{name}": at for name, at in view.stored.items()}
    configs = [
        Config(name, part.schema, part.splits)
        for name, part in [("default", view.default), *view.more.items()]
    ]

    # The agents' copy may be packed, and a plain one lie in the private part: it tells nothing.
    sample = prepared / block.sample_submission
    if not sample.is_file():
        raise PackError(f"The prepared data has no {block.sample_submission}.")
    schema, shards = _write_table(sample, root, SAMPLE_SUBMISSION)
    configs.append(Config("sample_submission", schema, {"sample_submission": shards}))

    public = [entry for entry in source.files if entry.path.startswith("public/")]
    rest = [entry for entry in public if entry.path not in stored]
    tables = [f"public/{name}" for name in block.dataset.tables()]
    files = store_public_files(prepared, rest, root, advance, tables)
    stored.update(files.stored)
    if files.shards:
        configs.append(Config("files", file_schema(), {"files": files.shards}))

    if block.answers not in {entry.path for entry in source.files}:
        raise PackError(f"competition.yaml: answers: the prepared data has no {block.answers}.")
    schema, answers = _write_table(prepared / block.answers, private_root, ANSWERS, seal)
    private = _write_private(prepared, source, private_root, seal, advance)
    locked = [
        Config("private", schema, {"private": answers}, sealed=True),
        Config("private_files", file_schema(), {"private": private}, sealed=True),
    ]
    sealed = [
        SealedFile(path=shard.path, size=shard.size, sha256=shard.sha256, rows=shard.rows)
        for shard in [*answers, *private]
    ]
    write_sealed_list(private_root, seal_list(seal, identity["prepared_mac"], sealed))

    if private_root == root:
        configs += locked
    text = card(competition, source.version, configs, seal.key.key_id, root)
    (root / CARD).write_text(text, encoding="utf-8")
    written = {item.path: item for item in files.plain}
    open_shards = [shard for config in configs for part in config.splits.values() for shard in part]
    for shard in [*open_shards, *view.pieces]:
        written[shard.path] = RepositoryFile(path=shard.path, size=shard.size, sha256=shard.sha256)
    manifest = RepositoryManifest(
        **identity,
        metric=block.metric,
        redistribution=competition.facts.license.redistribution,
        files=[_public_file(entry, stored[entry.path]) for entry in public],
        empty_folders=[name for name in source.empty_folders if name.partition("/")[0] == "public"],
        contents=_contents(root, written),
    )
    manifest.write(root)
    _date_alike(root / MANIFEST, [root / item.path for item in manifest.contents])
    _date_alike(root / MANIFEST, [private_root / item.path for item in sealed])
    check_limits(root)
    if private_root != root:
        text = sibling_card(competition, source.version, locked, seal.key.key_id, private_root)
        (private_root / CARD).write_text(text, encoding="utf-8")
        sibling_manifest(manifest).write(private_root)
    return manifest
