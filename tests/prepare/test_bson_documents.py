"""The products of the Cdiscount competition are taken out of their file as they are."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlebench_data.catalogue import load_competition
from mlebench_data.errors import PrepareError
from mlebench_data.modules import load_module
from mlebench_data.prepare import prepare

COMPETITION = load_competition("cdiscount-image-classification-challenge")
MODULE: Any = load_module(COMPETITION.folder / "prepare.py")


def element(kind: int, name: str, value: bytes) -> bytes:
    return bytes([kind]) + name.encode() + b"\0" + value


def document(*elements: bytes) -> bytes:
    body = b"".join(elements)
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def pictures(*contents: bytes) -> bytes:
    return document(
        *(
            element(
                0x03,
                str(place),
                document(element(0x05, "picture", struct.pack("<ib", len(data), 0) + data)),
            )
            for place, data in enumerate(contents)
        )
    )


ID = element(0x10, "_id", struct.pack("<i", 7))
LARGE_ID = element(0x12, "_id", struct.pack("<q", 7 << 40))
CATEGORY = element(0x10, "category_id", struct.pack("<i", 1000010653))
PICTURES = element(0x04, "imgs", pictures(b"\xff\xd8one\0", b""))
# A value of every type that has a size.
OTHERS = b"".join(
    [
        *(element(kind, f"k{kind}", bytes(size)) for kind, size in MODULE._SIZES.items()),
        element(0x02, "text", struct.pack("<i", 3) + b"\xc3\xa9\0"),
    ]
)


def read(content: bytes) -> list[dict[str, tuple[int, int, int]]]:
    stream = io.BytesIO(content)
    return [
        MODULE.elements(item, "x.bson", number)
        for number, item in enumerate(MODULE.documents(stream, "x.bson"))
    ]


@pytest.mark.parametrize("identity", [ID, LARGE_ID])
def test_class_is_cut_out(identity: bytes) -> None:
    whole = document(identity, CATEGORY, OTHERS, PICTURES)
    (places,) = read(whole)
    assert MODULE.rewrite(whole, places) == whole
    assert MODULE.rewrite(whole, places, "category_id") == document(identity, OTHERS, PICTURES)


def test_id_comes_first() -> None:
    whole = document(PICTURES, CATEGORY, ID)
    (places,) = read(whole)
    assert MODULE.rewrite(whole, places) == document(ID, PICTURES, CATEGORY)


@pytest.mark.parametrize("zipped", [False, True])
def test_parts_keep_the_order_of_the_file(tmp_path: Path, zipped: bool) -> None:
    ids = [5, 3, 9, 1, 8, 2, 7, 6, 4, 0]
    heads = [element(0x12, "_id", struct.pack("<q", number)) for number in ids]
    products = {
        number: (document(CATEGORY, head, PICTURES), document(head, CATEGORY, PICTURES))
        for number, head in zip(ids, heads, strict=True)
    }
    files = {
        "train.bson": b"".join(raw for raw, _ in products.values()),
        "category_names.csv": b"category_id\n1000010653\n",
    }
    source = tmp_path / "raw"
    if zipped:
        source = tmp_path / "raw.zip"
        with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        source.mkdir()
        for name, content in files.items():
            (source / name).write_bytes(content)

    folder = prepare(COMPETITION, data_dir=tmp_path / "data", raw=source, skip_lock=True).folder

    header, row = (folder / "private/answers.csv").read_text().split()
    held_out = int(row.partition(",")[0])
    assert (header, row) == ("_id,category_id", f"{held_out},1000010653")
    train = b"".join(tidy for number, (_, tidy) in products.items() if number != held_out)
    assert (folder / "public/train.bson").read_bytes() == train
    assert (folder / "public/train_example.bson").read_bytes() == train
    head = heads[ids.index(held_out)]
    assert (folder / "public/test.bson").read_bytes() == document(head, PICTURES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x05\0\0", "no BSON document begins at number 0"),
        (b"\x04\0\0\0\0", "no BSON document begins at number 0"),
        (document(ID) + b"\xff\xff\xff\xff", "no BSON document begins at number 1"),
        (document(ID)[:-1], "ends within document 0"),
        (document(ID)[:-1] + b"\x01", "ends within document 0"),
        (document(element(0x77, "x", b"")), "document 0 is no BSON that can be read"),
        (document(b"\x10no_end"), "document 0 is damaged"),
        (document(element(0x10, "x", b"")), "document 0 is damaged"),
        (document(element(0x02, "x", b"\xff\xff\xff\xff")), "document 0 is no BSON"),
    ],
)
def test_damaged_files_are_refused(content: bytes, message: str) -> None:
    with pytest.raises(PrepareError, match=message):
        read(content)


@given(place=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_any_damage_is_refused_or_harmless(place: int, byte: int) -> None:
    content = bytearray(document(ID, CATEGORY, OTHERS, PICTURES) * 2)
    content[place % len(content)] = byte
    try:
        found = read(bytes(content))
    except PrepareError as error:
        assert "x.bson" in str(error)
    else:
        assert len(found) >= 1
