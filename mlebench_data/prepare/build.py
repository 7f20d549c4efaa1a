"""Preparation of one competition: run its recipe, check the result, put it in place at once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlebench_data.catalogue import Competition
from mlebench_data.errors import IntegrityError, LockMismatchError, PrepareError, RawDataError
from mlebench_data.modules import load_module
from mlebench_data.prepare.layout import raw_folder, version_folder
from mlebench_data.prepare.locks import check_lock, lock_path, read_lock
from mlebench_data.prepare.manifest import Manifest
from mlebench_data.prepare.placing import FILE_MODE
from mlebench_data.prepare.raw import RawTree
from mlebench_data.recipe import Context

DESCRIPTION = "public/description.md"


@dataclass(frozen=True)
class PrepareResult:
    """What `prepare` did.

    Attributes
    ----------
    competition, version : str
        Which data.
    status : {"prepared", "unchanged"}
        Whether the recipe ran or the data was there already.
    folder : pathlib.Path
        The prepared version.
    manifest : Manifest
        What it holds.
    lock : {"holds", "skipped", "none"}
        Whether the data was compared with a lock.
    """

    competition: str
    version: str
    status: Literal["prepared", "unchanged"]
    folder: Path
    manifest: Manifest
    lock: Literal["holds", "skipped", "none"]


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


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """Let one process at a time prepare into a folder; the others wait."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _remove_partials(folder: Path) -> None:
    """Remove what killed runs have left; the caller is alone in the folder (`_exclusive`)."""
    for path in folder.glob(".*.partial-*"):
        shutil.rmtree(path)


def fetch_raw(competition: Competition, data_dir: Path) -> Path:
    """Return the folder of a competition's raw data in a data folder, built first if it can be.

    As `find_raw`, for callers that do not prepare: processes that build the same data wait for each
    other.
    """
    folder = raw_folder(data_dir, competition.id)
    if folder.is_dir() or competition.facts.source.kind != "builtin":
        return find_raw(competition, None, data_dir)
    with _exclusive(folder.parent):
        _remove_partials(folder.parent)
        return find_raw(competition, None, data_dir)


def _present(folder: Path) -> Manifest | None:
    """Read the manifest of prepared data; a damaged one is as good as none."""
    try:
        return Manifest.read(folder)
    except IntegrityError:
        return None


def _holds(manifest: Manifest, folder: Path, digest: str, lock: dict[str, Any] | None) -> bool:
    """Tell whether prepared data is what this recipe and lock ask for, and still unharmed."""
    if manifest.recipe_sha256 != digest or manifest.differences(folder):
        return False
    try:
        check_lock(lock or {}, manifest, folder)
    except LockMismatchError:
        return False
    return True


def _expression(pattern: str) -> str:
    """Turn a pattern into a regular expression: `*` within a folder level, `**` across them."""
    parts = re.split(r"(\*\*|\*)", pattern)
    known = {"**": ".+", "*": "[^/]*"}
    return "".join(known.get(part) or re.escape(part) for part in parts)


def _check_outputs(competition: Competition, version: str, manifest: Manifest) -> None:
    """Refuse a tree that lacks a declared file or holds an undeclared one."""
    outputs = competition.version(version).outputs
    patterns = [f"public/{p}" for p in outputs.public] + [f"private/{p}" for p in outputs.private]
    paths = [entry.path for entry in manifest.files if entry.path != DESCRIPTION]
    paths += manifest.empty_folders
    expressions = [_expression(pattern) for pattern in patterns]
    unused = [
        pattern
        for pattern, expression in zip(patterns, expressions, strict=True)
        if not any(map(re.compile(expression).fullmatch, paths))
    ]
    declared = re.compile("|".join(expressions))
    undeclared = [path for path in paths if not declared.fullmatch(path)]
    if unused or undeclared:
        raise PrepareError(
            f"{competition.id} {version}: prepared files differ from 'outputs' in "
            f"competition.yaml. "
            + (f"Nothing matches {', '.join(unused[:5])}. " if unused else "")
            + (f"Not declared: {', '.join(undeclared[:5])}." if undeclared else "")
        )


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
    lock = None if skip_lock else read_lock(competition.id, version, locks)
    lock_state: Literal["holds", "skipped", "none"] = (
        "skipped" if skip_lock else "holds" if lock is not None else "none"
    )
    with _exclusive(folder.parent):
        _remove_partials(folder.parent)
        present = _present(folder)
        if present is not None and not force and _holds(present, folder, digest, lock):
            return PrepareResult(competition.id, version, "unchanged", folder, present, lock_state)
        source = find_raw(competition, raw, data_dir)
        tree = RawTree(
            source,
            block.raw.archives,
            f"Get the data of {competition.id} from {competition.facts.source.url}.",
            scratch=folder.with_name(f".{version}-scratch.partial-{os.getpid()}"),
            link=link,
        )
        partial = folder.with_name(f".{version}.partial-{os.getpid()}")
        replaced = folder.with_name(f"{partial.name}-replaced")
        try:
            tree.check(block.raw.files)
            (partial / "public").mkdir(parents=True)
            (partial / "private").mkdir()
            context = Context(tree, partial, competition.folder, advance=advance)
            for operation in block.recipe:
                operation.run(context)
            (partial / DESCRIPTION).write_text(competition.description(), encoding="utf-8")
            _set_modes(partial)
            manifest = Manifest.of_tree(
                partial,
                competition=competition.id,
                version=version,
                recipe_sha256=digest,
                rows=context.rows,
            )
            _check_outputs(competition, version, manifest)
            if lock is not None:
                check_lock(lock, manifest, partial)
            manifest.write(partial)
            # Set aside, not removed file by file: at no time is there half of a version in place.
            if folder.exists():
                folder.rename(replaced)
            partial.rename(folder)
        except PrepareError as error:
            if str(error).startswith(competition.id):
                raise
            raise type(error)(f"{competition.id} {version}: {error}") from error
        finally:
            tree.close()
            shutil.rmtree(partial, ignore_errors=True)
            shutil.rmtree(replaced, ignore_errors=True)
    return PrepareResult(competition.id, version, "prepared", folder, manifest, lock_state)


def _set_modes(folder: Path) -> None:
    """Give every entry the mode it shall have everywhere, whatever the umask of this process.

    Private data is for its owner alone: an agent that runs as another user cannot read it.
    """
    for parent, _, names in os.walk(folder):
        relative = Path(parent).relative_to(folder)
        private = relative.parts[:1] == ("private",)
        Path(parent).chmod(0o700 if private else 0o755)
        for name in names:
            path = Path(parent) / name
            mode = 0o400 if private else FILE_MODE
            if path.stat().st_mode & 0o777 != mode:
                path.chmod(mode)


__all__ = [
    "PrepareResult",
    "build_raw",
    "fetch_raw",
    "find_raw",
    "lock_path",
    "prepare",
    "recipe_digest",
]
