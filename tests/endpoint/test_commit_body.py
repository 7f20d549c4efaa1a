"""Commits as they come in: cut anywhere, with contents that do not go through memory."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlebench_data.hub.endpoint import commit_body
from mlebench_data.hub.endpoint.commit_body import CommitBody, read_commit
from mlebench_data.hub.endpoint.messages import RefusedError

SHORT = 96
"""Bytes of a line that are held in memory, in these tests."""


@pytest.fixture(autouse=True, scope="module")
def short_lines() -> Iterator[None]:
    """Let lines be long much earlier."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commit_body, "_LONGEST_LINE", SHORT)
        patch.setattr(commit_body, "LARGEST_INLINE", 1000)
        yield


def line(key: str, value: dict[str, Any], **style: Any) -> bytes:
    return json.dumps({"key": key, "value": value}, **style).encode() + b"\n"


def added(path: str, content: bytes, **style: Any) -> bytes:
    text = base64.b64encode(content).decode()
    return line("file", {"content": text, "path": path, "encoding": "base64"}, **style)


def read(body: bytes, cut: int, folder: str) -> CommitBody:
    pieces = [body[at : at + cut] for at in range(0, len(body), cut)]
    return read_commit([b"", *pieces], Path(folder))


@settings(deadline=None)
@given(
    contents=st.lists(st.binary(max_size=400), max_size=5),
    cut=st.integers(1, 500),
    compact=st.booleans(),
    is_ended=st.booleans(),
)
def test_contents_are_those_sent(
    contents: list[bytes], cut: int, compact: bool, is_ended: bool
) -> None:
    style: dict[str, Any] = {"separators": (",", ":")} if compact else {}
    parts = [line("header", {"summary": "title"})]
    parts += [added(f"f{n}", content, **style) for n, content in enumerate(contents)]
    parts.append(line("deletedFile", {"path": "old"}))
    body = b"".join(parts)
    with TemporaryDirectory() as folder:
        commit = read(body if is_ended else body[:-1], cut, folder)
        assert commit.title == "title"
        *files, removed = commit.changes
        assert removed.path == "old" and removed.content is None
        found = [(change.path, change.content and change.content.read_bytes()) for change in files]
        assert found == [(f"f{n}", content) for n, content in enumerate(contents)]


@pytest.mark.parametrize("name", ['"content": "', 'a\\"content":"b', "content"])
def test_a_name_is_not_taken_for_the_content(tmp_path: Path, name: str) -> None:
    text = base64.b64encode(b"x" * 300).decode()
    body = line("file", {"path": name, "encoding": "base64", "content": text})
    (change,) = read(body, 50, str(tmp_path)).changes
    assert change.path == name
    assert change.content is not None and change.content.read_bytes() == b"x" * 300


LONG = added("a", b"x" * 300)
PADDED = base64.b64encode(b"x" * 40)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (added("a", b"x" * 1001), 413),
        (LONG[:200], 400),
        (LONG[:-40], 400),
        (LONG.replace(b"eHh4", b"e\\n4", 1), 400),
        (LONG.replace(b"eHh4eHh4", PADDED, 1), 400),
        (LONG.replace(b'"base64"', b'"utf-8"'), 413),
        (line("header", {"summary": "x" * 200}), 413),
        (LONG[:-3] + b'"' + b" " * 200 + b"}}\n", 413),
    ],
)
@pytest.mark.parametrize("cut", [1, 7, 60])
def test_refused(tmp_path: Path, body: bytes, status: int, cut: int) -> None:
    with pytest.raises(RefusedError) as caught:
        read(body, cut, str(tmp_path))
    assert caught.value.status == status
