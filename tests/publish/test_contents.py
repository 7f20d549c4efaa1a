"""Which files of a repository may be sent."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from packed_by_hand import (
    SECRET,
    sha256,
    tree_of,
    write_list,
    write_manifest,
    write_sealed,
)

from mlebench_data.errors import DataNotFoundError, MlebenchError
from mlebench_data.hub.layout import CARD, MANIFEST, SEALED_LIST
from mlebench_data.hub.publish.contents import Contents, Item
from mlebench_data.hub.publish.errors import PublishError
from mlebench_data.hub.publish.folder_place import FolderPlace
from mlebench_data.hub.publish.repository_contents import read_contents

MakeRepository = Callable[..., Path]

ANSWERS = "private/answers-00000.parquet"
PLAIN = b"id,label\n" + SECRET * 20


def test_a_repository_as_packed_is_listed_whole(repository: Path) -> None:
    _, contents = read_contents(repository)
    sent = {item.path: item.open().read() for item in contents.items}
    assert sent == tree_of(repository)
    assert [item.path for item in contents.items][-2:] == [CARD, MANIFEST]
    assert [item.path for item in contents.items if item.sealed] == [ANSWERS]
    assert (contents.name, contents.version, contents.gated) == ("iris-species", "v1", False)


def test_answers_in_a_sibling_are_listed_as_a_gated_repository(
    make_repository: MakeRepository,
) -> None:
    root = make_repository(private_part="sibling")
    _, public = read_contents(root)
    assert not any(item.path.startswith("private/") for item in public.items)
    _, sealed = read_contents(root.with_name("iris-species-private"))
    assert (sealed.name, sealed.gated) == ("iris-species-private", True)
    assert {item.path for item in sealed.items} == {ANSWERS, SEALED_LIST, CARD, MANIFEST}


@pytest.mark.parametrize("path", [".gitattributes", ".cache/huggingface/x.lock"])
def test_what_the_hubs_client_leaves_in_a_copy_is_not_sent(repository: Path, path: str) -> None:
    (repository / path).parent.mkdir(parents=True, exist_ok=True)
    (repository / path).write_bytes(SECRET)
    _, contents = read_contents(repository)
    assert path not in {item.path for item in contents.items}


def _stray(path: str) -> Callable[[Path], str]:
    def change(root: Path) -> str:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(PLAIN)
        return path

    return change


def _listed_among_contents(path: str) -> Callable[[Path], str]:
    def change(root: Path) -> str:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(PLAIN)
        write_manifest(root, ["data/train-00000.parquet", path])
        return path

    return change


def _listed_as_sealed(content: bytes, path: str = ANSWERS) -> Callable[[Path], str]:
    def change(root: Path) -> str:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
        write_list(root, [path])
        return path

    return change


def _other_sealed_file(root: Path) -> str:
    write_sealed(root / "other.parquet")
    (root / "other.parquet").rename(root / ANSWERS)
    return ANSWERS


def _same_size(path: str) -> Callable[[Path], str]:
    def change(root: Path) -> str:
        content = (root / path).read_bytes()
        (root / path).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        return path

    return change


def _longer(root: Path) -> str:
    with (root / "data/train-00000.parquet").open("ab") as stream:
        stream.write(SECRET)
    return "data/train-00000.parquet"


def _link(path: str, to: str) -> Callable[[Path], str]:
    def change(root: Path) -> str:
        (root.parent / "secret").mkdir(exist_ok=True)
        (root.parent / "secret/test.csv").write_bytes(PLAIN)
        (root / path).unlink(missing_ok=True)
        (root / path).symlink_to(root.parent / to)
        return path

    return change


def _pipe(root: Path) -> str:
    (root / "data/test-00000.parquet").unlink()
    os.mkfifo(root / "data/test-00000.parquet")
    return "data/test-00000.parquet"


def _list_of_another_version(root: Path) -> str:
    write_list(root, [ANSWERS], version="v2")
    return SEALED_LIST


HOSTILE = {
    "unsealed answers": _stray("private/test.csv"),
    "unsealed answers, deep": _stray("private/a/b/test.csv"),
    "plain Parquet": _stray("private/answers-00001.parquet"),
    "stray file": _stray("notes.txt"),
    "stray hidden file": _stray(".answers"),
    "stray data": _stray("data/answers-00000.parquet"),
    "partial file": _stray("private/.answers-00000.parquet.partial"),
    "the manifest calls an answer unsealed": _listed_among_contents("private/test.csv"),
    "the manifest lists a file at the top": _listed_among_contents("answers.csv"),
    "the manifest lists a folder of its own": _listed_among_contents("answers/test.csv"),
    "the manifest lists another folder's case": _listed_among_contents("Private/test.csv"),
    "listed as sealed, but CSV": _listed_as_sealed(PLAIN),
    "listed as sealed, but plain Parquet": _listed_as_sealed(b"PAR1" + os.urandom(99) + b"PAR1"),
    "listed as sealed, begins like it": _listed_as_sealed(b"PARE" + os.urandom(999)),
    "listed as sealed, text between": _listed_as_sealed(b"PARE" + PLAIN + b"PARE"),
    "listed as sealed, text in the middle": _listed_as_sealed(
        b"PARE" + os.urandom(99_999) + PLAIN * 300 + os.urandom(99_999) + b"PARE"
    ),
    "listed as sealed elsewhere": _listed_as_sealed(PLAIN, "data/answers-00000.parquet"),
    "listed as sealed, no Parquet": _listed_as_sealed(PLAIN, "private/test.csv"),
    "another sealed file": _other_sealed_file,
    "a sealed file with a flipped bit": _same_size(ANSWERS),
    "a longer file": _longer,
    "a link to a file": _link("data/test-00000.parquet", "secret/test.csv"),
    "a link among the answers": _link(ANSWERS, "secret/test.csv"),
    "a link to a folder": _link("files/public/more", "secret"),
    "a named pipe": _pipe,
    "a list of sealed files of another version": _list_of_another_version,
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_anything_else_is_refused_by_name(repository: Path, change: Callable[[Path], str]) -> None:
    path = change(repository)
    with pytest.raises(PublishError, match="must not be published") as refusal:
        read_contents(repository)
    assert str(repository / path) in str(refusal.value)
    assert SECRET.decode() not in str(refusal.value)


@pytest.mark.parametrize("path", [CARD, SEALED_LIST, ANSWERS, "files/public/empty.txt", MANIFEST])
def test_what_is_missing_is_named(repository: Path, path: str) -> None:
    (repository / path).unlink()
    with pytest.raises(DataNotFoundError, match=path.rpartition("/")[2]):
        read_contents(repository)


def test_a_sealed_part_beside_a_sibling_is_refused(make_repository: MakeRepository) -> None:
    root = make_repository(private_part="sibling")
    write_sealed(root / ANSWERS)
    with pytest.raises(PublishError, match=ANSWERS):
        read_contents(root)


@pytest.mark.parametrize("text", ["{}", "[]", "not JSON", '{"format": 1}'])
@pytest.mark.parametrize("path", [MANIFEST, SEALED_LIST])
def test_a_malformed_manifest_is_refused(repository: Path, path: str, text: str) -> None:
    (repository / path).write_text(text)
    with pytest.raises(MlebenchError, match="valid manifest"):
        read_contents(repository)


SMALL, LARGE = b"x" * 100, b"y" * (9 << 20)


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("sealed", [False, True])
def test_a_file_that_changed_since_the_check_is_not_sent(
    tmp_path: Path, content: bytes, sealed: bool
) -> None:
    path = tmp_path / "file"
    path.write_bytes(SECRET + content[len(SECRET) :])
    item = Item("file", len(content), sha256(content), path, sealed=sealed)
    place = FolderPlace(str(tmp_path), "out")
    contents = Contents("out", "v1", (item,))
    with pytest.raises(PublishError, match="changed"):
        place.send(contents, place.plan(contents, retag=False))
    assert not any(SECRET in found for found in tree_of(tmp_path / "out").values())


def test_a_file_that_grows_or_vanishes_is_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "file"
    item = Item("file", len(SMALL), sha256(SMALL), path)
    with pytest.raises(PublishError, match="cannot be read any more"):
        item.open()
    path.write_bytes(SMALL + SECRET)
    with pytest.raises(PublishError, match="changed"):
        item.open()


def test_a_file_turned_into_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(SMALL)
    (tmp_path / "file").symlink_to("other")
    with pytest.raises(PublishError, match="cannot be read any more"):
        Item("file", len(SMALL), sha256(SMALL), tmp_path / "file").open()


def test_reading_a_large_file_ends_when_it_is_written_to(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(LARGE)
    with Item("file", len(LARGE), sha256(LARGE), path).open() as stream:
        assert stream.read(1000) == LARGE[:1000]
        with path.open("r+b") as writer:
            writer.seek(5 << 20)
            writer.write(SECRET)
        read = bytearray()
        with pytest.raises(PublishError, match="while it was being published"):
            while chunk := stream.read(1 << 16):
                read += chunk
        assert SECRET not in read


def test_a_large_file_that_is_replaced_is_sent_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(LARGE)
    (tmp_path / "new").write_bytes(SECRET)
    with Item("file", len(LARGE), sha256(LARGE), path).open() as stream:
        (tmp_path / "new").rename(path)
        assert stream.read() == LARGE
