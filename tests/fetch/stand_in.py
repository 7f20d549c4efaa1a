"""A stand-in for Kaggle's HTTP interface, which fails when it is told to."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
import random
import threading
import zipfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "token-of-somebody"
USER, KEY = "somebody", "key-of-somebody"

GET_COMPETITION = "/v1/competitions.CompetitionApiService/GetCompetition"
DOWNLOAD = "/v1/competitions.CompetitionApiService/DownloadDataFiles"
INTROSPECT = "/v1/security.OAuthService/IntrospectToken"
STORAGE = "/storage"

#: Larger than what the library writes at a time, so that an interrupted download leaves something.
PADDING = 3_500_000


def make_zip(seed: str) -> bytes:
    """Make the raw data of the tiny competition, and some more."""
    text = "".join(f"r{number},{number / 7},{number % 2}\n" for number in range(20))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("labelled.csv", "id,x,label\n" + text)
        archive.writestr("padding.bin", random.Random(seed).randbytes(PADDING))
    return stream.getvalue()


@dataclass
class Held:
    """A competition as Kaggle has it."""

    content: bytes
    entered: bool = True
    refusal: str | None = None
    #: Whether the storage tells what object it sends, and sends parts of it.
    resumable: bool = True


@dataclass
class Fault:
    """What goes wrong in one answer: a status, or something that happens to the content."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    #: Cut the connection after this many bytes of content.
    cut_after: int | None = None
    #: Called after `cut_after` bytes have been sent, instead of cutting the connection.
    then: Callable[[], None] | None = None
    #: Sent instead of the content, under the right length and name.
    content: bytes | None = None


class StandIn:
    """The server; `competitions` and `faults` may be changed at any time."""

    def __init__(self) -> None:
        self.competitions: dict[str, Held] = {}
        #: Faults of the next answers to a kind of request.
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        #: Kind of request, competition and `Range` of all requests so far.
        self.requests: list[tuple[str, str, str | None]] = []
        self.sent = 0
        self.expired: set[str] = set()
        self._signatures = itertools.count()
        self._lock = threading.Lock()
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
                stand_in.answer_call(self, body)

            def do_GET(self) -> None:
                stand_in.answer_storage(self)

            def log_message(self, *arguments: Any) -> None:
                """Keep the tests' output clean."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        # Connections that end in the middle are what this is for.
        self.server.handle_error = lambda *arguments: None  # type: ignore[method-assign]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        """Stop serving."""
        self.server.shutdown()
        self.server.server_close()

    def of_kind(self, kind: str) -> list[tuple[str, str | None]]:
        """Competition and `Range` of the requests of one kind."""
        return [(name, range_) for found, name, range_ in self.requests if found == kind]

    def _note(self, kind: str, name: str, range_: str | None = None) -> Fault:
        with self._lock:
            self.requests.append((kind, name, range_))
            return self.faults[kind].pop(0) if self.faults[kind] else Fault()

    def answer_call(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """Answer a call of the programming interface."""
        name = body.get("competitionName", "")
        fault = self._note(handler.path, name)
        if fault.status is not None:
            return _json(handler, fault.status, _message(fault.status), **fault.headers)
        if handler.path == INTROSPECT:
            active = body.get("token") == TOKEN
            return _json(handler, 200, {"active": active, "username": USER} if active else {})
        if handler.headers["Authorization"] not in (f"Bearer {TOKEN}", _basic()):
            return _json(handler, 401, _message(401))
        held = self.competitions.get(name)
        if held is None:
            return _json(handler, 404, _message(404))
        if handler.path == GET_COMPETITION:
            return _json(handler, 200, {"ref": name, "userHasEntered": held.entered})
        assert handler.path == DOWNLOAD, handler.path
        if not held.entered or held.refusal is not None:
            return _json(handler, 403, {"code": 403, "message": held.refusal or "Forbidden"})
        # As there: the zip lies elsewhere, at an address that is good for a while.
        address = f"{STORAGE}/{name}.zip?signature={next(self._signatures)}"
        _send(handler, 302, b"", {"Location": self.url + address})
        return None

    def answer_storage(self, handler: BaseHTTPRequestHandler) -> None:
        """Send a zip, or the part of it that is asked for."""
        name = handler.path.removeprefix(f"{STORAGE}/").partition(".zip")[0]
        fault = self._note(STORAGE, name, handler.headers["Range"])
        if handler.path in self.expired:
            return _send(handler, 400, b"<Error>ExpiredToken</Error>", {})
        if fault.status is not None:
            return _send(handler, fault.status, b"<Error/>", fault.headers)
        held = self.competitions[name]
        content = held.content
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        headers = {"Content-Type": "application/zip"}
        if held.resumable:
            headers |= {"ETag": etag, "Accept-Ranges": "bytes"}
        status, start = 200, 0
        asked = handler.headers["Range"]
        if asked and held.resumable and handler.headers["If-Range"] in (None, etag):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            status = 206
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        content = (fault.content or content)[start:]
        _begin(handler, status, len(content), headers)
        if fault.cut_after is not None:
            self._write(handler, content[: fault.cut_after])
            if fault.then is None:
                # The address is used up as well, as it is after a long time.
                self.expired.add(handler.path)
                handler.close_connection = True
                return None
            fault.then()
            content = content[fault.cut_after :]
        self._write(handler, content)
        return None

    def _write(self, handler: BaseHTTPRequestHandler, content: bytes) -> None:
        for start in range(0, len(content), 1 << 16):
            block = content[start : start + (1 << 16)]
            try:
                handler.wfile.write(block)
                handler.wfile.flush()
            except OSError:  # the client has seen enough
                handler.close_connection = True
                return
            self.sent += len(block)


def _basic() -> str:
    return "Basic " + base64.b64encode(f"{USER}:{KEY}".encode()).decode()


def _message(status: int) -> dict[str, Any]:
    return {"code": status, "message": f"stand-in says {status}"}


def _begin(handler: BaseHTTPRequestHandler, status: int, length: int, headers: Any) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(length))
    handler.end_headers()


def _send(handler: BaseHTTPRequestHandler, status: int, content: bytes, headers: Any) -> None:
    _begin(handler, status, len(content), headers)
    handler.wfile.write(content)


def _json(handler: BaseHTTPRequestHandler, status: int, content: Any, **headers: str) -> None:
    _send(
        handler,
        status,
        json.dumps(content).encode(),
        {"Content-Type": "application/json", **headers},
    )
