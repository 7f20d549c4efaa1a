"""Commits that break off, and what is left then."""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from repositories import write_repository

from mlebench_data.hub.endpoint import uploads as uploads_module
from mlebench_data.hub.endpoint.access import Access, Caller
from mlebench_data.hub.endpoint.core import Endpoint
from mlebench_data.hub.endpoint.messages import ClientGoneError, FileBody, Request
from mlebench_data.hub.repository import commit_of

REPOSITORY = "/api/datasets/mlebench/cats"
LARGE = b"large " * 1000


def open_endpoint(folder: Path) -> Endpoint:
    access = Access(default=Caller("tester", "admin"))
    return Endpoint(folder, access=access, writable=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "hub"
    write_repository(folder / "cats")
    return folder


@pytest.fixture
def endpoint(folder: Path) -> Iterator[Endpoint]:
    endpoint = open_endpoint(folder)
    yield endpoint
    endpoint.close()


def send(endpoint: Endpoint, method: str, path: str, *body: bytes) -> tuple[int, Any]:
    path, _, query = path.partition("?")
    response = endpoint.answer(Request(method, path, query, {}, body, "http://hub"))
    if isinstance(response.body, FileBody):
        return response.status, b"".join(response.body.chunks())
    return response.status, json.loads(response.body)


def lines(*changes: tuple[str, dict[str, Any]], parent: str | None = None) -> bytes:
    header = {"summary": "Test", "description": ""} | ({"parentCommit": parent} if parent else {})
    items = [("header", header), *changes]
    return b"".join(
        json.dumps({"key": key, "value": value}).encode() + b"\n" for key, value in items
    )


def added(path: str, content: bytes) -> tuple[str, dict[str, Any]]:
    text = base64.b64encode(content).decode()
    return "file", {"path": path, "content": text, "encoding": "base64"}


def commit(endpoint: Endpoint, *changes: tuple[str, dict[str, Any]]) -> tuple[int, Any]:
    return send(endpoint, "POST", f"{REPOSITORY}/commit/main", lines(*changes))


def upload(endpoint: Endpoint, content: bytes) -> str:
    """Upload a large file and return its name."""
    oid = hashlib.sha256(content).hexdigest()
    request = {"operation": "upload", "objects": [{"oid": oid, "size": len(content)}]}
    batch = "/datasets/mlebench/cats.git/info/lfs/objects/batch"
    _, answer = send(endpoint, "POST", batch, json.dumps(request).encode())
    href = answer["objects"][0]["actions"]["upload"]["href"].removeprefix("http://hub")
    assert send(endpoint, "PUT", href, content[:100], content[100:]) == (200, {})
    return oid


def tree(endpoint: Endpoint, revision: str = "main") -> dict[str, bytes]:
    """Everything that clients get of a commit."""
    _, rows = send(endpoint, "GET", f"{REPOSITORY}/tree/{revision}?recursive=1")
    return {
        row["path"]: send(
            endpoint, "GET", f"/datasets/mlebench/cats/resolve/{revision}/{quote(row['path'])}"
        )[1]
        for row in rows
        if row["type"] == "file"
    }


def test_changes(endpoint: Endpoint) -> None:
    before = tree(endpoint)
    oid = upload(endpoint, LARGE)
    status, answer = commit(
        endpoint,
        added("README.md", b"new"),
        added("notes/new.txt", b""),
        ("lfsFile", {"path": "notes/large.bin", "algo": "sha256", "oid": oid, "size": len(LARGE)}),
        ("lfsFile", {"path": "notes/again.bin", "algo": "sha256", "oid": oid, "size": len(LARGE)}),
        ("deletedFolder", {"path": "files/"}),
        ("deletedFile", {"path": "manifest.json"}),
    )
    assert status == 200
    expected = {
        path: content
        for path, content in before.items()
        if not path.startswith("files/") and path != "manifest.json"
    } | {"README.md": b"new", "notes/new.txt": b""}
    expected |= {"notes/large.bin": LARGE, "notes/again.bin": LARGE}
    assert tree(endpoint) == expected == tree(endpoint, answer["commitOid"])
    # The data version of the packed folder has become a tag, and keeps its commit.
    assert tree(endpoint, "v1") == before


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (added("../out", b""), 400),
        (added("/out", b""), 400),
        (added("a//b", b""), 400),
        (added(".git/config", b""), 400),
        (added("a\x00b", b""), 400),
        (added("a\nb", b""), 400),
        (added("a" * 256, b""), 400),
        (added("", b""), 400),
        (added("README.md/below", b""), 400),
        (added("data", b""), 400),
        (("file", {"path": "a", "content": "%%%", "encoding": "base64"}), 400),
        (("file", {"path": "a"}), 400),
        (("lfsFile", {"path": "a", "oid": "0" * 64}), 400),
        (("lfsFile", {"path": "a", "oid": "../../x"}), 400),
        (("deletedFile", {"path": "nothing"}), 404),
        (("deletedFolder", {"path": "nothing"}), 404),
        (("deletedFolder", {"path": ""}), 400),
        (("copyFile", {"path": "a"}), 400),
        (("file", {}), 400),
    ],
)
def test_refused_changes_change_nothing(
    endpoint: Endpoint, folder: Path, change: tuple[str, dict[str, Any]], status: int
) -> None:
    before = sorted(path for path in folder.rglob("*"))
    assert commit(endpoint, added("good.txt", b"good"), change)[0] == status
    left = sorted(path for path in folder.rglob("*") if path.name != "staging")
    assert left == before


def test_parent_must_be_the_newest(endpoint: Endpoint, folder: Path) -> None:
    path = f"{REPOSITORY}/commit/main"
    assert send(endpoint, "POST", path, lines(added("a", b""), parent="0" * 40))[0] == 412
    newest = commit_of(folder / "cats")
    assert send(endpoint, "POST", path, lines(added("a", b""), parent=newest))[0] == 200
    assert send(endpoint, "POST", path, lines(added("b", b""), parent=newest))[0] == 412


def test_body_that_ends_early(endpoint: Endpoint, folder: Path) -> None:
    def body() -> Iterator[bytes]:
        yield lines(added("a.txt", b"a" * 1000))[:700]
        raise ClientGoneError

    request = Request("POST", f"{REPOSITORY}/commit/main", "", {}, body(), "http://hub")
    with pytest.raises(ClientGoneError):
        endpoint.answer(request)
    assert "a.txt" not in tree(endpoint)
    assert not list((folder / ".mlebench/staging").iterdir())


@pytest.mark.parametrize("content", [LARGE[:-1], LARGE + b"x", LARGE[:-1] + b"x"])
def test_upload_of_other_content(endpoint: Endpoint, folder: Path, content: bytes) -> None:
    oid = hashlib.sha256(LARGE).hexdigest()
    assert endpoint.writer is not None
    query = endpoint.writer.uploads.sign(oid, len(LARGE))
    assert send(endpoint, "PUT", f"/api/lfs/{oid}?{query}", content)[0] == 400
    assert not list((folder / ".mlebench/uploads").iterdir())


def test_upload_address_is_for_one_file(endpoint: Endpoint, monkeypatch: Any) -> None:
    assert endpoint.writer is not None
    oid, other = (hashlib.sha256(text).hexdigest() for text in (LARGE, b"other"))
    query = endpoint.writer.uploads.sign(oid, len(LARGE))
    for path in (
        f"/api/lfs/{other}?{query}",
        f"/api/lfs/{oid}?{query.replace('size=6000', 'size=6001')}",
        f"/api/lfs/{oid}?{query[:-1]}",
        f"/api/lfs/{oid}",
    ):
        assert send(endpoint, "PUT", path, LARGE)[0] == 403
    later = uploads_module.time.monotonic() + 2 * uploads_module.DAY
    monkeypatch.setattr(uploads_module.time, "monotonic", lambda: later)
    assert send(endpoint, "PUT", f"/api/lfs/{oid}?{query}", LARGE)[0] == 403


class KilledError(BaseException):
    """The process is gone: nothing of it runs any more."""


OPERATIONS = ("rename", "replace", "unlink", "link", "mkdir", "rmdir", "fsync")


@contextmanager
def killed_after(
    count: int, monkeypatch: pytest.MonkeyPatch, *, error: Callable[[], BaseException]
) -> Iterator[None]:
    """Let some changes of the disk happen, and none after them."""
    left = count

    def guard(operation: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise error()
            return operation(*arguments, **options)

        return guarded

    with monkeypatch.context() as patch:
        for name in OPERATIONS:
            patch.setattr(os, name, guard(getattr(os, name)))
        yield


def test_killed_at_any_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set()
    for count in range(1000):
        folder = tmp_path / str(count) / "hub"
        write_repository(folder / "cats")
        endpoint = open_endpoint(folder)
        before = tree(endpoint)
        oid = upload(endpoint, LARGE)
        change = [
            added("README.md", b"new"),
            ("lfsFile", {"path": "large.bin", "oid": oid}),
            ("deletedFile", {"path": "manifest.json"}),
        ]
        after = {path: content for path, content in before.items() if path != "manifest.json"}
        after |= {"README.md": b"new", "large.bin": LARGE}
        try:
            with killed_after(count, monkeypatch, error=KilledError):
                status, _ = commit(endpoint, *change)
                finished = True
        except KilledError:
            finished = False
        endpoint.close()

        again = open_endpoint(folder)
        now = tree(again)
        assert now in (before, after)
        seen.add("new" if now == after else "old")
        memory = folder / ".mlebench"
        assert not (memory / "staging").exists()
        assert not list(memory.rglob("pending.json")) and not list(memory.rglob("*.next.json"))
        if now == before:
            assert not finished
            assert again.store.repository("dataset", "cats").head().commit == commit_of(
                folder / "cats"
            )
            # The client tries once more.
            assert commit(again, *change)[0] == 200
        assert tree(again) == after and tree(again, "v1") == before
        again.close()
        if finished:
            break
    assert status == 200 and seen == {"old", "new"}


def test_disk_full_at_any_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what takes room on the disk fails, and the old tree stays."""
    folder = tmp_path / "hub"
    write_repository(folder / "cats")
    endpoint = open_endpoint(folder)
    before = tree(endpoint)

    def full() -> OSError:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for count in range(1000):
        with monkeypatch.context() as patch:
            left = count

            def guard(operation: Callable[..., Any]) -> Callable[..., Any]:
                def guarded(*arguments: Any, **options: Any) -> Any:
                    nonlocal left
                    left -= 1
                    if left < 0:
                        raise full()
                    return operation(*arguments, **options)

                return guarded

            for name in ("link", "mkdir", "fsync"):
                patch.setattr(os, name, guard(getattr(os, name)))
            status, answer = commit(endpoint, added("a.txt", b"a"))
        if status == 200:
            break
        assert status == 507 and "full" in answer["error"]
        assert tree(endpoint) == before
    assert count > 3
    assert tree(endpoint) == before | {"a.txt": b"a"}
    endpoint.close()


def test_leftovers_are_removed_at_start(folder: Path) -> None:
    memory = folder / ".mlebench"
    (memory / "uploads").mkdir(parents=True)
    kept = memory / "uploads" / hashlib.sha256(LARGE).hexdigest()
    kept.write_bytes(LARGE)
    old = memory / "uploads" / ("0" * 64)
    old.write_bytes(b"")
    os.utime(old, (0, 0))
    (memory / "uploads/.broken.partial").write_bytes(b"")
    (memory / "staging/dead/tree").mkdir(parents=True)
    (memory / "kept/datasets/cats" / ("1" * 40)).mkdir(parents=True)
    (memory / "repositories/datasets/gone").mkdir(parents=True)
    (memory / "repositories/datasets/cats").mkdir(parents=True)
    (memory / "repositories/datasets/cats/state.json").write_text("{}")
    open_endpoint(folder).close()
    assert [path.name for path in (memory / "uploads").iterdir()] == [kept.name]
    assert not (memory / "staging").exists()
    assert not list((memory / "kept").rglob("1*"))
    assert not (memory / "repositories/datasets/gone").exists()
