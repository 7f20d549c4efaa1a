"""Preparation of one competition: run its recipe, check the result, put it in place at once."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlebench_data.catalogue import Competition
from mlebench_data.errors import PrepareError, RawDataError
from mlebench_data.modules import load_module
from mlebench_data.prepare.finishing import (
    exclusive,
    finish,
    intact,
    partial_folder,
    remove_partials,
)
from mlebench_data.prepare.layout import raw_folder, version_folder
from mlebench_data.prepare.locks import LockState, lock_to_hold
from mlebench_data.prepare.manifest import Manifest
from mlebench_data.raw import RawTree
from mlebench_data.recipe import AnyOperation, Context
from mlebench_data.workers.pool import WorkerPool


@dataclass(frozen=True)
class PrepareResult:
    """What `prepare` did.

    Attributes
    ----------
    competition, version : str
        Which data.
    status : {"prepared", "imported", "unchanged"}
        Whether the recipe ran, data was taken over, or it was there already.
    folder : pathlib.Path
        The prepared version.
    manifest : Manifest
        What it holds.
    lock : {"holds", "skipped", "none"}
        Whether the data was compared with a lock.
    """

    competition: str
    version: str
    status: Literal["prepared", "imported", "unchanged"]
    folder: Path
    manifest: Manifest
    lock: LockState


def recipe_digest(competition: Competition, version: str) -> str:
    """Return the digest of all that decides what preparation writes."""
    block = competition.version(version)
    parts = [
        block.model_dump_json(include={"raw", "recipe", "outputs"}),
        competition.description(),
    ]
    code = competition.folder / "prepare.py"
    if code.is_file():
        parts.append(code.read_text(encoding="utf-8"))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def find_raw(competition: Competition, raw: Path | None, data_dir: Path) -> Path:
    """Return where a competition's raw data lies, built first if the competition can build it.

    Parameters
    ----------
    competition : Competition
        The competition.
    raw : pathlib.Path, optional
        Folder named by the user: `<raw>/<id>` if there is one, else `<raw>` itself. It may hold the
        extracted files or the zip as downloaded, `<id>.zip`, or be that zip.
    data_dir : pathlib.Path
        Data folder, whose `<id>/raw` is used when no other folder is named.

    Raises
    ------
    RawDataError
        If there is no such folder.
    """
    if raw is not None:
        folder = raw / competition.id if (raw / competition.id).is_dir() else raw
        # `--raw` may also name a data folder, with `<id>/raw` below it.
        folder = folder / "raw" if (folder / "raw").is_dir() else folder
    else:
        folder = raw_folder(data_dir, competition.id)
    # The zip as downloaded will do: at the place of the folder, or in it as its only content.
    archives = [folder, folder / f"{competition.id}.zip", folder.parent / f"{competition.id}.zip"]
    if raw is not None:
        archives.append(raw / f"{competition.id}.zip")
    alone = not folder.is_dir() or {path.name for path in folder.iterdir()} <= {archives[1].name}
    if alone and (archive := next((path for path in archives if path.is_file()), None)):
        return archive
    if folder.is_dir():
        return folder
    if raw is None and competition.facts.source.kind == "builtin":
        return build_raw(competition, folder)
    raise RawDataError(
        f"{competition.id}: there is no raw data in {folder}. "
        f"Get it from {competition.facts.source.url}, and put it there or name its folder "
        "with --raw."
    )


def build_raw(competition: Competition, folder: Path) -> Path:
    """Build the raw data of a competition that comes with a builder (`raw.py`)."""
    partial = folder.with_name(f".{folder.name}.partial-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        load_module(competition.folder / "raw.py").build_raw(partial)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def fetch_raw(competition: Competition, data_dir: Path) -> Path:
    """Return the folder of a competition's raw data in a data folder, built first if it can be.

    As `find_raw`, for callers that do not prepare: processes that build the same data wait for each
    other.
    """
    folder = raw_folder(data_dir, competition.id)
    if folder.is_dir() or competition.facts.source.kind != "builtin":
        return find_raw(competition, None, data_dir)
    with exclusive(folder.parent):
        remove_partials(folder.parent)
        return find_raw(competition, None, data_dir)


def prepare(
    competition: Competition,
    *,
    data_dir: Path,
    raw: Path | None = None,
    version: str | None = None,
    skip_lock: bool = False,
    force: bool = False,
    link: bool = True,
    advance: Callable[[int], None] = lambda count: None,
    locks: Path | None = None,
) -> PrepareResult:
    """Prepare one version of a competition's data.

    The tree is built beside its place and renamed into it when it is complete and checked, so that
    a killed run leaves nothing half-made. Data that is there and unharmed is left alone.

    Parameters
    ----------
    competition : Competition
        The competition.
    data_dir : pathlib.Path
        Data folder; the result is `<data_dir>/<id>/<version>`.
    raw : pathlib.Path, optional
        Folder of the raw data, `<data_dir>/<id>/raw` by default.
    version : str, optional
        Data version, the oldest by default.
    skip_lock : bool
        Do not compare with the lock: for raw data that is not the published one.
    force : bool
        Prepare again even if the data is there.
    link : bool
        Make hard links to raw files instead of copies, where raw and prepared data share a file
        system. Both become read-only then.
    advance : callable
        Called with the number of files just written.
    locks : pathlib.Path, optional
        Folder of lock files; that of the package by default.

    Returns
    -------
    PrepareResult
        What was done.

    Raises
    ------
    RawDataError
        If raw data is missing or unreadable.
    PrepareError
        If the recipe fails.
    LockMismatchError
        If the result differs from the lock. Nothing is left in place then.
    """
    version = version or competition.versions[0]
    block = competition.version(version)
    folder = version_folder(data_dir, competition.id, version)
    digest = recipe_digest(competition, version)
    lock, lock_state = lock_to_hold(competition.id, version, locks, skip=skip_lock)
    with exclusive(folder.parent) as held, WorkerPool([held]) as workers:
        remove_partials(folder.parent)
        present = None if force else intact(folder, digest, lock)
        if present is not None:
            return PrepareResult(competition.id, version, "unchanged", folder, present, lock_state)
        source = find_raw(competition, raw, data_dir)
        tree = RawTree(
            source,
            block.raw.archives,
            f"Get the data of {competition.id} from {competition.facts.source.url}.",
            scratch=folder.with_name(f".{version}-scratch.partial-{os.getpid()}"),
            link=link,
        )
        partial = partial_folder(folder)
        try:
            tree.check(block.raw.files)
            (partial / "public").mkdir(parents=True)
            (partial / "private").mkdir()
            context = Context(tree, partial, competition.folder, advance=advance, workers=workers)
            _carry_out(block.recipe, context)
            manifest = finish(
                partial,
                folder,
                competition=competition,
                digest=digest,
                rows=context.rows,
                lock=lock,
                known=context.facts,
                workers=workers,
            )
        except (PrepareError, RawDataError) as error:
            if str(error).startswith(competition.id):
                raise
            raise type(error)(f"{competition.id} {version}: {error}") from error
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise PrepareError(
                f"{competition.id} {version}: there is no space left for {folder}. Free some, or "
                "name another place with --data-dir, and run the same command again."
            ) from error
        finally:
            tree.close()
            shutil.rmtree(partial, ignore_errors=True)
    return PrepareResult(competition.id, version, "prepared", folder, manifest, lock_state)


def _carry_out(recipe: Sequence[AnyOperation], context: Context) -> None:
    """Run the operations; what raw data of another kind makes them raise names the operation."""
    for number, operation in enumerate(recipe):
        try:
            operation.run(context)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise RawDataError(
                f"a raw archive is damaged (recipe, operation {number}, {operation.op}: {error}). "
                "Get it again."
            ) from error
        except (LookupError, ValueError, TypeError) as error:
            raise PrepareError(
                f"recipe, operation {number} ({operation.op}) cannot work with this raw data: "
                f"{type(error).__name__}: {error}"
            ) from error


__all__ = [
    "PrepareResult",
    "build_raw",
    "fetch_raw",
    "find_raw",
    "prepare",
    "recipe_digest",
]
