from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import ANSWERS, MARKER, SECRET_PATH, make_prepared

import mlebench_data
from mlebench_data.catalogue import Competition
from mlebench_data.errors import DataNotFoundError, IntegrityError, KeyFileError, SealError
from mlebench_data.hub import (
    file_rows,
    load_private,
    pack,
    read_private_files,
    read_private_manifest,
)
from mlebench_data.hub.keys import MasterKey
from mlebench_data.hub.seal import padding_length
from mlebench_data.prepare.manifest import Manifest

READERS = [load_private, read_private_files, read_private_manifest]


def edit(path: Path, change: Callable[[dict[str, object]], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def rehash(repository: Path, name: str) -> None:
    """Make the list of sealed files agree with a changed file, as an attacker would."""
    import hashlib

    content = (repository / name).read_bytes()

    def change(listed: dict[str, object]) -> None:
        for item in listed["files"]:  # type: ignore[attr-defined]
            if item["path"] == name:
                item["sha256"] = hashlib.sha256(content).hexdigest()

    edit(repository / "private/sealed.json", change)


def test_right_key(repository: Path, prepared: Path, key: MasterKey) -> None:
    expected = pd.DataFrame({"id": [4, 5], "label": ["dog", MARKER]})
    pd.testing.assert_frame_equal(load_private(repository, key=key), expected, check_dtype=False)
    assert mlebench_data.load_private is load_private
    assert read_private_files(repository, key) == {
        "private/answers.csv": ANSWERS,
        SECRET_PATH: (prepared / SECRET_PATH).read_bytes(),
    }
    assert read_private_manifest(repository, key) == Manifest.read(prepared)


def test_key_file_and_text_path(repository: Path, key: MasterKey, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(key.to_text())
    path.chmod(0o600)
    answers = load_private(str(repository), competition="cats", version="v1", key=str(path))
    assert len(answers) == 2


@pytest.mark.parametrize("read", READERS)
def test_wrong_key(
    read: Callable[..., object], repository: Path, key: MasterKey, other_key: MasterKey
) -> None:
    with pytest.raises(SealError, match=f"Wrong key.*{key.key_id}.*{other_key.key_id}"):
        read(repository, key=other_key)
    # A manifest that lies about the key does not help.
    edit(repository / "manifest.json", lambda item: item.update(key_id=other_key.key_id))
    with pytest.raises(SealError, match="cannot be opened"):
        read(repository, key=other_key)


@pytest.mark.parametrize("read", READERS)
def test_missing_key(
    read: Callable[..., object], repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLEBENCH_KEY", raising=False)
    monkeypatch.delenv("MLEBENCH_KEY_FILE", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(KeyFileError, match="There is no master key"):
        read(repository)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("changes", [{"competition": "dogs"}, {"version": "v2"}])
def test_renamed_to_another_competition_or_version(
    read: Callable[..., object], changes: dict[str, str], repository: Path, key: MasterKey
) -> None:
    edit(repository / "manifest.json", lambda item: item.update(changes))
    with pytest.raises(SealError, match="sealed for another competition or version"):
        read(repository, key=key)


def test_files_of_another_version_do_not_fit(
    cats: Competition, repository: Path, tmp_path: Path, key: MasterKey
) -> None:
    prepared = make_prepared(cats, tmp_path / "two", version="v2")
    second = pack(cats, prepared, tmp_path / "second", key=key).folder
    shutil.rmtree(repository / "private")
    shutil.copytree(second / "private", repository / "private")
    for read in READERS:
        with pytest.raises(SealError, match="sealed for another competition or version"):
            read(repository, key=key)  # type: ignore[operator]


def test_asked_for_another(repository: Path, key: MasterKey) -> None:
    with pytest.raises(SealError, match="holds competition 'cats', not 'dogs'"):
        load_private(repository, competition="dogs", key=key)
    with pytest.raises(SealError, match="holds version 'v1', not 'v2'"):
        load_private(repository, version="v2", key=key)


@pytest.mark.parametrize("name", ["private/answers-00000.parquet", "private/files-00000.parquet"])
def test_every_flipped_byte_is_found(name: str, repository: Path, key: MasterKey) -> None:
    path = repository / name
    good = path.read_bytes()
    read = load_private if "answers" in name else read_private_files
    positions = {*range(0, 600, 23), *range(600, len(good), 9001), *range(-40, 0)}
    for position in sorted(position % len(good) for position in positions):
        bad = bytearray(good)
        bad[position] ^= 1
        path.write_bytes(bad)
        if position == 0:
            with pytest.raises(SealError, match="was changed since it was sealed"):
                read(repository, key=key)
        if position < 4:
            # The first four bytes say that this is Parquet; nothing is read from them.
            continue
        rehash(repository, name)
        with pytest.raises(SealError):
            read(repository, key=key)


def test_plaintext_in_place_of_sealed_is_refused(repository: Path, key: MasterKey) -> None:
    name = "private/answers-00000.parquet"
    pq.write_table(pa.table({"id": [4, 5], "label": ["cat", "cat"]}), repository / name)
    rehash(repository, name)
    with pytest.raises(SealError, match="cannot be opened"):
        load_private(repository, key=key)


def test_swapped_sealed_files_are_refused(repository: Path, key: MasterKey) -> None:
    shutil.copy(
        repository / "private/files-00000.parquet", repository / "private/answers-00000.parquet"
    )
    rehash(repository, "private/answers-00000.parquet")
    with pytest.raises(SealError, match="cannot be opened"):
        load_private(repository, key=key)


def test_missing_part(repository: Path, key: MasterKey, tmp_path: Path) -> None:
    (repository / "private/answers-00000.parquet").unlink()
    with pytest.raises(SealError, match="is missing"):
        load_private(repository, key=key)
    edit(repository / "private/sealed.json", lambda item: item.update(files=[]))
    with pytest.raises(SealError, match="lists no sealed file"):
        load_private(repository, key=key)
    (repository / "private/sealed.json").write_text("{")
    with pytest.raises(IntegrityError, match=r"sealed\.json is no valid manifest"):
        load_private(repository, key=key)
    shutil.rmtree(repository / "private")
    with pytest.raises(DataNotFoundError, match="has no private part"):
        load_private(repository, key=key)
    with pytest.raises(DataNotFoundError, match="is no dataset repository"):
        load_private(tmp_path / "nowhere", key=key)


def test_missing_shard_is_noticed(
    cats: Competition, tmp_path: Path, key: MasterKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlebench_data.hub.shards import ShardWriter

    monkeypatch.setattr(file_rows, "MAX_ARCHIVED_SIZE", 1000)
    monkeypatch.setattr(
        ShardWriter.__init__,
        "__kwdefaults__",
        {"seal": None, "opaque": (), "shard_size": 3000, "row_group_size": 1000},
    )
    large = os.urandom(20_500)
    prepared = make_prepared(cats, tmp_path / "prepared", private={"private/large.bin": large})
    repository = pack(cats, prepared, tmp_path / "out", key=key).folder
    assert read_private_files(repository, key)["private/large.bin"] == large
    shards = sorted(repository.glob("private/files-*.parquet"))
    assert len(shards) > 3
    edit(repository / "private/sealed.json", lambda item: item["files"].pop())  # type: ignore[attr-defined]
    with pytest.raises(SealError, match="missing or not what the sealed manifest says"):
        read_private_files(repository, key)


def test_reading_leaves_no_plaintext_anywhere(
    repository: Path, prepared: Path, key: MasterKey, tmp_path: Path
) -> None:
    shutil.rmtree(prepared)
    watched = tmp_path / "watched"
    folders = {name: str(watched / name.lower()) for name in ("HF_HOME", "TMPDIR", "HOME")}
    for folder in folders.values():
        Path(folder).mkdir(parents=True)
    script = (
        "import sys, tempfile, datasets\n"
        "from mlebench_data.hub import load_private, read_private_files\n"
        "assert tempfile.gettempdir().endswith('tmpdir')\n"
        "assert len(load_private(sys.argv[1])) == 2\n"
        "assert len(read_private_files(sys.argv[1])) == 2\n"
    )
    environment = {**os.environ, **folders, "MLEBENCH_KEY": key.to_text()}
    subprocess.run(
        [sys.executable, "-c", script, str(repository)],
        env=environment,
        cwd=folders["TMPDIR"],
        check=True,
    )
    secrets = [MARKER.encode(), key.secret, key.secret.hex().encode()]
    for path in [*watched.rglob("*"), *repository.rglob("*")]:
        if path.is_file():
            content = path.read_bytes()
            assert not any(secret in content for secret in secrets), path


def test_padding() -> None:
    for size in (0, 1, 65535, 65536, 10**6, 10**7, 10**9):
        padded = size + padding_length(size)
        assert padded % 65536 == 0
        assert padded - size < max(65536, size // 7)
    assert padding_length(10**9) < 1 << 24
