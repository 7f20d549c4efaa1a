"""Rotation: a new master key takes the old one's place, also in repositories packed with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mlebench_data.errors import DataNotFoundError, KeyFileError, MlebenchError
from mlebench_data.hub.folders import recover, recover_all
from mlebench_data.hub.keys import (
    MasterKey,
    find_master_key,
    key_path,
    new_key,
    read_key,
    write_key_file,
)
from mlebench_data.hub.layout import MANIFEST
from mlebench_data.hub.locks import try_lock
from mlebench_data.hub.sibling import SUFFIX

PENDING = ".next"
"""Ending of the new key's file while repositories are sealed with it."""


@dataclass(frozen=True)
class Rotation:
    """What `rotate` did.

    Attributes
    ----------
    old_id, new_id : str
        Fingerprints of the two master keys.
    key_file : pathlib.Path
        File of the new key.
    old_file : pathlib.Path or None
        File of the old key; None if it was in no file.
    resumed : bool
        Whether an interrupted rotation was finished.
    repositories : list of tuple of pathlib.Path and str
        What `resealing.reseal` returned for each.
    """

    old_id: str
    new_id: str
    key_file: Path
    old_file: Path | None
    resumed: bool
    repositories: list[tuple[Path, str]] = field(default_factory=list)


def repositories_below(folder: Path) -> list[Path]:
    """Return a repository itself, or those in a folder: siblings first, each part by name.

    Raises
    ------
    DataNotFoundError
        If there are none.
    """
    place = Path(os.path.abspath(folder))  # noqa: PTH100  (resolve() would follow links)
    recover(place)
    if (place / MANIFEST).is_file():
        return [place]
    recover_all(place)
    found = [path.parent for path in place.glob(f"*/{MANIFEST}")]
    found = [path for path in found if not path.name.startswith(".")]
    found.sort(key=lambda path: (not path.name.endswith(SUFFIX), path.name))
    if not found:
        raise DataNotFoundError(f"{folder} is no dataset repository, and there is none in it.")
    return found


@contextmanager
def _pending_key(path: Path) -> Iterator[tuple[MasterKey, bool]]:
    """Give the new key, made now or by a rotation that was interrupted; nobody else has it."""
    if path.exists() and path.stat().st_size == 0:
        # Killed before the key was in it: nothing was sealed with it.
        path.unlink()
    resumed = path.exists()
    if not resumed:
        new_key(path)
    lock = try_lock(path, shared=False)
    if lock is None:
        raise KeyFileError(f"Another rotation works with {path}. Wait until it has ended.")
    with lock:
        yield _master(path), resumed


def _master(path: Path) -> MasterKey:
    key = read_key(path)
    if not isinstance(key, MasterKey):
        raise KeyFileError(f"{path} holds a grant where the new master key should be. Remove it.")
    return key


def rotate(
    folders: Sequence[Path] = (),
    *,
    key_file: Path | None = None,
    out: Path | None = None,
    advance: Callable[[int], None] = lambda count: None,
    total: Callable[[int], None] = lambda count: None,
) -> Rotation:
    """Make a new master key, seal repositories with it, and put it in the old one's place.

    The new key lies beside its place, its name ending in ".next", until all repositories are
    sealed with it. If this is interrupted, the same call goes on with that key. The old key's file
    is kept, with its fingerprint as ending. Copies of the repositories elsewhere stay as they are:
    the old key opens them for ever.

    Parameters
    ----------
    folders : sequence of pathlib.Path
        Repositories, or folders of repositories.
    key_file : pathlib.Path, optional
        File of the present master key; found as by `find_key` by default.
    out : pathlib.Path, optional
        File for the new key; the old file stays where it is then.
    advance, total : callable
        Called with the number of repositories just done, and once with the number of all.

    Returns
    -------
    Rotation
        What was done.

    Raises
    ------
    KeyFileError
        If there is no master key, its file cannot be replaced, or another rotation is at work.
    DataNotFoundError
        If a folder holds no repository.
    MlebenchError
        If a repository could not be sealed again. All others were; the old key stays in its place
        until that one is mended or moved away and the same call is made again.
    """
    old = find_master_key(key_file)
    current = key_path(key_file)
    target = out or current
    if target is None:
        raise KeyFileError("The master key is in no file. Name a file for the new one with --out.")
    if out is not None and out.exists():
        raise KeyFileError(f"{out} exists. A key file is never overwritten; name another file.")
    found = list(dict.fromkeys(path for folder in folders for path in repositories_below(folder)))
    total(len(found))
    with _pending_key(target.with_name(target.name + PENDING)) as (new, resumed):
        done = _reseal_all(found, old, new, advance)
        old_file = current
        if out is None and current is not None:
            old_file = current.with_name(f"{current.name}.{old.key_id}")
            _keep(old, current, old_file)
        target.with_name(target.name + PENDING).replace(target)
    return Rotation(old.key_id, new.key_id, target, old_file, resumed, done)


def _reseal_all(
    repositories: list[Path], old: MasterKey, new: MasterKey, advance: Callable[[int], None]
) -> list[tuple[Path, str]]:
    from mlebench_data.hub.resealing import reseal

    done: list[tuple[Path, str]] = []
    failed = []
    for repository in repositories:
        try:
            done.append((repository, reseal(repository, old, new)))
        except MlebenchError as error:
            failed.append(f"  {repository}: {error}")
        advance(1)
    if failed:
        raise MlebenchError(
            f"{len(failed)} of {len(repositories)} repositories could not be sealed again:\n"
            + "\n".join(failed)
            + "\nThe rotation is not finished, and the old key stays in its place. Mend these "
            "repositories or move them away, and run the same command again."
        )
    return done


def _keep(old: MasterKey, current: Path, kept: Path) -> None:
    """Give the old key's file its second name; the first is about to become the new key's."""
    if kept.exists():
        if read_key(kept) != old:
            raise KeyFileError(f"{kept} should be the old key's file, but holds another. Move it.")
        return
    try:
        os.link(current, kept)
    except OSError:
        # Some file systems have no hard links.
        write_key_file(kept, old)
