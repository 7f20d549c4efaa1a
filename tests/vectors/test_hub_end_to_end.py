"""Every competition: prepared, packed, published, read elsewhere, restored to the same bytes."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from serving import client_environment, run_client, served_folder

from mlebench_data.catalogue import competition_ids, load_competition
from mlebench_data.hub import RepositoryManifest, pack, read_private_files
from mlebench_data.hub.keys import MasterKey
from mlebench_data.prepare import prepare
from mlebench_data.prepare.manifest import Manifest

ARCHIVES = {path.name.removesuffix(".tar.xz") for path in Path(__file__).parent.glob("*.tar.xz")}
ALL = [name for name in competition_ids() if name in ARCHIVES]
# A server and two clients for each batch: starting them takes longer than what they then do.
BATCHES = [ALL[number::8] for number in range(8)]
#: One of each kind: tables, pictures, audio in archives, pieces, BSON, answers in files.
KINDS = [
    "spaceship-titanic",
    "dog-breed-identification",
    "the-icml-2013-whale-challenge-right-whale-redux",
    "aerial-cactus-identification",
    "cdiscount-image-classification-challenge",
    "denoising-dirty-documents",
]
KEY = MasterKey(bytes(range(32)))

READER = """
import json, sys
import datasets
told = {}
for name in json.loads(sys.stdin.read()):
    configs = datasets.get_dataset_config_names(f"mlebench/{name}")
    told[name] = {}
    for config in configs:
        if config.startswith("private"):
            try:
                datasets.load_dataset(f"mlebench/{name}", config)
            except Exception as error:
                told[name][config] = f"refused: {type(error).__name__}"
            continue
        data = datasets.load_dataset(f"mlebench/{name}", config, revision="v1")
        lazy = datasets.load_dataset(f"mlebench/{name}", config, streaming=True)
        rows = {}
        for split in data:
            stored = lazy[split].with_format("arrow")
            first = next(iter(stored.iter(1)), None)
            rows[split] = [data[split].num_rows, 0 if first is None else first.num_rows]
        told[name][config] = rows
print(json.dumps(told))
"""


@dataclass
class Batch:
    """Competitions that are prepared and packed."""

    repositories: Path
    prepared: dict[str, Manifest] = field(default_factory=dict)
    answers: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def public(self, name: str) -> dict[str, str]:
        """Digests of the public files by path."""
        entries = self.prepared[name].files
        return {e.path: e.sha256 for e in entries if e.path.startswith("public/")}


def make_batch(names: list[str], vector: Callable[[str], Any], folder: Path) -> Batch:
    batch = Batch(folder / "repositories")
    for name in names:
        case = vector(name)
        competition = case.changed(load_competition(name), case.preparations()[-1])
        made = prepare(competition, data_dir=folder / "data", raw=case.raw, skip_lock=True).folder
        pack(competition, made, batch.repositories / name, key=KEY)
        batch.prepared[name] = manifest = Manifest.read(made)
        private = [e.path for e in manifest.files if e.path.startswith("private/")]
        batch.answers[name] = {path: (made / path).read_bytes() for path in private}
    return batch


def mlebench(*arguments: object, **environment: str) -> str:
    """Run the command line in a process of its own; return what it tells."""
    done = subprocess.run(
        [sys.executable, "-m", "mlebench_data.harness.cli", *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def publish(batch: Batch, target: str, **environment: str) -> str:
    # A place of one's own: competitions whose rules forbid passing data on go only there.
    return mlebench(
        "publish", *batch.prepared, "--from", batch.repositories, "--to", target, "--private",
        "--confirm-redistribution", **environment,
    )  # fmt: skip


def check_restored(batch: Batch, source: str, folder: Path, **environment: str) -> None:
    """Restore all from a source and compare with what was prepared; then read the answers."""
    # The cache would have what an earlier source gave.
    environment["MLEBENCH_CACHE"] = str(folder / "cache")
    mlebench(
        "restore", *(f"{name}@v1" for name in batch.prepared), "--from", source,
        "--out", folder / "trees", **environment,
    )  # fmt: skip
    for name, manifest in batch.prepared.items():
        tree = folder / "trees" / name if len(batch.prepared) > 1 else folder / "trees"
        found = {
            f"public/{path.relative_to(tree).as_posix()}": path
            for path in tree.rglob("*")
            if path.is_file()
        }
        assert {k: digest(v) for k, v in found.items()} == batch.public(name), name
        modes = {e.path: e.mode for e in manifest.files if e.path in found}
        assert {k: v.stat().st_mode & 0o777 for k, v in found.items()} == modes
        for empty in manifest.empty_folders:
            if empty.startswith("public/"):
                assert (tree / empty.removeprefix("public/")).is_dir()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_no_answers(batch: Batch, *folders: Path) -> None:
    """Look for private files as a whole, and for a long piece of each, in everything."""
    public = {e.sha256 for m in batch.prepared.values() for e in m.files if "public/" in e.path}
    open_bytes = b"\n".join(
        path.read_bytes() for path in _files(batch.repositories) if path.suffix != ".parquet"
    )
    whole, pieces = set(), []
    for answers in batch.answers.values():
        for content in answers.values():
            hashed = hashlib.sha256(content).hexdigest()
            piece = content[len(content) // 2 :][:120]
            if hashed not in public and len(piece) >= 40 and piece not in open_bytes:
                whole.add(hashed)
                pieces.append(piece)
    assert pieces
    for folder in folders:
        for path in _files(folder):
            content = path.read_bytes()
            assert hashlib.sha256(content).hexdigest() not in whole, path
            assert not any(piece in content for piece in pieces), path


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def read_answers(names: list[str], source: str, folder: Path, **environment: str) -> dict[str, Any]:
    """Read all answers in a process of its own; return their digests."""
    code = """
    import hashlib, json, os, sys
    from mlebench_data.hub import read_private_files
    from mlebench_data.hub.keys import MasterKey
    key = MasterKey(bytes(range(32)))
    told = {}
    for name in json.loads(os.environ["NAMES"]):
        files = read_private_files(name, key, source=os.environ["SOURCE"])
        told[name] = {k: hashlib.sha256(v).hexdigest() for k, v in files.items()}
    print(json.dumps(told))
    """
    url = environment.pop("HF_ENDPOINT", None)
    token = environment.pop("HF_TOKEN", None)
    names_text = json.dumps(names)
    return run_client(code, url, folder, token, NAMES=names_text, SOURCE=source, **environment)


def check_answers(batch: Batch, told: dict[str, Any]) -> None:
    for name, answers in batch.answers.items():
        assert told[name] == {k: hashlib.sha256(v).hexdigest() for k, v in answers.items()}, name


def base_environment(home: Path) -> dict[str, str]:
    return client_environment(None, home)


@pytest.mark.parametrize("number", range(len(BATCHES)))
def test_served_endpoint(number: int, vector: Callable[[str], Any], tmp_path: Path) -> None:
    batch = make_batch(BATCHES[number], vector, tmp_path)
    hub = tmp_path / "hub"
    hub.mkdir()
    with served_folder(hub) as served:
        writer = client_environment(served.url, tmp_path / "writer", served.token)
        publish(batch, "hf://datasets/mlebench", **writer)
        again = publish(batch, "hf://datasets/mlebench", **writer)
        assert "uploaded" not in again

        home = tmp_path / "reader"
        home.mkdir()
        done = subprocess.run(
            [sys.executable, "-c", READER],
            env=client_environment(served.url, home, served.token),
            cwd=home,
            input=json.dumps(BATCHES[number]),
            capture_output=True,
            text=True,
            timeout=280,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        told = json.loads(done.stdout.splitlines()[-1])
        for name in BATCHES[number]:
            manifest = RepositoryManifest.read(batch.repositories / name)
            assert manifest.competition == name
            assert {"default", "sample_submission", "private"} <= told[name].keys(), name
            for config, rows in told[name].items():
                if config.startswith("private"):
                    assert rows == "refused: DatasetGenerationError", name
                    continue
                # Streaming gives rows wherever there are any.
                assert all(count > 0 and first == 1 for count, first in rows.values()), name
            assert {"train", "test"} <= told[name]["default"].keys()

        reader = client_environment(served.url, tmp_path / "restorer", served.token)
        check_restored(batch, "hf://datasets/mlebench", tmp_path / "restored", **reader)
        answers = read_answers(
            BATCHES[number], "hf://datasets/mlebench", tmp_path / "grader",
            HF_ENDPOINT=served.url, HF_TOKEN=served.token,
            MLEBENCH_CACHE=str(tmp_path / "grader" / "cache"),
        )  # fmt: skip
        check_answers(batch, answers)
    places = [hub, *(tmp_path / name for name in ("writer", "reader", "restorer", "grader"))]
    check_no_answers(batch, batch.repositories, *places, tmp_path / "restored")


@pytest.mark.parametrize("number", range(4))
def test_folder(number: int, vector: Callable[[str], Any], tmp_path: Path) -> None:
    names = ALL[number::4]
    batch = make_batch(names, vector, tmp_path)
    place = f"file://{tmp_path / 'place'}"
    environment = base_environment(tmp_path / "home")
    publish(batch, place, **environment)
    check_restored(batch, place, tmp_path / "restored", **environment)
    for name in names:
        found = read_private_files(tmp_path / "place" / name, KEY)
        assert found == batch.answers[name]
    check_no_answers(batch, tmp_path / "place", tmp_path / "restored")


@pytest.fixture
def s3() -> Iterator[dict[str, str]]:
    """Variables of an S3 server of this test's own."""
    server_module = pytest.importorskip("moto.server", reason="moto is not installed")
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    variables = {
        "FSSPEC_S3_ENDPOINT_URL": f"http://{host}:{port}",
        "FSSPEC_S3_KEY": "tester",
        "FSSPEC_S3_SECRET": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    yield variables
    server.stop()


def test_s3(
    s3: dict[str, str],
    vector: Callable[[str], Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import s3fs

    filesystem = s3fs.S3FileSystem(
        key="tester", secret="secret", endpoint_url=s3["FSSPEC_S3_ENDPOINT_URL"]
    )
    filesystem.mkdir("bench")
    batch = make_batch(KINDS, vector, tmp_path)
    environment = base_environment(tmp_path / "home") | s3
    publish(batch, "s3://bench/data", **environment)
    check_restored(batch, "s3://bench/data", tmp_path / "restored", **environment)
    told = read_answers(
        KINDS, "s3://bench/data", tmp_path / "grader",
        MLEBENCH_CACHE=str(tmp_path / "grader" / "cache"), **s3,
    )  # fmt: skip
    check_answers(batch, told)
    check_no_answers(batch, tmp_path / "restored", tmp_path / "grader")
    (tmp_path / "copy").mkdir()
    for path in filesystem.find("bench"):
        content = filesystem.cat_file(path)
        (tmp_path / "copy" / hashlib.sha256(content).hexdigest()).write_bytes(content)
    check_no_answers(batch, tmp_path / "copy")
    assert list(_files(tmp_path / "copy"))
