"""Clocks that are wrong, or apart: nothing that is read or kept depends on them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from mlebench_data.catalogue import Competition
from mlebench_data.errors import SourceError
from mlebench_data.hub import pack
from mlebench_data.hub.cache import Cache
from mlebench_data.hub.cache_verification import verify
from mlebench_data.hub.keys import MasterKey
from mlebench_data.hub.repository import commit_of
from mlebench_data.hub.restoring import restore_competition
from mlebench_data.hub.sources import open_source

TIMES = {"long ago": 1, "a century ahead": 4_900_000_000}


def date_all(folder: Path, seconds: int) -> None:
    """Let everything in a folder look as if it was written then."""
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (seconds, seconds), follow_symlinks=False)


@pytest.fixture(params=TIMES.values(), ids=list(TIMES))
def seconds(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def test_repository_of_another_time(repository: Path, tmp_path: Path, seconds: int) -> None:
    commit = commit_of(repository)
    first = restore_competition(
        "cats", "v1", tmp_path / "1", source=repository, cache=Cache(tmp_path / "cache-1")
    )
    date_all(repository, seconds)
    second = restore_competition(
        "cats", "v1", tmp_path / "2", source=repository, cache=Cache(tmp_path / "cache-2")
    )
    assert commit_of(repository) == commit
    assert (first.origin, first.files, first.size) == (second.origin, second.files, second.size)


def test_cache_of_another_time(repository: Path, tmp_path: Path, seconds: int) -> None:
    cache = Cache(tmp_path / "cache")
    restore_competition("cats", "v1", tmp_path / "tree", source=repository, cache=cache)
    for path in cache.folder.rglob("*"):
        # Those of the files are no times: they show whether someone has written to them.
        if "public" not in path.parts and "objects" not in path.parts:
            os.utime(path, (seconds, seconds))
    (entry,) = cache.entries()
    # What is dated ahead counts as just used: it stays rather than that it goes.
    assert (entry.unused_seconds() > 0) == (seconds == 1)
    again = tmp_path / "again"
    assert restore_competition("cats", "v1", again, source=repository, cache=cache).files
    assert not verify(cache).problems
    (entry,) = cache.entries()
    assert entry.unused_seconds() < 3600, "use sets it right"


@pytest.mark.parametrize("apart", [False, True], ids=["one repository", "sibling"])
def test_change_that_looks_older_is_noticed(
    cats: Competition, prepared: Path, key: MasterKey, tmp_path: Path, seconds: int, apart: bool
) -> None:
    out = tmp_path / "cats"

    def status() -> str:
        return pack(cats, prepared, out, key=key, private_repo=apart).status

    assert [status(), status()] == ["packed", "unchanged"]
    # Times alone are no change.
    date_all(out, seconds)
    assert status() == "unchanged"
    for pattern in ("data/*.parquet", "private/*.parquet"):
        folder = tmp_path / "cats-private" if apart and pattern.startswith("p") else out
        path = next(folder.glob(pattern))
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        os.utime(path, (seconds - 1, seconds - 1))
        assert [status(), status()] == ["packed", "unchanged"], pattern


@pytest.fixture
def strict_storage() -> Iterator[str]:
    """A server that answers as S3 does when the clock of the one who asks is wrong."""
    text = (
        b"<Error><Code>RequestTimeTooSkewed</Code><Message>The difference between the request time "
        b"and the current time is too large.</Message></Error>"
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(403)
            self.send_header("Content-Length", str(len(text)))
            self.send_header("Content-Type", "application/xml")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(text)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_storage_that_minds_the_clock(strict_storage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    s3fs = pytest.importorskip("s3fs")
    # One that an earlier test made leads to another server.
    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", strict_storage)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    with pytest.raises(SourceError, match=r"may not be read .* clock of this machine"):
        open_source("s3://bucket/folder").open("cats", "v1")
    s3fs.S3FileSystem.clear_instance_cache()
