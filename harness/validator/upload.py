"""Taking a file out of the body of an HTTP request, however large, onto the disk."""

from __future__ import annotations

import mmap
import time
from email.message import Message
from email.parser import BytesHeaderParser
from io import BufferedIOBase
from pathlib import Path

_BLOCK = 1024 * 1024
_LONGEST_HEADER = 16 * 1024


class BadUploadError(Exception):
    """The body cannot be used.

    Attributes
    ----------
    status : int
        HTTP status that says so.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def receive(
    stream: BufferedIOBase, headers: Message, target: Path, *, max_bytes: int, seconds: float
) -> None:
    """Write the file that a request carries.

    Parameters
    ----------
    stream : io.BufferedIOBase
        The body.
    headers : email.message.Message
        Headers of the request. With `multipart/form-data` the file is the field that has a file
        name, or is called `file`; otherwise it is the body.
    target : pathlib.Path
        Where it goes.
    max_bytes : int
        How large the body may be.
    seconds : float
        How long it may take.

    Raises
    ------
    BadUploadError
        If the body is too large or slow, is cut off, or holds no file.
    """
    length = headers.get("Content-Length", "")
    if not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in headers:
        raise BadUploadError(411, "the request must say how long its body is (Content-Length)")
    if len(length) > 20 or int(length) > max_bytes:
        raise BadUploadError(413, f"a submission may have {max_bytes:,} bytes at most")
    if headers.get_content_maintype() != "multipart":
        _copy(stream, target, int(length), seconds)
        return
    boundary = headers.get_boundary()
    if not boundary:
        raise BadUploadError(400, "the multipart body has no boundary")
    body = target.with_suffix(".body")
    try:
        _copy(stream, body, int(length), seconds)
        _take_file(body, boundary.encode("latin-1", "replace"), target, seconds)
    finally:
        body.unlink(missing_ok=True)


def _copy(stream: BufferedIOBase, target: Path, length: int, seconds: float) -> None:
    last = time.monotonic() + seconds
    left = length
    with target.open("wb") as output:
        while left:
            block = stream.read1(min(left, _BLOCK))
            if not block:
                raise BadUploadError(400, "the body is shorter than the request said")
            if time.monotonic() > last:
                raise BadUploadError(408, f"the body took more than {seconds:.0f} seconds")
            output.write(block)
            left -= len(block)


def _take_file(body: Path, boundary: bytes, target: Path, seconds: float) -> None:
    """Copy the part of a multipart body that is a file."""
    delimiter = b"\r\n--" + boundary
    with body.open("rb") as stream:
        if body.stat().st_size == 0:
            raise BadUploadError(400, "the body is empty")
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            # Of the first delimiter, the line break before it may be missing.
            place = 0 if content[: len(delimiter) - 2] == delimiter[2:] else content.find(delimiter)
            while place >= 0:
                head = content.find(b"\r\n", place + 2)
                end_of_head = content.find(b"\r\n\r\n", head, head + _LONGEST_HEADER)
                if head < 0 or end_of_head < 0:
                    break
                start = end_of_head + 4
                # A part without content has its delimiter right behind its head.
                end = content.find(delimiter, end_of_head + 2)
                if end < 0:
                    raise BadUploadError(400, "the multipart body is cut off")
                if _is_file(content[head + 2 : start]):
                    stream.seek(start)
                    _copy(stream, target, max(end - start, 0), seconds)
                    return
                place = end
    raise BadUploadError(400, "the multipart body holds no file; send it as the field 'file'")


def _is_file(head: bytes) -> bool:
    message = BytesHeaderParser().parsebytes(head)
    name = message.get_param("name", header="Content-Disposition")
    return name == "file" or message.get_filename() is not None
