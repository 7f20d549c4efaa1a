"""A grant opens what it grants and nothing else, wherever a master key is taken."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from cats_and_dogs import MARKER, make_competition, make_prepared
from hypothesis import given
from hypothesis import strategies as st

from mlebench_data.catalogue import Competition
from mlebench_data.errors import KeyFileError, SealError
from mlebench_data.hub import (
    Grant,
    find_key,
    find_master_key,
    load_private,
    pack,
    read_key,
    read_private_files,
    read_private_manifest,
    write_key_file,
)
from mlebench_data.hub.grants import parse_grant
from mlebench_data.hub.keys import MasterKey, parse_key

NAMES = [("cats", "v1"), ("AI4Code", "v2")]
READERS = [load_private, read_private_files, read_private_manifest]


@pytest.fixture
def grant(key: MasterKey) -> Grant:
    return key.grant(NAMES)


def test_grant_reads_back_from_a_private_file(grant: Grant, tmp_path: Path) -> None:
    path = tmp_path / "grant"
    write_key_file(path, grant)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_key(path) == grant
    assert len(path.read_text().splitlines()) == len(NAMES)
    with pytest.raises(KeyFileError, match="never overwritten"):
        write_key_file(path, grant)
    path.chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        read_key(path)


def test_grant_holds_derived_keys_only(key: MasterKey, grant: Grant) -> None:
    text = grant.to_text()
    assert key.secret.hex() not in text
    assert grant.key_id == key.key_id
    for name in NAMES:
        assert grant.for_version(*name) == key.for_version(*name)
        assert grant.for_version(*name).secret.hex() in text
    # Keys of other versions and competitions are different and not in it.
    others = [("cats", "v2"), ("cats-v1", "v1"), ("AI4Code", "v1"), ("dogs", "v1")]
    secrets = {key.for_version(*name).secret for name in (*NAMES, *others)}
    assert len(secrets) == len(NAMES) + len(others)
    assert not any(key.for_version(*name).secret.hex() in text for name in others)
    for other in others:
        with pytest.raises(
            KeyFileError, match=rf"grants cats v1, AI4Code v2; not {' '.join(other)}"
        ):
            grant.for_version(*other)


def test_keys_of_files_differ_by_all_that_they_are_bound_to(
    key: MasterKey, other_key: MasterKey
) -> None:
    derived = {
        master.for_version(competition, version).derive("file", path)
        for master, competition, version, path in itertools.product(
            (key, other_key), ("cats", "dogs"), ("v1", "v2"), ("private/a", "private/b")
        )
    }
    assert len(derived) == 16


def test_secrets_are_not_shown(grant: Grant) -> None:
    for item in grant.keys:
        for shown in (repr(grant), repr(item), str(item)):
            assert item.secret.hex() not in shown and str(item.secret) not in shown


@given(data=st.data())
def test_typing_errors_are_found_and_not_shown(data: st.DataObject) -> None:
    grant = MasterKey(bytes(range(32))).grant(NAMES)
    text = grant.to_text()
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.characters(min_codepoint=32, max_codepoint=126))
    changed = text[:place] + letter + text[place + 1 :]
    try:
        found = parse_key(changed, "There")
    except KeyFileError as error:
        assert not any(item.secret.hex()[:16] in str(error) for item in grant.keys)
    else:
        assert found == grant


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:-20], "malformed grant: line 2"),
        (lambda text: text.replace(":cats:", ":dogs:"), "checksum of line 1"),
        (lambda text: text + text, "same competition and version twice"),
        (lambda text: text + MasterKey(b"x" * 32).to_text(), "malformed grant: line 3"),
        (
            lambda text: text + MasterKey(b"x" * 32).grant([("dogs", "v1")]).to_text(),
            "several master keys",
        ),
    ],
)
def test_malformed_grants(change, message: str, grant: Grant, tmp_path: Path) -> None:
    path = tmp_path / "grant"
    path.write_text(change(grant.to_text()))
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match=message):
        read_key(path)


def test_empty_grants(key: MasterKey) -> None:
    with pytest.raises(KeyFileError, match="grants nothing"):
        key.grant([])
    with pytest.raises(KeyFileError, match="grants nothing"):
        parse_grant("\n", "There")


def test_long_grants_are_not_spelled_out(key: MasterKey) -> None:
    grant = key.grant([(f"c{number}", "v1") for number in range(82)])
    with pytest.raises(KeyFileError, match="c7 v1 and 74 more; not cats v1"):
        grant.for_version("cats", "v1")


@pytest.mark.parametrize("read", READERS)
def test_grant_opens_what_it_grants(
    read, repository: Path, key: MasterKey, grant: Grant, tmp_path: Path
) -> None:
    write_key_file(tmp_path / "grant", grant)
    for opener in (grant, tmp_path / "grant", str(tmp_path / "grant")):
        assert str(read(repository, key=opener)) == str(read(repository, key=key))


@pytest.mark.parametrize("read", READERS)
def test_grant_of_others_is_told(
    read, repository: Path, key: MasterKey, other_key: MasterKey, tmp_path: Path
) -> None:
    path = tmp_path / "grant"
    write_key_file(path, key.grant([("dogs", "v1"), ("cats", "v2")]))
    with pytest.raises(KeyFileError, match=f"{path} grants dogs v1, cats v2; not cats v1"):
        read(repository, key=path)
    with pytest.raises(SealError, match=f"Wrong key.*{other_key.key_id}"):
        read(repository, key=other_key.grant([("cats", "v1")]))


def test_grant_in_the_environment(
    repository: Path, grant: Grant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLEBENCH_KEY", grant.to_text())
    assert find_key() == grant
    assert load_private(repository)["label"].tolist() == ["dog", MARKER]
    monkeypatch.delenv("MLEBENCH_KEY")
    write_key_file(tmp_path / "grant", grant)
    monkeypatch.setenv("MLEBENCH_KEY_FILE", str(tmp_path / "grant"))
    assert len(load_private(repository)) == 2
    with pytest.raises(KeyFileError, match=r"grant of cats v1, AI4Code v2\. This needs the master"):
        find_master_key()


def test_packing_with_a_grant(
    cats: Competition, prepared: Path, key: MasterKey, grant: Grant, tmp_path: Path
) -> None:
    packed = pack(cats, prepared, tmp_path / "out", key=grant)
    assert packed.manifest.key_id == key.key_id
    assert pack(cats, prepared, tmp_path / "out", key=key).status == "unchanged"
    assert len(load_private(tmp_path / "out", key=key)) == 2
    dogs = make_competition(tmp_path / "catalogue" / "dogs")
    with pytest.raises(KeyFileError, match="not dogs v1"):
        pack(dogs, make_prepared(dogs, tmp_path / "dogs"), tmp_path / "other", key=grant)
    assert not (tmp_path / "other").exists()
