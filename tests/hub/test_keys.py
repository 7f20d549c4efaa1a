from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pytest

from mlebench_data.errors import KeyFileError
from mlebench_data.hub import find_key, new_key, read_key
from mlebench_data.hub.keys import MasterKey, parse_key

DIGITS = bytes(range(32)).hex()


@pytest.fixture(autouse=True)
def no_key_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLEBENCH_KEY", raising=False)
    monkeypatch.delenv("MLEBENCH_KEY_FILE", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_new_key_is_private_and_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "key"
    made = new_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_key(path) == made
    assert path.read_text().startswith("mlebench-key-1:")
    assert new_key(tmp_path / "second").secret != made.secret


def test_new_key_never_overwrites(tmp_path: Path) -> None:
    new_key(tmp_path / "key")
    before = (tmp_path / "key").read_bytes()
    with pytest.raises(KeyFileError, match="never overwritten"):
        new_key(tmp_path / "key")
    assert (tmp_path / "key").read_bytes() == before


def test_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyFileError, match="There is no master key"):
        find_key()
    default = new_key()
    assert find_key() == default
    by_file = new_key(tmp_path / "by-file")
    monkeypatch.setenv("MLEBENCH_KEY_FILE", str(tmp_path / "by-file"))
    assert find_key() == by_file
    by_value = new_key(tmp_path / "by-value")
    monkeypatch.setenv("MLEBENCH_KEY", (tmp_path / "by-value").read_text())
    assert find_key() == by_value
    explicit = new_key(tmp_path / "explicit")
    assert find_key(tmp_path / "explicit") == explicit


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o666])
def test_key_that_others_can_touch_is_refused(tmp_path: Path, mode: int) -> None:
    new_key(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600"):
        find_key(tmp_path / "key")


@pytest.mark.parametrize("position", [15, 40, 78, 80, 87])
def test_typing_error_is_found(position: int, key: MasterKey) -> None:
    text = key.to_text()
    other = "0" if text[position] != "0" else "1"
    with pytest.raises(KeyFileError, match="checksum"):
        parse_key(text[:position] + other + text[position + 1 :], "There")


@pytest.mark.parametrize(
    "text", ["", DIGITS, f"mlebench-key-1:{DIGITS}", f"mlebench-key-2:{DIGITS}-00000000"]
)
def test_other_texts_are_no_keys_and_are_not_shown(text: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(KeyFileError) as caught:
        read_key(path)
    assert DIGITS not in str(caught.value)


def test_key_is_never_shown(
    key: MasterKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert DIGITS not in repr(key)
    assert str(key.secret) not in repr(key)
    assert DIGITS[:8] not in key.key_id
    for variable in ("MLEBENCH_KEY_FILE", "MLEBENCH_KEY"):
        monkeypatch.setenv(variable, key.to_text()[: None if variable.endswith("FILE") else -1])
        with pytest.raises(KeyFileError) as caught:
            find_key()
        assert DIGITS not in str(caught.value)
    (tmp_path / "binary").write_bytes(key.to_text().encode() + b"\xff")
    (tmp_path / "binary").chmod(0o600)
    with pytest.raises(KeyFileError) as caught:
        read_key(tmp_path / "binary")
    assert DIGITS not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", ["missing", "."])
def test_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeyFileError):
        read_key(tmp_path / name)


def test_derived_keys_are_hkdf_and_all_different(key: MasterKey, other_key: MasterKey) -> None:
    extracted = hmac.new(b"mlebench-data key 1", key.secret, hashlib.sha256).digest()
    info = b"\0\0\0\x01p\0\0\0\x02ab\x01"
    assert key.derive("p", "ab") == hmac.new(extracted, info, hashlib.sha256).digest()
    contexts = [("p",), ("p", "ab"), ("pa", "b"), ("p", "a", "b"), ("p", "", "ab")]
    derived = {item.derive(*context) for context in contexts for item in (key, other_key)}
    assert len(derived) == 2 * len(contexts)
    assert key.key_id != other_key.key_id
