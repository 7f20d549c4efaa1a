"""Taking over data that the published benchmark has prepared already."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mlebench_data.catalogue import Competition
from mlebench_data.errors import DataNotFoundError, RawDataError
from mlebench_data.fetch.row_counts import count_rows
from mlebench_data.prepare.build import PrepareResult, recipe_digest
from mlebench_data.prepare.finishing import (
    DESCRIPTION,
    exclusive,
    finish,
    intact,
    partial_folder,
    remove_partials,
)
from mlebench_data.prepare.layout import version_folder
from mlebench_data.prepare.locks import lock_to_hold
from mlebench_data.raw import RawTree
from mlebench_data.recipe import Context
from mlebench_data.workers.pool import WorkerPool

#: The version that is the data of the published benchmark.
VERSION = "v1"
PARTS = ("public", "private")


def published_tree(folder: Path, competition_id: str) -> Path:
    """Return where the published benchmark prepares a competition."""
    return folder / competition_id / "prepared"


def published_ids(folder: Path) -> list[str]:
    """Return the ids of the competitions that are prepared in a folder, sorted."""
    trees = {path.name: published_tree(folder, path.name) for path in folder.iterdir()}
    return sorted(
        name for name, tree in trees.items() if all((tree / part).is_dir() for part in PARTS)
    )


def import_published(
    competition: Competition,
    folder: Path,
    *,
    data_dir: Path,
    skip_lock: bool = False,
    force: bool = False,
    link: bool = True,
    advance: Callable[[int], None] = lambda count: None,
    locks: Path | None = None,
) -> PrepareResult:
    """Take over the data of one competition, as if it had been prepared here.

    It is checked as after preparation: the declared files, all of them and no others, and the lock.
    Only the description is ours.

    Parameters
    ----------
    competition : Competition
        The competition.
    folder : pathlib.Path
        Folder of the published benchmark's data, with `<id>/prepared/{public,private}`.
    data_dir : pathlib.Path
        Data folder; the result is `<data_dir>/<id>/v1`.
    skip_lock : bool
        Do not compare with the lock.
    force : bool
        Take it over even if the data is there.
    link : bool
        Make hard links to public files instead of copies, where both folders share a file system.
        The files become read-only in both.
    advance : callable
        Called with the number of files just taken over.
    locks : pathlib.Path, optional
        Folder of lock files; that of the package by default.

    Returns
    -------
    PrepareResult
        What was done.

    Raises
    ------
    DataNotFoundError
        If there is no prepared data of this competition.
    RawDataError
        If it cannot be read.
    PrepareError
        If its files are not the declared ones.
    LockMismatchError
        If it differs from the lock.
    """
    tree = published_tree(folder, competition.id)
    missing = [str(tree / part) for part in PARTS if not (tree / part).is_dir()]
    if missing:
        raise DataNotFoundError(f"{competition.id}: there is no folder {' and no '.join(missing)}.")
    block = competition.version(VERSION)
    target = version_folder(data_dir, competition.id, VERSION)
    digest = recipe_digest(competition, VERSION)
    lock, state = lock_to_hold(competition.id, VERSION, locks, skip=skip_lock)
    with exclusive(target.parent) as held, WorkerPool([held]) as workers:
        remove_partials(target.parent)
        present = None if force else intact(target, digest, lock)
        if present is not None:
            return PrepareResult(competition.id, VERSION, "unchanged", target, present, state)
        partial = partial_folder(target)
        try:
            with _modes_kept_on_failure() as modes:
                files = RawTree(
                    tree, [], "", scratch=partial.with_name(f"{partial.name}-scratch"), link=link
                )
                context = Context(
                    files, partial, competition.folder, advance=advance, workers=workers
                )
                _take(tree, context, modes, link=link)
                manifest = finish(
                    partial,
                    target,
                    competition=competition,
                    digest=digest,
                    rows=count_rows(block, partial, lock),
                    lock=lock,
                    known=context.facts,
                    workers=workers,
                )
        except OSError as error:
            raise RawDataError(f"{competition.id}: {error}") from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return PrepareResult(competition.id, VERSION, "imported", target, manifest, state)


@contextmanager
def _modes_kept_on_failure() -> Iterator[dict[Path, int]]:
    """Give linked files their modes back if they are not taken over: a link shares its mode."""
    modes: dict[Path, int] = {}
    try:
        yield modes
    except BaseException:
        for path, mode in modes.items():
            if stat.S_IMODE(path.stat().st_mode) != mode:
                path.chmod(mode)
        raise


def _take(tree: Path, context: Context, modes: dict[Path, int], *, link: bool) -> None:
    """Link or copy all files but the description, and note the modes of what may be linked."""
    for part in PARTS:
        for parent, _, _ in os.walk(tree / part, followlinks=True):
            (context.output / Path(parent).relative_to(tree)).mkdir(parents=True)
    paths = [path for part in PARTS for path in context.raw.paths_below(part)]
    paths = [path for path in paths if path != DESCRIPTION]
    if link:
        linked = [tree / path for path in paths if path.startswith("public/")]
        modes.update({path: stat.S_IMODE(path.stat().st_mode) for path in linked})
    context.copy_all((path, path) for path in paths)
