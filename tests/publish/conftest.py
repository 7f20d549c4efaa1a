"""Packed repositories, and no pauses between attempts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from packed_by_hand import ID, IDENTITY, write_list, write_manifest, write_sealed
from storage import S3Server

from mlebench_data.hub.layout import CARD
from mlebench_data.hub.publish import retrying

MakeRepository = Callable[..., Path]


@pytest.fixture
def make_repository(tmp_path: Path) -> MakeRepository:
    """Write a repository, or with `private_part="sibling"` that and its sibling."""

    def make(
        files: Mapping[str, bytes] | None = None,
        *,
        folder: Path = tmp_path / "packed",
        private_part: str = "here",
        **changes: Any,
    ) -> Path:
        root = folder / str(changes.get("competition", ID))
        contents = {
            "data/train-00000.parquet": b"PAR1 train PAR1",
            "data/test-00000.parquet": b"PAR1 test PAR1",
            "files/public/odd name #1.csv": b"a,b\r\n1,2\r\n",
            "files/public/empty.txt": b"",
            **(files or {}),
        }
        for path, content in contents.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        sealed = root
        if private_part == "sibling":
            sealed = root.with_name(f"{root.name}-private")
        write_sealed(sealed / "private/answers-00000.parquet")
        names = {key: value for key, value in changes.items() if key in IDENTITY}
        write_list(sealed, ["private/answers-00000.parquet"], **names)
        if private_part == "sibling":
            (sealed / CARD).write_text("---\nviewer: false\n---\n\n# Sealed\n")
            write_manifest(sealed, [], private_part="alone", **changes)
        (root / CARD).write_text("---\nlicense: cc0-1.0\n---\n\n# Iris\n", encoding="utf-8")
        write_manifest(root, list(contents), private_part=private_part, **changes)
        return root

    return make


@pytest.fixture
def repository(make_repository: MakeRepository) -> Path:
    return make_repository()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Note the pauses between attempts instead of making them."""
    slept: list[float] = []
    monkeypatch.setattr(retrying.time, "sleep", slept.append)
    yield slept


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The address of an S3 endpoint, if what it needs is installed."""
    pytest.importorskip("moto.server", reason="moto[server] is not installed")
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    import s3fs

    server = S3Server()
    s3fs.S3FileSystem.clear_instance_cache()
    yield server.url
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.fixture
def bucket(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket at an S3 endpoint that the environment names."""
    import s3fs

    for name, value in {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem().mkdirs("mlebench-test", exist_ok=True)
    return "mlebench-test"
