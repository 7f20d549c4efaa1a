"""Files packed as 7z: what is in them, and the same bytes at every run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mlebench_data.errors import PrepareError
from mlebench_data.raw.archives import open_archive

pytest.importorskip("py7zr")
FILES = ["public/b.txt", "public/deep/a.txt"]


def _pack(make_context: Any, operation: Any, time: int = 1) -> Any:
    context = make_context()
    for path in FILES:
        target = context.target(path)
        target.write_text(path)
        os.utime(target, (time, time))
    operation("zip_outputs", files=FILES, path="public/x.7z").run(context)
    return context


def test_members(make_context: Any, operation: Any, tmp_path: Path) -> None:
    context = _pack(make_context, operation)
    archive = open_archive(context.output / "public/x.7z", tmp_path / "extracted")
    assert archive.names() == ["a.txt", "b.txt"]
    member = archive.open("a.txt")
    assert member is not None
    with member:
        assert member.read() == b"public/deep/a.txt"
    assert all((context.output / path).is_file() for path in FILES)


def test_bytes_do_not_depend_on_the_time(make_context: Any, operation: Any) -> None:
    context = _pack(make_context, operation)
    for path in FILES:
        os.utime(context.output / path, (2_000_000_000, 2_000_000_000))
    operation("zip_outputs", files=FILES, path="public/y.7z", remove=True).run(context)
    packed = [(context.output / f"public/{name}.7z").read_bytes() for name in "xy"]
    assert packed[0] == packed[1]
    assert not any((context.output / path).exists() for path in FILES)


def test_file_that_is_not_there(make_context: Any, operation: Any) -> None:
    step = operation("zip_outputs", files=["public/c.txt"], path="public/x.7z")
    with pytest.raises(PrepareError, match="is to be packed before it is written"):
        step.run(make_context())
