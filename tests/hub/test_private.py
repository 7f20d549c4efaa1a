from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from cats_and_dogs import ANSWERS, MARKER, SECRET_PATH
from tampering import edit

import mlebench_data
from mlebench_data.errors import DataNotFoundError, KeyFileError, SealError
from mlebench_data.hub import load_private, read_private_files, read_private_manifest
from mlebench_data.hub.keys import MasterKey
from mlebench_data.hub.seal import padding_length
from mlebench_data.prepare.manifest import Manifest

READERS = [load_private, read_private_files, read_private_manifest]


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
    with pytest.raises(SealError, match=f"sealed with the key of fingerprint {key.key_id}, but"):
        read(repository, key=other_key)
    edit(repository / "private/sealed.json", lambda item: item.update(key_id=other_key.key_id))
    with pytest.raises(SealError, match="keyed digest does not fit"):
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
    named = " ".join({"competition": "cats", "version": "v1", **changes}.values())
    with pytest.raises(SealError, match=f"sealed files of cats v1, not those of {named}"):
        read(repository, key=key)
    edit(repository / "private/sealed.json", lambda item: item.update(changes))
    with pytest.raises(SealError, match="keyed digest does not fit"):
        read(repository, key=key)


def test_asked_for_another(repository: Path, key: MasterKey) -> None:
    with pytest.raises(SealError, match="holds competition 'cats', not 'dogs'"):
        load_private(repository, competition="dogs", key=key)
    with pytest.raises(SealError, match="holds version 'v1', not 'v2'"):
        load_private(repository, version="v2", key=key)


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


@pytest.mark.parametrize("name", ["cats", "mlebench/cats"])
def test_by_name(
    name: str,
    repository: Path,
    key: MasterKey,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    (folder / "cats").symlink_to(repository)
    assert len(load_private(name, key=key, source=str(folder))) == 2
    assert read_private_files(name, key, source=str(folder))["private/answers.csv"] == ANSWERS
    assert read_private_manifest(name, key, source=str(folder)).competition == "cats"
    monkeypatch.setenv("MLEBENCH_SOURCE", str(folder))
    assert len(load_private(name, version="v1", key=key)) == 2
    with pytest.raises(DataNotFoundError, match="v1, not cats v2"):
        load_private(name, version="v2", key=key)
    with pytest.raises(DataNotFoundError, match="dogs"):
        load_private("dogs", key=key)
    # A folder of this name that is a repository is meant before the name, unless a source is given.
    monkeypatch.setenv("MLEBENCH_SOURCE", str(tmp_path / "nowhere"))
    monkeypatch.chdir(folder)
    assert len(load_private("cats", key=key)) == 2
    with pytest.raises(DataNotFoundError):
        load_private("cats", key=key, source=str(tmp_path))
