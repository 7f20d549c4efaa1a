"""A folder of any file system that fsspec reaches: local, S3, Google Cloud Storage, memory."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from mlebench_data.fetch.patience import in_threads
from mlebench_data.hub.layout import CARD, MANIFEST, SEALED_LIST
from mlebench_data.hub.publish.contents import Contents, Item
from mlebench_data.hub.publish.errors import PublishError
from mlebench_data.hub.publish.plan import Plan, compare
from mlebench_data.hub.publish.record import RECORD, Record
from mlebench_data.hub.publish.retrying import with_retries
from mlebench_data.hub.repository import RepositoryManifest, SealedList, commit_of_contents

_CHUNK = 4 << 20
_PARTIAL = ".partial-"
_AT_ONCE = 4
_PART = 16 << 20
"""Bytes of a part of a large file, of which each upload holds one in memory. S3 takes 10,000."""
# Elsewhere, a folder is nothing but the beginning of a name.
_HIERARCHICAL = {"sftp", "ssh", "ftp", "smb", "hdfs", "webhdfs"}

_Result = TypeVar("_Result")
Advance = Callable[[int], None]


class FolderPlace:
    """One repository in a folder of a file system.

    A repository is complete if it has a manifest. While one is published it has none, and a record
    says which digests are to come, so that an interrupted publish goes on where it was.

    Parameters
    ----------
    url : str
        The folder of repositories, as fsspec reads it.
    name : str
        The repository's name in it.

    Raises
    ------
    PublishError
        If there is no such file system, or its library is missing.
    """

    def __init__(self, url: str, name: str) -> None:
        import fsspec

        try:
            self._files, root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise PublishError(f"{url} cannot be reached: {error}.") from error
        self._root = f"{root.rstrip('/')}/{name}"
        self._local = "file" in _protocols(self._files)
        self._display = f"{url.rstrip('/')}/{name}"

    def describe(self) -> str:
        """Name the place for people."""
        return self._display

    def plan(self, contents: Contents, *, retag: bool) -> Plan:
        """Compare the place with what shall be there, without writing to it.

        Parameters
        ----------
        contents : Contents
            What shall be there.
        retag : bool
            Whether a complete repository of other content may be replaced.

        Raises
        ------
        PublishError
            If it may not, or the folder holds what no publish has put there.
        """
        return self._reach(functools.partial(self._plan, contents, retag))

    def send(
        self, contents: Contents, plan: Plan, advance: Advance = lambda size: None
    ) -> str | None:
        """Carry out a plan.

        Parameters
        ----------
        contents : Contents
            What shall be there.
        plan : Plan
            What `plan` has returned.
        advance : callable
            Called with the number of bytes just sent.

        Returns
        -------
        str or None
            What stands for the commit of a repository in a folder.

        Raises
        ------
        PublishError
            If a file was changed since it was checked, or the place fails.
        """
        if not plan.is_done:
            self._carry_out(contents, plan, advance)
        if not contents.keystones:
            return None
        texts = (contents.text(path) for path in (MANIFEST, CARD, SEALED_LIST))
        return commit_of_contents(*texts)

    def _carry_out(self, contents: Contents, plan: Plan, advance: Advance) -> None:
        stale = [*(item.path for item in plan.changed), *plan.gone]
        if plan.sent or stale != [RECORD]:
            last = [item for item in contents.items if item.path in contents.keystones[-1:]]
            self._begin(contents, [path for path in stale if path != RECORD], last)
            items = [item for item in plan.sent if item not in last]
            for item, _ in in_threads(self._send, items, 1 if self._local else _AT_ONCE):
                advance(item.size)
            for item in last:
                self._send(item)
                advance(item.size)
        self._reach(functools.partial(self._remove, RECORD))

    def _begin(self, contents: Contents, stale: list[str], last: list[Item]) -> None:
        """Leave the record, and remove what shall not be there while files arrive."""
        record = Record({item.path: item.sha256 for item in contents.items}, tuple(stale))
        self._reach(functools.partial(self._write, RECORD, record.to_json()))
        # Without its manifest nobody takes for complete what changes now.
        for path in dict.fromkeys([*(item.path for item in last), *stale]):
            self._reach(functools.partial(self._remove, path))
        if stale:
            self._reach(functools.partial(self._write, RECORD, Record(record.expected).to_json()))

    def _reach(self, action: Callable[[], _Result]) -> _Result:
        return with_retries(action, self.describe())

    def _path(self, path: str) -> str:
        return f"{self._root}/{path}"

    def _there(self) -> dict[str, int]:
        """Return path and size of every file that is there."""
        self._files.invalidate_cache()
        try:
            found = self._files.find(self._root, detail=True)
        except FileNotFoundError:
            return {}
        start = len(self._root) + 1
        there = {
            path[start:]: int(entry["size"])
            for path, entry in found.items()
            if path.startswith(f"{self._root}/")
        }
        # Object stores let people make folders as empty objects.
        return {path: size for path, size in there.items() if path and not path.endswith("/")}

    def _read(self, path: str) -> bytes:
        return bytes(self._files.cat_file(self._path(path)))

    def _plan(self, contents: Contents, retag: bool) -> Plan:
        there = self._there()
        partial = [path for path in there if _PARTIAL in path.rpartition("/")[2]]
        for path in partial:
            del there[path]
        gone = list(partial)
        if RECORD in there:
            del there[RECORD]
            gone.append(RECORD)
            record = Record.from_json(self._read(RECORD), self.describe())
            digests = record.digests()
            ours = record.paths()
        elif not there:
            digests, ours = {}, set()
        elif MANIFEST in there and contents.keystones:
            digests = self._published(contents, retag, there)
            ours = set(digests)
        else:
            # Small texts, which are quickly compared themselves.
            small = {item.path for item in contents.items if item.content is not None}
            ours = small & there.keys()
            digests = {path: hashlib.sha256(self._read(path)).hexdigest() for path in ours}
        strange = sorted(there.keys() - ours)
        if strange:
            raise PublishError(
                f"{self.describe()} holds {strange[0]}"
                f"{f' and {len(strange) - 1} more files' if strange[1:] else ''}, which no publish "
                "has put there. Nothing was sent. Name another folder, or remove them."
            )
        plan = compare(
            contents,
            there,
            lambda item: (there[item.path], digests.get(item.path)) == (item.size, item.sha256),
        )
        return Plan(plan.new, plan.changed, plan.same, (*plan.gone, *gone))

    def _published(self, contents: Contents, retag: bool, there: dict[str, int]) -> dict[str, str]:
        """Return the digests of the files of a complete repository that is there."""
        texts = {path: self._read(path) for path in (CARD, MANIFEST, SEALED_LIST) if path in there}
        digests = {path: hashlib.sha256(text).hexdigest() for path, text in texts.items()}
        mine = {item.path: item.sha256 for item in contents.items if item.path in texts}
        try:
            manifest = RepositoryManifest.model_validate_json(texts[MANIFEST])
            listed = [*manifest.contents]
            if SEALED_LIST in texts:
                listed += SealedList.model_validate_json(texts[SEALED_LIST]).files
        except ValueError as error:
            raise PublishError(
                f"{self.describe()} holds a {MANIFEST} that is no manifest of a repository. "
                "Nothing was sent. Name another folder, or remove it."
            ) from error
        if digests != mine and not retag:
            raise PublishError(
                f"{self.describe()} holds {manifest.competition} {manifest.version} already, with "
                f"other content than this {contents.name} {contents.version}. Nothing was sent. "
                "Whoever has recorded that version would get something else under its name: "
                "publish to another folder, or replace it for good with --retag. (Answers that "
                "are sealed anew are other bytes, even of the same data.)"
            )
        return digests | {item.path: item.sha256 for item in listed}

    def _remove(self, path: str) -> None:
        # Gone already when a first attempt came through and its answer did not.
        with contextlib.suppress(FileNotFoundError):
            self._files.rm_file(self._path(path))

    def _send(self, item: Item) -> None:
        self._reach(functools.partial(self._send_once, item))

    def _send_once(self, item: Item) -> None:
        with item.open() as source:
            if item.in_memory:
                self._write(item.path, source.read())
            else:
                self._stream(item.path, source)

    def _write(self, path: str, content: bytes) -> None:
        """Write a small file, which is there whole or not at all."""
        target = self._path(path)
        if self._local:
            with _appears_whole(Path(target)) as stream:
                stream.write(content)
        elif _HIERARCHICAL.isdisjoint(_protocols(self._files)):
            self._files.pipe_file(target, content)
        else:
            self._stream(path, io.BytesIO(content))

    def _stream(self, path: str, source: BinaryIO) -> None:
        """Write a large file, which is there whole or not at all."""
        from fsspec.spec import AbstractBufferedFile

        target = self._path(path)
        if self._local:
            with _appears_whole(Path(target)) as stream:
                _copy(source, stream)
            return
        if not _HIERARCHICAL.isdisjoint(_protocols(self._files)):
            self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
        stream = self._files.open(target, "wb", block_size=_PART, autocommit=False)
        # fsspec keeps what is not committed for its own transactions; this is none of them.
        self._files.transaction.files.remove(stream)
        try:
            _copy(source, stream)
            stream.close()
        except BaseException:
            stream.discard()
            if isinstance(stream, AbstractBufferedFile):
                # Else it would be closed, and so written, when it is collected.
                stream.closed = True
            # What is written to memory is there at once.
            self._remove(path)
            raise
        stream.commit()


def _protocols(files: Any) -> tuple[str, ...]:
    protocol = files.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)


def _copy(source: BinaryIO, target: Any) -> None:
    while chunk := source.read(_CHUNK):
        target.write(chunk)


@contextlib.contextmanager
def _appears_whole(target: Path) -> Iterator[BinaryIO]:
    """Give a stream whose file gets its name only when it is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}{_PARTIAL}{os.getpid()}")
    try:
        with partial.open("wb") as stream:
            yield stream
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
