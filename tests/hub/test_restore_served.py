"""Restoring from a dataset host: by version, offline, without access, and through its failures."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from cats_and_dogs import MARKER, tree_of
from serving import Served, run_client

from mlebench_data.hub.repository import commit_of, manifest_digest

RESTORE = """
import json, sys
from pathlib import Path
from mlebench_data.errors import MlebenchError
from mlebench_data.hub import restore_competition
try:
    result = restore_competition("cats", {version!r}, Path({out!r}), source={source!r})
except MlebenchError as error:
    print(json.dumps([type(error).__name__, str(error)]))
else:
    print(json.dumps([result.status, vars(result.origin)]))
"""


@pytest.fixture
def published(repository: Path, served: Served) -> Path:
    return repository.rename(served.folder / "cats")


def run_restore(
    served: Served | str | None,
    tmp_path: Path,
    out: Path,
    *,
    version: str | None = "v1",
    source: str | None = None,
    cache: str = "cache",
    token: str | None = None,
    **environment: str,
) -> tuple[str, object]:
    url = served.url if isinstance(served, Served) else served
    kind, rest = run_client(
        RESTORE.format(version=version, out=str(out), source=source),
        url,
        tmp_path / "home",
        token,
        MLEBENCH_CACHE=str(tmp_path / cache),
        **environment,
    )
    return kind, rest


def test_by_version(published: Path, served: Served, prepared: Path, tmp_path: Path) -> None:
    expected = {
        "source": f"{served.url}/datasets/mlebench/cats",
        "revision": "v1",
        "commit": commit_of(published),
        "manifest_sha256": manifest_digest(published),
    }
    assert run_restore(served, tmp_path, tmp_path / "out") == ("restored", expected)
    assert tree_of(tmp_path / "out") == tree_of(prepared / "public")
    named = run_restore(None, tmp_path, tmp_path / "named", source=served.url, cache="other")
    assert named == ("restored", expected)
    for path in (tmp_path / "cache").rglob("*"):
        assert path.parts[-2] != "private"
        assert not path.is_file() or MARKER.encode() not in path.read_bytes()
    # The commit is known: the manifest is not fetched again, and nothing else either.
    shutil.rmtree(published / "files")
    assert run_restore(served, tmp_path, tmp_path / "again") == ("restored", expected)


def test_what_is_not_there(published: Path, served: Served, tmp_path: Path) -> None:
    kind, text = run_restore(served, tmp_path, tmp_path / "out", version="v2")
    assert kind == "DataNotFoundError" and "has no revision 'v2'" in str(text)
    shutil.rmtree(published)
    kind, text = run_restore(served, tmp_path, tmp_path / "out")
    assert kind == "DataNotFoundError" and "does not exist, or is private" in str(text)
    kind, text = run_restore(served, tmp_path, tmp_path / "out", token="wrong")
    assert kind == "SourceError" and "HF_TOKEN" in str(text)
    assert not (tmp_path / "out").exists()


def test_server_is_down(published: Path, served: Served, prepared: Path, tmp_path: Path) -> None:
    served.process.kill()
    served.process.wait()
    begin = time.monotonic()
    kind, text = run_restore(served, tmp_path, tmp_path / "out")
    assert kind == "UnreachableError"
    assert "cannot be reached" in str(text) and "MLEBENCH_SOURCE" in str(text)
    assert time.monotonic() - begin < 20


@pytest.mark.parametrize("offline", ["", "1"])
def test_without_network_what_was_fetched_is_enough(
    offline: str, published: Path, served: Served, prepared: Path, tmp_path: Path
) -> None:
    first = run_restore(served, tmp_path, tmp_path / "out")
    served.process.kill()
    served.process.wait()
    again = run_restore(served, tmp_path, tmp_path / "again", HF_HUB_OFFLINE=offline or "0")
    assert again == first
    assert tree_of(tmp_path / "again") == tree_of(prepared / "public")


def test_offline_from_the_cache_of_the_hub(
    published: Path, served: Served, prepared: Path, tmp_path: Path
) -> None:
    run_client(
        """
        import huggingface_hub
        huggingface_hub.snapshot_download("mlebench/cats", repo_type="dataset", revision="v1")
        print("null")
        """,
        served.url,
        tmp_path / "home",
    )
    served.process.kill()
    served.process.wait()
    kind, _ = run_restore(served, tmp_path, tmp_path / "out", HF_HUB_OFFLINE="1")
    assert kind == "restored"
    assert tree_of(tmp_path / "out") == tree_of(prepared / "public")


def test_flipped_byte(published: Path, served: Served, tmp_path: Path) -> None:
    path = published / "files/public/train.csv"
    good = path.read_bytes()
    path.write_bytes(good[:-2] + b"x\n")
    kind, text = run_restore(served, tmp_path, tmp_path / "out")
    assert kind == "IntegrityError" and "public/train.csv" in str(text)
    assert not (tmp_path / "out").exists()
    path.write_bytes(good)
    assert run_restore(served, tmp_path, tmp_path / "out")[0] == "restored"


def test_answers_by_name(published: Path, served: Served, tmp_path: Path) -> None:
    found = run_client(
        """
        import json
        from mlebench_data import load_private
        from mlebench_data.hub.keys import MasterKey
        key = MasterKey(bytes(range(32)))
        print(json.dumps(load_private("cats", key=key)["label"].tolist()))
        """,
        served.url,
        tmp_path / "home",
        MLEBENCH_CACHE=str(tmp_path / "cache"),
    )
    assert found == ["dog", MARKER]
