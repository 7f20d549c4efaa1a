"""Requests and responses as the endpoint sees them, whatever carries them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from urllib.parse import parse_qs

CHUNK = 1 << 20
"""Bytes that are read from a file at once."""

MAX_JSON = 16 << 20
"""Bytes of the longest request body that is read into memory as a whole."""


class RefusedError(Exception):
    """A request that gets an error for an answer.

    Parameters
    ----------
    status : int
        HTTP status, from 400.
    message : str
        What is wrong, for the person who asked.
    code : str, optional
        What clients of the Hub tell errors apart by: ``RepoNotFound``, ``RevisionNotFound``,
        ``EntryNotFound`` or ``GatedRepo``.
    headers : mapping, optional
        Further headers of the answer.
    content : mapping, optional
        Further entries of the JSON answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        content: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})
        self.content = dict(content or {})

    def response(self) -> Response:
        """Return the answer."""
        # Header values are bytes of ASCII; the JSON body says it in full.
        text = str(self).encode("ascii", "replace").decode()
        headers = {"X-Error-Message": "".join(c if c.isprintable() else " " for c in text)}
        if self.code is not None:
            headers["X-Error-Code"] = self.code
        answer = json_response({"error": str(self), **self.content}, status=self.status)
        answer.headers.update(headers | self.headers)
        return answer


class ClientGoneError(Exception):
    """The client went away before its request was complete."""


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes
    ----------
    method : str
        In upper case.
    path : str
        As it was sent, percent-encoded, without the query.
    query : str
        What follows the question mark.
    headers : mapping of str to str
        By name in lower case.
    body : iterable of bytes
        To be read at most once.
    base_url : str
        Under which the client reaches this endpoint, without a slash at the end.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Iterable[bytes] = ()
    base_url: str = ""

    def parameters(self) -> dict[str, list[str]]:
        """Return the parameters of the query."""
        return _parse_form(self.query)

    def flag(self, name: str) -> bool:
        """Tell whether the query asks for something."""
        return self.parameters().get(name, [""])[-1].lower() in ("1", "true")

    def content(self) -> bytes:
        """Read a short body.

        Raises
        ------
        RefusedError
            If it is too long.
        """
        pieces = []
        size = 0
        for piece in self.body:
            size += len(piece)
            if size > MAX_JSON:
                raise RefusedError(413, f"The body of this request may have {MAX_JSON} bytes.")
            pieces.append(piece)
        return b"".join(pieces)

    def json(self) -> dict[str, Any]:
        """Read a body that is a JSON object.

        Raises
        ------
        RefusedError
            If it is anything else.
        """
        content = parse_json(self.content())
        if not isinstance(content, dict):
            raise RefusedError(400, "The body of this request must be a JSON object.")
        return content

    def form(self) -> dict[str, list[str]]:
        """Read a body that is a form."""
        return _parse_form(self.content().decode("utf-8", "replace"))


@dataclass
class FileBody:
    """A part of an open file.

    Attributes
    ----------
    file : binary file
        Closed by whoever sends it.
    offset, length : int
        Which bytes.
    """

    file: BinaryIO
    offset: int
    length: int

    def chunks(self) -> Iterator[bytes]:
        """Read the part and close the file."""
        with self.file:
            self.file.seek(self.offset)
            left = self.length
            while left > 0:
                chunk = self.file.read(min(CHUNK, left))
                if not chunk:
                    # Shorter than announced: the connection breaks, so that nobody takes the
                    # piece for the whole.
                    raise OSError("a file became shorter while it was sent")
                left -= len(chunk)
                yield chunk

    def close(self) -> None:
        """Close the file."""
        self.file.close()


@dataclass
class Response:
    """One answer.

    Attributes
    ----------
    status : int
        HTTP status.
    headers : dict of str to str
        Without the length, which follows from the body.
    body : bytes or FileBody
        What is sent; nothing of it for `HEAD`, though its length is announced.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | FileBody = b""

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return len(self.body) if isinstance(self.body, bytes) else self.body.length

    def close(self) -> None:
        """Release the body without sending it."""
        if isinstance(self.body, FileBody):
            self.body.close()


def json_response(content: Any, status: int = 200) -> Response:
    """Return an answer of JSON."""
    body = json.dumps(content, separators=(",", ":")).encode("ascii")
    return Response(status, {"Content-Type": "application/json"}, body)


def parse_json(content: bytes) -> Any:
    """Parse JSON that a client sent.

    Raises
    ------
    RefusedError
        If it is none.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, f"The body of this request is no JSON: {error}") from error


def text_of(content: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """Return an entry that must be text.

    Raises
    ------
    RefusedError
        If it is missing and has no default, or is no text.
    """
    value = content.get(name)
    value = default if value is None else value
    if not isinstance(value, str):
        raise RefusedError(400, f"The body of this request must have the text '{name}'.")
    return value


def _parse_form(text: str) -> dict[str, list[str]]:
    try:
        return parse_qs(text, max_num_fields=100_000)
    except ValueError as error:
        raise RefusedError(400, f"Too many parameters: {error}") from error
