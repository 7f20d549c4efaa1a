"""Reading public files out of a repository, several at a time, each compared with the manifest."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from mlebench_data.errors import IntegrityError
from mlebench_data.hub.layout import MAX_ARCHIVED_SIZE, PIECES
from mlebench_data.hub.pieces import Pieces, value_bytes
from mlebench_data.hub.repository import PublicFile

Content: TypeAlias = Iterable[Any] | Pieces
"""The content of one file: its bytes, or other buffers, in order; or pieces in any order."""

Store: TypeAlias = Callable[[PublicFile, Content], None]

_BLOCK_SIZE = 1 << 20
_WORKERS = 4
_LARGE_GROUP = 256 << 20
"""Bytes of a row group so large that one at a time is decoded: memory stays bounded."""


def extract(
    repository: Path,
    entries: Sequence[PublicFile],
    store: Store,
    *,
    advance: Callable[[int], None] = lambda count: None,
) -> None:
    """Read files and hand each, with its content, to `store`.

    Shards are read row group by row group, and only the groups that hold a wanted file.

    Parameters
    ----------
    repository : pathlib.Path
        The repository, or a folder that has what these files need of it.
    entries : sequence of PublicFile
        Which files.
    store : callable
        Called with a file and its content, from several threads at once.
    advance : callable
        Called with the number of files just stored, from this thread.

    Raises
    ------
    IntegrityError
        If something of the repository is missing or damaged; the message names the public file.
    """
    large = threading.Lock()
    with ThreadPoolExecutor(min(_WORKERS, os.cpu_count() or 1)) as pool:
        try:
            futures = [
                pool.submit(task) for task in _tasks(repository, list(entries), store, large)
            ]
            for future in as_completed(futures):
                advance(future.result())
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


Task: TypeAlias = Callable[[], int]


def _tasks(
    repository: Path, entries: list[PublicFile], store: Store, large: threading.Lock
) -> Iterator[Task]:
    """Divide the work; each task returns how many files it stored."""
    shards: dict[tuple[str, str | None], list[PublicFile]] = defaultdict(list)
    for entry in entries:
        if entry.stored.row is None:
            yield partial(_store_plain, repository, entry, store)
        elif entry.stored.pieces is not None:
            yield partial(_store_pieces, repository, entry, store)
        elif entry.stored.column is None and entry.size > MAX_ARCHIVED_SIZE:
            yield partial(_store_rows, repository, entry, store, large)
        else:
            shards[entry.stored.path, entry.stored.column].append(entry)
    for (path, column), members in shards.items():
        members.sort(key=lambda entry: entry.stored.row or 0)
        yield from _shard_tasks(repository, path, column, members, store, large)


def missing(entry: PublicFile, problem: str) -> IntegrityError:
    """Return the error for a file whose stored bytes cannot be read."""
    return IntegrityError(
        f"{entry.path} cannot be restored: {entry.stored.path} in the repository {problem}. "
        "Fetch the repository again."
    )


def write_verified(
    target: str, entry: PublicFile, content: Content, *, mtime_ns: int | None = None
) -> None:
    """Write one file and compare it with the manifest.

    Parameters
    ----------
    target : str
        Where; there must be no file.
    entry : PublicFile
        Size, digest and mode.
    content : iterable of buffers or Pieces
        Its content.
    mtime_ns : int, optional
        Modification time to set.

    Raises
    ------
    IntegrityError
        If the content is another than the manifest says.
    """
    descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        if isinstance(content, Pieces):
            size, digest = content.write_to(descriptor)
        else:
            size, digest = _write(descriptor, content)
        if digest != entry.sha256 or size != entry.size:
            raise IntegrityError(
                f"{entry.path} is not what the manifest says (SHA-256 differs): "
                f"{entry.stored.path} in the repository was changed. Fetch the repository again."
            )
        os.fchmod(descriptor, entry.mode)
        if mtime_ns is not None:
            os.utime(descriptor, ns=(mtime_ns, mtime_ns))
    finally:
        os.close(descriptor)


def _write(descriptor: int, blocks: Iterable[Any]) -> tuple[int, str]:
    """Write blocks one after the other, and return their size and SHA-256."""
    digest = hashlib.sha256()
    size = 0
    for block in blocks:
        view = memoryview(block)
        digest.update(view)
        size += len(view)
        while len(view):
            view = view[os.write(descriptor, view) :]
    return size, digest.hexdigest()


def needed_paths(entry: PublicFile, contents: Iterable[str]) -> list[str]:
    """Return the files of the repository that a public file is restored from.

    Parameters
    ----------
    entry : PublicFile
        The public file.
    contents : iterable of str
        All files of the repository.
    """
    stored = entry.stored
    if stored.pieces is None:
        return [stored.path]
    # Pieces may go on in the shards that follow.
    following = [path for path in contents if path.startswith(PIECES) and path >= stored.path]
    return [stored.path, *following, *(stored.uses or [])]


def _store_plain(repository: Path, entry: PublicFile, store: Store) -> int:
    store(entry, _plain(repository, entry))
    return 1


def _store_pieces(repository: Path, entry: PublicFile, store: Store) -> int:
    store(entry, Pieces(repository, entry))
    return 1


def _plain(repository: Path, entry: PublicFile) -> Iterator[bytes]:
    """Give the content of a file that is stored as it is."""
    try:
        # Only what is read here: an error while the copy is written is not the repository's.
        stream = (repository / entry.stored.path).open("rb", buffering=0)
    except OSError as error:
        raise _unreadable(entry, error) from error
    with stream:
        while True:
            try:
                block = stream.read(_BLOCK_SIZE)
            except OSError as error:
                raise _unreadable(entry, error) from error
            if not block:
                return
            yield block


def _unreadable(entry: PublicFile, error: OSError) -> IntegrityError:
    if isinstance(error, FileNotFoundError):
        return missing(entry, "is missing")
    return missing(entry, f"cannot be read ({error.strerror})")


def _damaged(entry: PublicFile, error: Exception) -> IntegrityError:
    if isinstance(error, FileNotFoundError):
        return missing(entry, "is missing")
    return missing(entry, f"is damaged ({error})")


def _shard_tasks(
    repository: Path,
    path: str,
    column: str | None,
    members: list[PublicFile],
    store: Store,
    large: threading.Lock,
) -> Iterator[Task]:
    """Divide the files that are values of one column of a shard by the row groups they are in."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        metadata = parquet.read_metadata(repository / path)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(members[0], error) from error
    position = 0
    first = 0
    for group in range(metadata.num_row_groups):
        end = first + metadata.row_group(group).num_rows
        begin = position
        while position < len(members) and (members[position].stored.row or 0) < end:
            position += 1
        if position > begin:
            part = members[begin:position]
            file = partial(parquet.ParquetFile, repository / path, metadata=metadata)
            yield partial(_store_group, file, group, first, column, part, store, large)
        first = end
    if position < len(members):
        raise missing(members[position], f"has no row {members[position].stored.row}")


def _store_group(
    open_file: Callable[[], Any],
    group: int,
    first: int,
    column: str | None,
    members: list[PublicFile],
    store: Store,
    large: threading.Lock,
) -> int:
    """Store the files whose bytes are in one row group; `first` is the number of its first row."""
    with _decoded(open_file, group, column, members[0], large) as values:
        for entry in members:
            store(entry, [_buffer(values[(entry.stored.row or 0) - first], entry)])
    return len(members)


@contextmanager
def _decoded(
    open_file: Callable[[], Any],
    group: int,
    column: str | None,
    entry: PublicFile,
    large: threading.Lock,
) -> Iterator[Any]:
    """Give the values of one column in one row group."""
    import pyarrow as pa

    name = "bytes" if column is None else column
    with ExitStack() as stack:
        try:
            file = stack.enter_context(open_file())
            if file.metadata.row_group(group).total_byte_size > _LARGE_GROUP:
                stack.enter_context(large)
            values = file.read_row_group(
                group, columns=[_leaf(file, name)], use_threads=False
            ).column(name)
            rows = file.metadata.row_group(group).num_rows
        except (OSError, pa.ArrowException, KeyError) as error:
            raise _damaged(entry, error) from error
        # A changed byte can make pages end early without an error.
        if len(values) != rows:
            raise missing(entry, f"is damaged (it has {len(values)} rows instead of {rows})")
        yield values


def _leaf(file: Any, column: str) -> str:
    """Return the part of a column that holds the bytes; the paths beside them need no reading."""
    import pyarrow as pa

    schema = file.schema_arrow
    if column in schema.names and pa.types.is_struct(schema.field(column).type):
        return f"{column}.bytes"
    return column


def _buffer(value: Any, entry: PublicFile) -> Any:
    """Return the file's bytes from a value of an image, text or binary column, not copied."""
    try:
        return value_bytes(value, entry.stored.index)
    except KeyError as error:
        raise missing(entry, "holds no bytes where the manifest says") from error


def _store_rows(repository: Path, entry: PublicFile, store: Store, large: threading.Lock) -> int:
    """Store a file so large that it takes several rows in a row."""
    store(entry, _rows(repository, entry, large))
    return 1


def _rows(repository: Path, entry: PublicFile, large: threading.Lock) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        metadata = parquet.read_metadata(repository / entry.stored.path)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(entry, error) from error
    row = entry.stored.row or 0
    left = entry.size
    first = 0
    file = partial(parquet.ParquetFile, repository / entry.stored.path, metadata=metadata)
    for group in range(metadata.num_row_groups):
        end = first + metadata.row_group(group).num_rows
        if row < end and left > 0:
            with _decoded(file, group, None, entry, large) as values:
                while row < end and left > 0:
                    buffer = _buffer(values[row - first], entry)
                    yield buffer
                    left -= len(buffer)
                    row += 1
        first = end
    if left > 0:
        raise missing(entry, f"ends before row {row}")
