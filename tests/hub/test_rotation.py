"""A new master key takes the old one's place, whatever interrupts it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cats_and_dogs import ANSWERS, MARKER, make_competition, make_prepared, tree_of

from mlebench_data.catalogue import Competition
from mlebench_data.errors import DataNotFoundError, KeyFileError, MlebenchError, SealError
from mlebench_data.hub import (
    load_private,
    new_key,
    pack,
    read_key,
    read_private_files,
    read_private_manifest,
    restore,
    rotate,
    write_key_file,
)
from mlebench_data.hub.keys import MasterKey
from mlebench_data.prepare.manifest import Manifest

NAMES = ("cats", "dogs", "owls")


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    new_key(tmp_path / "keys" / "key")
    return tmp_path / "keys" / "key"


@pytest.fixture
def prepared_of(tmp_path: Path) -> dict[str, tuple[Competition, Path]]:
    found = {}
    for name in NAMES:
        competition = make_competition(tmp_path / "catalogue" / name)
        found[name] = (
            competition,
            make_prepared(competition, tmp_path / "prepared" / name, {"notes/a.txt": b"a"}),
        )
    return found


@pytest.fixture
def packed(
    prepared_of: dict[str, tuple[Competition, Path]], tmp_path: Path, key_file: Path
) -> Path:
    """A folder of three repositories, the answers of one of them in a sibling."""
    folder = tmp_path / "packed"
    for name, (competition, prepared) in prepared_of.items():
        pack(competition, prepared, folder / name, key=key_file, private_repo=name == "owls")
    return folder


def opens(folder: Path, key: Path | MasterKey) -> list[str]:
    """Names of the repositories whose answers a key opens."""
    found = []
    for name in NAMES:
        try:
            answers = load_private(folder / name, key=key)
        except SealError:
            continue
        assert answers["label"].tolist() == ["dog", MARKER]
        assert read_private_files(folder / name, key) == {"private/answers.csv": ANSWERS}
        found.append(name)
    return found


def inodes(folder: Path) -> dict[str, int]:
    return {
        path.relative_to(folder).as_posix(): path.stat().st_ino
        for path in folder.rglob("*")
        if path.is_file() and path.parts[len(folder.parts) + 1] in ("data", "files")
    }


def test_rotation(
    packed: Path, key_file: Path, tmp_path: Path, prepared_of: dict[str, tuple[Competition, Path]]
) -> None:
    old = read_key(key_file)
    public = inodes(packed)
    done = rotate([packed], key_file=key_file)
    new = read_key(key_file)
    assert (done.old_id, done.new_id) == (old.key_id, new.key_id)
    assert done.old_file == key_file.with_name(f"key.{old.key_id}")
    assert read_key(done.old_file) == old
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in key_file.parent.iterdir())
    assert sorted(path.name for path in key_file.parent.iterdir()) == ["key", f"key.{old.key_id}"]
    assert [(path.name, status) for path, status in done.repositories] == [
        (name, "resealed") for name in ("owls-private", *NAMES)
    ]
    assert opens(packed, key_file) == list(NAMES)
    assert opens(packed, done.old_file) == []
    assert inodes(packed) == public, "public files are linked, not copied"
    for name, (_, prepared) in prepared_of.items():
        assert read_private_manifest(packed / name, key_file) == Manifest.read(prepared)
        restored = restore(packed / name, tmp_path / "restored" / name).folder
        assert tree_of(restored) == tree_of(prepared / "public")
    assert not list(packed.rglob(".*"))


def test_result_is_as_packed_with_the_new_key(
    packed: Path,
    key_file: Path,
    tmp_path: Path,
    prepared_of: dict[str, tuple[Competition, Path]],
) -> None:
    rotate([packed], key_file=key_file)
    for name, (competition, prepared) in prepared_of.items():
        apart = name == "owls"
        again = pack(competition, prepared, packed / name, key=key_file, private_repo=apart)
        assert again.status == "unchanged"
        fresh = tmp_path / "fresh" / name
        pack(competition, prepared, fresh, key=key_file, private_repo=apart)
        pairs = [(packed / name, fresh)]
        if apart:
            pairs.append((packed / "owls-private", fresh.with_name("owls-private")))
        for rotated, made in pairs:
            trees = [tree_of(rotated), tree_of(made)]
            assert trees[0].keys() == trees[1].keys()
            sealed = {path for path in trees[0] if path.startswith("private/")}
            for path in trees[0].keys() - sealed:
                assert trees[0][path] == trees[1][path], path
            for path in sealed - {"private/sealed.json"}:
                assert (rotated / path).stat().st_size == (made / path).stat().st_size


def test_single_repository_takes_its_sibling_along(packed: Path, key_file: Path) -> None:
    done = rotate([packed / "owls"], key_file=key_file)
    assert [status for _, status in done.repositories] == ["resealed"]
    assert opens(packed, key_file) == ["owls"]


def test_key_in_another_file(packed: Path, key_file: Path, tmp_path: Path) -> None:
    before = key_file.read_bytes()
    done = rotate([packed], key_file=key_file, out=tmp_path / "new-key")
    assert key_file.read_bytes() == before
    assert (done.key_file, done.old_file) == (tmp_path / "new-key", key_file)
    assert opens(packed, tmp_path / "new-key") == list(NAMES)
    assert sorted(path.name for path in key_file.parent.iterdir()) == ["key"]
    with pytest.raises(KeyFileError, match="never overwritten"):
        rotate([packed], key_file=key_file, out=tmp_path / "new-key")


def test_key_in_no_file(
    packed: Path, key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLEBENCH_KEY", key_file.read_text())
    with pytest.raises(KeyFileError, match="--out"):
        rotate([packed])
    done = rotate([packed], out=tmp_path / "new-key")
    assert done.old_file is None
    assert opens(packed, tmp_path / "new-key") == list(NAMES)


def test_repository_of_another_key_is_left_alone(
    packed: Path, key_file: Path, prepared_of: dict[str, tuple[Competition, Path]]
) -> None:
    other = MasterKey(b"o" * 32)
    pack(*prepared_of["dogs"], packed / "dogs", key=other)
    before = tree_of(packed / "dogs")
    done = rotate([packed], key_file=key_file)
    assert [status for path, status in done.repositories if path.name == "dogs"] == ["other key"]
    assert tree_of(packed / "dogs") == before
    assert opens(packed, key_file) == ["cats", "owls"]


def test_damaged_repository_stops_the_end_but_not_the_others(packed: Path, key_file: Path) -> None:
    old = key_file.read_bytes()
    sealed = packed / "cats/private/files-00000.parquet"
    good = sealed.read_bytes()
    sealed.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    harmed = tree_of(packed / "cats")
    with pytest.raises(MlebenchError, match=r"1 of 4 repositories(?s:.*)changed or replaced"):
        rotate([packed], key_file=key_file)
    assert key_file.read_bytes() == old
    assert tree_of(packed / "cats") == harmed
    assert opens(packed, key_file.with_name("key.next")) == ["dogs", "owls"]
    sealed.write_bytes(good)
    done = rotate([packed], key_file=key_file)
    assert done.resumed
    assert opens(packed, key_file) == list(NAMES)


@pytest.mark.parametrize("broken", ["", "---\nx: [\n---\n", "---\n{}\n---\nbody"])
def test_unknown_card_is_refused(broken: str, packed: Path, key_file: Path) -> None:
    (packed / "cats/README.md").write_text(broken)
    with pytest.raises(MlebenchError, match=r"README\.md is not as `mlebench pack` wrote it"):
        rotate([packed], key_file=key_file)


def test_no_repository(key_file: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataNotFoundError, match="no dataset repository"):
        rotate([tmp_path / "empty"], key_file=key_file)
    assert [path.name for path in key_file.parent.iterdir()] == ["key"]


def test_without_repositories(key_file: Path) -> None:
    old = read_key(key_file)
    done = rotate(key_file=key_file)
    assert done.new_id != old.key_id and done.repositories == []


def test_grant_cannot_be_rotated(key: MasterKey, tmp_path: Path) -> None:
    write_key_file(tmp_path / "grant", key.grant([("cats", "v1")]))
    with pytest.raises(KeyFileError, match="needs the master key"):
        rotate(key_file=tmp_path / "grant")


def test_empty_file_of_a_killed_rotation(key_file: Path) -> None:
    key_file.with_name("key.next").touch(mode=0o600)
    assert not rotate(key_file=key_file).resumed


def test_foreign_file_in_the_old_key_s_place(key_file: Path) -> None:
    old = read_key(key_file)
    new_key(key_file.with_name(f"key.{old.key_id}"))
    with pytest.raises(KeyFileError, match="holds another"):
        rotate(key_file=key_file)
    assert read_key(key_file) == old


KILLED = """
import os, sys
from pathlib import Path
from mlebench_data.hub import folders, repository, resealing, rotation

left = int(sys.argv[3])

def dying(function):
    def step(*arguments, **options):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return function(*arguments, **options)
    return step

# Everything that changes the disk passes one of these.
for name in ("link", "rename", "replace"):
    setattr(os, name, dying(getattr(os, name)))
for name in ("rename", "replace", "write_text", "mkdir"):
    setattr(Path, name, dying(getattr(Path, name)))
folders.shutil.rmtree = dying(folders.shutil.rmtree)
resealing.write_sealed_list = dying(resealing.write_sealed_list)
rotation.rotate([Path(sys.argv[1])], key_file=Path(sys.argv[2]))
print("finished")
"""


def test_killed_anywhere_it_goes_on(packed: Path, key_file: Path, tmp_path: Path) -> None:
    first = read_key(key_file)
    finished = False
    kills = 0
    # Killed after one more step each time, and gone on with from there.
    for steps in range(1, 40):
        ended = subprocess.run(
            [sys.executable, "-c", KILLED, str(packed), str(key_file), str(steps * 4)],
            capture_output=True,
            text=True,
            check=False,
        )
        finished = "finished" in ended.stdout
        if finished:
            break
        assert ended.returncode == 9, ended.stderr
        kills += 1
        assert key_file.is_file()
    assert finished and kills >= 5
    assert opens(packed, key_file) == list(NAMES)
    kept = [path for path in key_file.parent.iterdir() if path != key_file]
    assert [read_key(path) for path in kept] == [first], "one new key, however often killed"
    assert not list(packed.glob(".*"))


def test_killed_between_the_two_renames(
    packed: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    old_place = packed / f".dogs.old-{dead.pid}"
    (packed / "dogs").rename(old_place)
    shutil.copytree(old_place, packed / f".dogs.partial-{dead.pid}")
    done = rotate([packed], key_file=key_file)
    assert [path.name for path, _ in done.repositories][1:] == list(NAMES)
    assert opens(packed, key_file) == list(NAMES)
    assert not list(packed.glob(".*"))


def test_two_rotations_at_once(packed: Path, key_file: Path) -> None:
    from mlebench_data.hub.locks import try_lock

    new_key(key_file.with_name("key.next"))
    held = try_lock(key_file.with_name("key.next"), shared=False)
    assert held is not None
    with held, pytest.raises(KeyFileError, match="Another rotation"):
        rotate([packed], key_file=key_file)
    assert rotate([packed], key_file=key_file).resumed


def test_file_system_without_hard_links(
    packed: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(95, "Operation not supported")

    before = read_key(key_file)
    monkeypatch.setattr(os, "link", refuse)
    done = rotate([packed], key_file=key_file)
    assert done.old_file is not None
    assert read_key(done.old_file) == before
    assert opens(packed, key_file) == list(NAMES)


def test_interrupted_between_public_part_and_sibling_is_told(packed: Path, key_file: Path) -> None:
    manifest = json.loads((packed / "owls/manifest.json").read_text())
    rotate([packed / "owls-private"], key_file=key_file)
    with pytest.raises(SealError, match="was interrupted"):
        load_private(packed / "owls", key=key_file.with_name(f"key.{manifest['key_id']}"))
