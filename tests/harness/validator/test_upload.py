"""A file comes out of a request's body as it was, or not at all."""

from __future__ import annotations

import io
from email.message import Message
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlebench_data.harness.validator.upload import BadUploadError, receive

relaxed = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def take(body: bytes, content_type: str | None, folder: Path) -> bytes:
    headers = Message()
    headers["Content-Length"] = str(len(body))
    if content_type is not None:
        headers["Content-Type"] = content_type
    target = folder / "submission.csv"
    target.unlink(missing_ok=True)
    stream = io.BufferedReader(io.BytesIO(body))  # type: ignore[arg-type]
    receive(stream, headers, target, max_bytes=10**6, seconds=10)
    assert [path.name for path in folder.iterdir()] == ["submission.csv"]
    return target.read_bytes()


@relaxed
@given(body=st.binary(max_size=300))
def test_plain_body(body: bytes, tmp_path: Path) -> None:
    assert take(body, "text/csv", tmp_path) == body


@relaxed
@given(
    content=st.binary(max_size=300),
    fields=st.lists(st.binary(max_size=20), max_size=3),
    boundary=st.text("abcXYZ0189-_", min_size=8, max_size=60),
)
def test_form(content: bytes, fields: list[bytes], boundary: str, tmp_path: Path) -> None:
    mark = b"--" + boundary.encode()
    if any(mark in part for part in [content, *fields]):
        return
    head = b"\r\nContent-Disposition: form-data; name="
    body = b"".join(mark + head + b'"note"\r\n\r\n' + part + b"\r\n" for part in fields)
    body += mark + head + b'"x"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\n' + content
    body += b"\r\n" + mark + b"--\r\n"
    assert take(body, f"multipart/form-data; boundary={boundary}", tmp_path) == content


@relaxed
@given(
    body=st.binary(max_size=400)
    | st.lists(
        st.sampled_from(
            [b"--x", b"\r\n", b"--", b'Content-Disposition: form-data; name="file"', b"a"]
        ),
        max_size=20,
    ).map(b"".join)
)
def test_hostile_form(body: bytes, tmp_path: Path) -> None:
    try:
        content = take(body, "multipart/form-data; boundary=x", tmp_path)
    except BadUploadError as error:
        assert error.status == 400
        assert not (tmp_path / "submission.body").exists()
    else:
        assert content in body


@pytest.mark.parametrize("length", ["", "x", "1 0", "+3", "1e3", "٣"])
def test_lengths_that_are_none(length: str, tmp_path: Path) -> None:
    headers = Message()
    headers["Content-Length"] = length
    with pytest.raises(BadUploadError) as caught:
        receive(
            io.BufferedReader(io.BytesIO(b"abc")),  # type: ignore[arg-type]
            headers,
            tmp_path / "a.csv",
            max_bytes=10,
            seconds=1,
        )
    assert caught.value.status == 411
