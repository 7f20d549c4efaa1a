"""Zips packed by several processes hold the bytes that `zipfile` writes; bad ones are refused."""

from __future__ import annotations

import io
import os
import random
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from mlebench_data.raw import RawArchive, RawTree
from mlebench_data.recipe import Context, operation_types
from mlebench_data.workers.deflating import DEFLATED, Member, deflate_all

EPOCH = (1980, 1, 1, 0, 0, 0)


def _files(count: int) -> dict[str, bytes]:
    """Make files of many kinds: empty, compressible, not compressible, larger than a batch."""
    generator = random.Random(0)
    files = {"empty": b"", "ünï/cödé": b"text" * 9, "large": b"abcdefgh" * 200_000}
    for number in range(count):
        content = generator.randbytes(number % 300) + bytes(number % 7 * 50)
        files[f"{number % 5}/{number}.bin"] = content
    return files


def _zip(files: dict[str, bytes], method: int) -> bytes:
    """Pack files with `zipfile` alone."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in sorted(files.items()):
            info = zipfile.ZipInfo(name, date_time=EPOCH)
            info.compress_type = method
            info.create_system = 3
            info.external_attr = 0o100644 << 16
            with archive.open(info, "w") as member:
                member.write(content)
    return stream.getvalue()


def _context(tmp_path: Path, files: dict[str, bytes], kind: str) -> Context:
    """Make a recipe's context over files on disk or in an archive."""
    raw = tmp_path / "raw"
    raw.mkdir()
    if kind == "disk":
        for name, content in files.items():
            (raw / "files" / name).parent.mkdir(parents=True, exist_ok=True)
            (raw / "files" / name).write_bytes(content)
    else:
        method = zipfile.ZIP_STORED if kind == "stored" else zipfile.ZIP_DEFLATED
        method = zipfile.ZIP_BZIP2 if kind == "bzip2" else method
        with zipfile.ZipFile(raw / "files.zip", "w", method) as archive:
            for name, content in files.items():
                # An extra field longer than what is read ahead, in some.
                info = zipfile.ZipInfo(name)
                info.compress_type = method
                info.extra = b"\xfe\xca\x2c\x01" + bytes(300) if len(name) % 2 else b""
                archive.writestr(info, content)
    tree = RawTree(
        raw,
        [RawArchive(path="files.zip", extract_to="files")],
        "Get it.",
        scratch=tmp_path / "scratch",
    )
    return Context(tree, tmp_path / "out", tmp_path, values={"t": pd.DataFrame({"n": [*files]})})


@pytest.mark.parametrize("count", [20, 700])
@pytest.mark.parametrize("kind", ["disk", "stored", "deflated", "bzip2"])
@pytest.mark.parametrize("compression", ["stored", "deflated"])
def test_same_bytes_as_zipfile(tmp_path: Path, kind: str, count: int, compression: str) -> None:
    files = _files(count)
    context = _context(tmp_path, files, kind)
    operation = operation_types()["zip_raw_files"].model_validate(
        {
            "op": "zip_raw_files",
            "table": "t",
            "source": "files/{n}",
            "member": "{n}",
            "path": "public/f.zip",
            "compression": compression,
        }
    )
    with context.workers:
        operation.run(context)
        if kind != "bzip2":  # which workers cannot read
            started = compression == "deflated" and count == 700
            assert bool(context.workers._workers) == started
    context.raw.close()
    assert (tmp_path / "out/public/f.zip").read_bytes() == _zip(
        files, zipfile.ZIP_STORED if compression == "stored" else zipfile.ZIP_DEFLATED
    )


def _member(tmp_path: Path, content: bytes) -> Member:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m", content)
        info = archive.getinfo("m")
    return Member(
        str(tmp_path / "a.zip"), info.file_size, "m", 0, info.compress_size, DEFLATED, info.CRC
    )


@pytest.mark.parametrize(
    "change",
    [
        {"crc": 1},
        {"size": 5},  # less than it inflates to
        {"size": 5000},
        {"offset": 3},
        {"offset": 10_000},
    ],
    ids=str,
)
def test_damaged_member_is_refused(tmp_path: Path, change: dict[str, int]) -> None:
    member = _member(tmp_path, b"0123456789" * 40)
    assert deflate_all([member])[0].size == 400
    with pytest.raises(zipfile.BadZipFile, match=r"^'m' in .*a\.zip has "):
        deflate_all([member._replace(**change)])


def test_file_that_vanished_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="gone"):
        deflate_all([Member(os.fspath(tmp_path / "gone"), 3)])
