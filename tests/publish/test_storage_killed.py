"""A storage whose server is killed in the middle of an upload, and started again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from packed_by_hand import tree_of
from storage import S3Server

from mlebench_data.hub.layout import MANIFEST
from mlebench_data.hub.publish import folder_place, retrying
from mlebench_data.hub.publish.errors import PublishError
from mlebench_data.hub.publish.folder_place import FolderPlace
from mlebench_data.hub.publish.repository_contents import read_contents

URL = "s3://bucket/folder"
NAME = "iris-species"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """An S3 endpoint that may be killed."""
    pytest.importorskip("moto.server", reason="moto[server] is not installed")
    s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed")
    server = S3Server()
    for name, value in {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    yield server
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def publish(root: Path) -> FolderPlace:
    place = FolderPlace(URL, NAME)
    _, contents = read_contents(root)
    place.send(contents, place.plan(contents, retag=False))
    return place


def test_killed_within_a_large_file(
    server: S3Server, make_repository: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import s3fs

    # Two parts of an upload; the server dies between them.
    root = make_repository({"files/public/large.bin": bytes(range(251)) * 100_001})

    def copy(source: Any, target: Any) -> None:
        for number, chunk in enumerate(iter(lambda: source.read(4 << 20), b"")):
            if number == 5:
                server.stop()
            target.write(chunk)

    s3fs.S3FileSystem().mkdirs("bucket", exist_ok=True)
    with monkeypatch.context() as patch:
        patch.setattr(folder_place, "_copy", copy)
        patch.setattr(retrying, "PAUSES", [0.0])
        with pytest.raises(PublishError, match="run the same command again to go on"):
            publish(root)
    again = S3Server(server.port)
    try:
        # What moto holds dies with it; a real storage would still have the files before.
        files = s3fs.S3FileSystem()
        files.mkdirs("bucket", exist_ok=True)
        files.invalidate_cache()
        assert not files.exists(f"bucket/folder/{NAME}/{MANIFEST}")
        publish(root)
        files.invalidate_cache()
        start = f"bucket/folder/{NAME}/"
        found = {path.removeprefix(start): files.cat_file(path) for path in files.find(start)}
        assert found == tree_of(root)
        _, contents = read_contents(root)
        assert FolderPlace(URL, NAME).plan(contents, retag=False).is_done
    finally:
        again.stop()
