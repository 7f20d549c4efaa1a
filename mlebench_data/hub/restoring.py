"""Restoring: from a dataset repository to the public files, byte for byte."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlebench_data.errors import IntegrityError
from mlebench_data.hub.errors import RestoreError
from mlebench_data.hub.folders import built_beside, put_in_place
from mlebench_data.hub.repository import PublicFile, RepositoryManifest
from mlebench_data.prepare.manifest import hash_file

_FOLDER_MODE = 0o755


@dataclass(frozen=True)
class RestoreResult:
    """What `restore` did.

    Attributes
    ----------
    status : {"restored", "unchanged"}
        Whether files were written or were there already.
    folder : pathlib.Path
        What `public/` was in the prepared version.
    manifest : RepositoryManifest
        Its files, by paths that begin with `public/`.
    """

    status: Literal["restored", "unchanged"]
    folder: Path
    manifest: RepositoryManifest


def _inside(path: str) -> str:
    """Return a path of the manifest as seen from the public folder."""
    return path.removeprefix("public").removeprefix("/")


def _holds(manifest: RepositoryManifest, folder: Path) -> bool:
    """Tell whether a folder holds exactly the public tree: names, modes and contents."""
    files = {_inside(entry.path): entry for entry in manifest.files}
    empty = {_inside(name) for name in manifest.empty_folders}
    found = set()
    for parent, folders, names in os.walk(folder):
        relative = Path(parent).relative_to(folder)
        if not folders and not names:
            found.add("" if parent == str(folder) else relative.as_posix())
        for name in [*names, *(item for item in folders if (Path(parent) / item).is_symlink())]:
            path = (relative / name).as_posix()
            entry = files.get(path)
            status = (folder / path).lstat()
            if (
                entry is None
                or not stat.S_ISREG(status.st_mode)
                or status.st_size != entry.size
                or status.st_mode & 0o777 != entry.mode
            ):
                return False
            found.add(path)
    if found != files.keys() | empty:
        return False
    return all(hash_file(folder / path)[0] == entry.sha256 for path, entry in files.items())


def restore(
    repository: Path,
    out: Path,
    *,
    force: bool = False,
    advance: Callable[[int], None] = lambda count: None,
) -> RestoreResult:
    """Write the public files of a repository, as they were prepared.

    `out` becomes what `public/` was: same names, bytes, modes and empty folders. It appears at once
    when everything is written and compared with the manifest. The private part is not looked at.

    Parameters
    ----------
    repository : pathlib.Path
        The repository.
    out : pathlib.Path
        Where the files go: new, empty, or a folder that holds exactly these files, which is then
        left alone.
    force : bool
        Replace whatever `out` holds.
    advance : callable
        Called with the number of files just written.

    Returns
    -------
    RestoreResult
        What was done.

    Raises
    ------
    DataNotFoundError
        If there is no repository.
    IntegrityError
        If a file of the repository is missing or was changed; the message names the public file.
        Nothing is left at `out` then.
    RestoreError
        If `out` holds something else.
    """
    manifest = RepositoryManifest.read(repository)
    if out.exists() and not force:
        if not out.is_dir():
            raise RestoreError(f"{out} is a file. Name another folder.")
        if _holds(manifest, out):
            return RestoreResult("unchanged", out, manifest)
        if any(out.iterdir()):
            raise RestoreError(
                f"{out} is not empty and does not hold these files. "
                "Name another folder, or replace it with --force."
            )
    with built_beside(out) as partial:
        for entry, blocks in _contents(repository, manifest.files):
            _write(partial, entry, blocks)
            advance(1)
        for name in manifest.empty_folders:
            (partial / _inside(name)).mkdir(parents=True, exist_ok=True)
        for parent, _, _ in os.walk(partial):
            Path(parent).chmod(_FOLDER_MODE)
        put_in_place(partial, out)
    return RestoreResult("restored", out, manifest)


def _write(folder: Path, entry: PublicFile, blocks: Iterable[bytes]) -> None:
    """Write one file and compare it with the manifest."""
    target = folder / _inside(entry.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with target.open("xb") as stream:
        for block in blocks:
            digest.update(block)
            stream.write(block)
    if digest.hexdigest() != entry.sha256 or target.stat().st_size != entry.size:
        raise IntegrityError(
            f"{entry.path} is not what the manifest says (SHA-256 differs): "
            f"{entry.stored.path} in the repository was changed. Fetch the repository again."
        )
    target.chmod(entry.mode)


def _contents(
    repository: Path, entries: list[PublicFile]
) -> Iterator[tuple[PublicFile, Iterable[bytes]]]:
    """Give every file with its content, each shard read once and from front to back."""
    shards: dict[tuple[str, str | None], list[PublicFile]] = defaultdict(list)
    for entry in entries:
        if entry.stored.row is None:
            yield entry, _plain(repository, entry)
        else:
            shards[entry.stored.path, entry.stored.column].append(entry)
    for (path, column), members in shards.items():
        members.sort(key=lambda entry: entry.stored.row or 0)
        yield from _shard(repository, path, column, members)


def _missing(entry: PublicFile, problem: str) -> IntegrityError:
    return IntegrityError(
        f"{entry.path} cannot be restored: {entry.stored.path} in the repository {problem}. "
        "Fetch the repository again."
    )


def _plain(repository: Path, entry: PublicFile) -> Iterator[bytes]:
    try:
        with (repository / entry.stored.path).open("rb") as stream:
            while block := stream.read(1 << 20):
                yield block
    except FileNotFoundError as error:
        raise _missing(entry, "is missing") from error
    except OSError as error:
        raise _missing(entry, f"cannot be read ({error.strerror})") from error


def _shard(
    repository: Path, path: str, column: str | None, members: list[PublicFile]
) -> Iterator[tuple[PublicFile, Iterable[bytes]]]:
    """Give the files that are values of one column of a shard, row group by row group."""
    import pyarrow as pa
    from pyarrow import parquet

    name = "bytes" if column is None else column
    pending = iter(members)
    entry = next(pending, None)
    try:
        with parquet.ParquetFile(repository / path) as file:
            first = 0
            for group in range(file.num_row_groups):
                assert entry is not None
                rows = file.metadata.row_group(group).num_rows
                if (entry.stored.row or 0) >= first + rows:
                    first += rows
                    continue
                values = file.read_row_group(group, columns=[name]).column(name)
                while entry is not None and (entry.stored.row or 0) < first + rows:
                    yield entry, [_bytes(values[(entry.stored.row or 0) - first].as_py(), entry)]
                    entry = next(pending, None)
                if entry is None:
                    return
                first += rows
    except (OSError, pa.ArrowException, KeyError) as error:
        assert entry is not None
        problem = "is missing" if isinstance(error, FileNotFoundError) else f"is damaged ({error})"
        raise _missing(entry, problem) from error
    if entry is not None:
        raise _missing(entry, f"has no row {entry.stored.row}")


def _bytes(value: Any, entry: PublicFile) -> bytes:
    """Return the file's bytes from a value of an image, text or binary column."""
    if isinstance(value, dict):
        value = value.get("bytes")
    if isinstance(value, str):
        return value.encode("utf-8")
    if isinstance(value, bytes):
        return value
    raise _missing(entry, "holds no bytes where the manifest says")
