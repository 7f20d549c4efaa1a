"""Sealed files that were changed, exchanged or removed are refused, never read as other answers."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cats_and_dogs import ANSWERS, make_prepared
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tampering import edit, rehash, sign

from mlebench_data.catalogue import Competition
from mlebench_data.errors import DataNotFoundError, IntegrityError, SealError
from mlebench_data.hub import (
    file_rows,
    load_private,
    pack,
    read_private_files,
    read_private_manifest,
)
from mlebench_data.hub.keys import MasterKey

READERS = [load_private, read_private_files, read_private_manifest]
TABLE = "private/answers-00000.parquet"
FILES = "private/files-00000.parquet"
LIST = "private/sealed.json"

# The repository is put back after each example, so one will do for all.
of_one_repository = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def everything(repository: Path, key: MasterKey) -> tuple[list[object], dict[str, bytes]]:
    return (
        load_private(repository, key=key).to_dict("records"),
        read_private_files(repository, key),
    )


@pytest.mark.parametrize("name", [TABLE, FILES, LIST])
@of_one_repository
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
@example(place=0.0, flip=1)
@example(place=0.9999999, flip=0x80)
def test_any_changed_byte_is_refused(
    name: str, place: float, flip: int, repository: Path, key: MasterKey
) -> None:
    path = repository / name
    good = path.read_bytes()
    right = everything(repository, key)
    bad = bytearray(good)
    bad[int(place * len(good))] ^= flip
    try:
        path.write_bytes(bad)
        if name == LIST:
            # A space instead of a line break, say, changes nothing. All else does.
            try:
                assert everything(repository, key) == right
            except (SealError, IntegrityError):
                return
        else:
            with pytest.raises(SealError, match="changed or replaced since it was sealed"):
                everything(repository, key)
            rehash(repository, name)
            with pytest.raises(SealError, match="keyed digest does not fit"):
                everything(repository, key)
    finally:
        path.write_bytes(good)
        sign(repository, key)


@pytest.mark.parametrize("name", [TABLE, FILES, LIST])
@of_one_repository
@given(place=st.floats(0, 1, exclude_max=True))
@example(place=0.0)
def test_any_truncation_is_refused(
    name: str, place: float, repository: Path, key: MasterKey
) -> None:
    path = repository / name
    good = path.read_bytes()
    kept = int(place * (len(good) - 1))
    try:
        path.write_bytes(good[:kept])
        expected = "is no valid manifest" if name == LIST else f"has {kept} bytes instead of"
        with pytest.raises((SealError, IntegrityError), match=expected):
            everything(repository, key)
    finally:
        path.write_bytes(good)


@pytest.mark.parametrize("name", [TABLE, FILES])
def test_the_cipher_alone_finds_every_changed_byte(
    name: str, repository: Path, key: MasterKey
) -> None:
    path = repository / name
    good = path.read_bytes()
    read = load_private if name == TABLE else read_private_files
    positions = {*range(4, 600, 23), *range(600, len(good), 9001), *range(-40, 0)}
    for position in sorted(position % len(good) for position in positions):
        bad = bytearray(good)
        bad[position] ^= 1
        path.write_bytes(bad)
        sign(repository, key)
        with pytest.raises(SealError, match=r"cannot be opened|is damaged"):
            read(repository, key=key)


def test_plaintext_in_place_of_sealed_is_refused(repository: Path, key: MasterKey) -> None:
    pq.write_table(pa.table({"id": [4, 5], "label": ["cat", "cat"]}), repository / TABLE)
    rehash(repository, TABLE)
    with pytest.raises(SealError, match="keyed digest does not fit"):
        load_private(repository, key=key)
    sign(repository, key)
    with pytest.raises(SealError, match="cannot be opened"):
        load_private(repository, key=key)


def test_swapped_sealed_files_are_refused(repository: Path, key: MasterKey) -> None:
    shutil.copy(repository / FILES, repository / TABLE)
    with pytest.raises(
        SealError, match=r"changed or replaced since it was sealed|bytes instead of"
    ):
        load_private(repository, key=key)
    sign(repository, key)
    with pytest.raises(SealError, match="cannot be opened"):
        load_private(repository, key=key)


def pack_two(cats: Competition, folder: Path, key: MasterKey, **changes: object) -> Path:
    prepared = make_prepared(cats, folder / "two", **changes)  # type: ignore[arg-type]
    return pack(cats, prepared, folder / "second", key=key).folder


@pytest.mark.parametrize("read", READERS)
def test_files_of_another_version_do_not_fit(
    read: Callable[..., object],
    cats: Competition,
    repository: Path,
    tmp_path: Path,
    key: MasterKey,
) -> None:
    second = pack_two(cats, tmp_path, key, version="v2")
    shutil.rmtree(repository / "private")
    shutil.copytree(second / "private", repository / "private")
    with pytest.raises(SealError, match="sealed files of cats v2, not those of cats v1"):
        read(repository, key=key)
    # Put in the list by one who has the key: the cipher still knows better.
    shutil.copy(pack_two(cats, tmp_path / "again", key) / "manifest.json", repository)
    mac = json.loads((repository / "manifest.json").read_text())["prepared_mac"]
    edit(repository / LIST, lambda listed: listed.update(version="v1", prepared_mac=mac))
    sign(repository, key)
    with pytest.raises(SealError, match="sealed for another competition or version"):
        read(repository, key=key)


@pytest.mark.parametrize("read", READERS)
def test_older_files_do_not_pass_for_new_ones(
    read: Callable[..., object],
    cats: Competition,
    repository: Path,
    tmp_path: Path,
    key: MasterKey,
) -> None:
    corrected = {"private/answers.csv": ANSWERS.replace(b"dog", b"cat")}
    newer = pack_two(cats, tmp_path, key, private=corrected)
    for name in (TABLE, FILES):
        shutil.copy(repository / name, newer / name)
    with pytest.raises(
        SealError, match=r"changed or replaced since it was sealed|bytes instead of"
    ):
        read(newer, key=key)
    shutil.copy(repository / LIST, newer / LIST)
    with pytest.raises(SealError, match="another preparation of cats v1"):
        read(newer, key=key)


@pytest.mark.parametrize(
    ("read", "name"), [(load_private, TABLE), *((read, FILES) for read in READERS[1:])]
)
def test_removed_parts(
    read: Callable[..., object], name: str, repository: Path, key: MasterKey, tmp_path: Path
) -> None:
    content = (repository / name).read_bytes()
    (repository / name).unlink()
    with pytest.raises(SealError, match="is missing"):
        read(repository, key=key)
    (repository / name).write_bytes(content)
    edit(repository / LIST, lambda listed: listed.update(files=[]))
    with pytest.raises(SealError, match="keyed digest does not fit"):
        read(repository, key=key)
    sign(repository, key)
    with pytest.raises(SealError, match=r"lists no sealed file|do not begin with their manifest"):
        read(repository, key=key)
    (repository / LIST).write_text("{")
    with pytest.raises(IntegrityError, match=r"sealed\.json is no valid manifest"):
        read(repository, key=key)
    shutil.rmtree(repository / "private")
    with pytest.raises(DataNotFoundError, match="has no private part"):
        read(repository, key=key)
    with pytest.raises(DataNotFoundError, match="is no dataset repository"):
        read(tmp_path / "nowhere", key=key)


def test_missing_shard_is_noticed(
    cats: Competition, tmp_path: Path, key: MasterKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlebench_data.hub.shards import ShardWriter

    defaults = dict(ShardWriter.__init__.__kwdefaults__ or {})
    defaults.update(shard_size=3000, row_group_size=1000)
    monkeypatch.setattr(file_rows, "MAX_ARCHIVED_SIZE", 1000)
    monkeypatch.setattr(ShardWriter.__init__, "__kwdefaults__", defaults)
    large = os.urandom(20_500)
    prepared = make_prepared(cats, tmp_path / "prepared", private={"private/large.bin": large})
    repository = pack(cats, prepared, tmp_path / "out", key=key).folder
    assert read_private_files(repository, key)["private/large.bin"] == large
    shards = sorted(path.relative_to(repository) for path in repository.glob("private/files-*"))
    assert len(shards) > 3
    edit(repository / LIST, lambda item: item["files"].pop())
    with pytest.raises(SealError, match="keyed digest does not fit"):
        read_private_files(repository, key)
    sign(repository, key)
    with pytest.raises(SealError, match="missing or not what the sealed manifest says"):
        read_private_files(repository, key)
