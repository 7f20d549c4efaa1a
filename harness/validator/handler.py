"""The validator's side of HTTP: one request a connection, from a client that is not trusted."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from email.message import Message
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase
from typing import Any

from mlebench_data.harness.validator.checking import Verdict
from mlebench_data.harness.validator.upload import BadUploadError

Validate = Callable[[Message, BufferedIOBase], Verdict]

#: Connections at a time. Of their requests, one is checked and the others wait.
_CONNECTIONS = 8
#: Seconds for which what a refused client still sends is taken, so that it gets to read why.
_DRAIN_SECONDS = 3.0


class Handler(BaseHTTPRequestHandler):
    """Answers `POST /validate` and `GET /health`."""

    protocol_version = "HTTP/1.1"
    server_version = "mlebench-validator"
    sys_version = ""
    #: Seconds of silence after which a connection is given up.
    timeout = 60

    server: SocketServer | PortServer

    def do_GET(self) -> None:
        """Tell that the validator is there."""
        if self.path == "/health":
            self._answer(200, {"status": "running"}, "running")
        else:
            self._refuse(404, "GET /health or POST /validate")

    def do_POST(self) -> None:
        """Check what the request carries."""
        if self.path.rstrip("/") != "/validate":
            self._refuse(404, "POST the file to /validate")
            return
        try:
            verdict = self.server.validate(self.headers, self.rfile)
        except BadUploadError as error:
            self._refuse(error.status, str(error))
        else:
            content = {
                "valid": verdict.valid,
                "reason": verdict.reason,
                "result": verdict.text(),
                "ids_checked": verdict.ids_checked,
            }
            self._answer(200 if verdict.valid is not None else 503, content, verdict.text())

    def _refuse(self, status: int, reason: str) -> None:
        verdict = Verdict(None, reason)
        content = {"valid": None, "reason": reason, "result": verdict.text()}
        self._answer(status, content, verdict.text())
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_WR)
        last = time.monotonic() + _DRAIN_SECONDS
        self.connection.settimeout(_DRAIN_SECONDS)
        while time.monotonic() < last and self.rfile.read1(65536):
            continue

    def _answer(self, status: int, content: dict[str, Any], text: str) -> None:
        plain = "text/plain" in self.headers.get("Accept", "")
        body = text if plain else json.dumps(content)
        encoded = (body + "\n").encode("utf-8", "backslashreplace")
        self.send_response(status)
        self.send_header(
            "Content-Type", "text/plain; charset=utf-8" if plain else "application/json"
        )
        self.send_header("Content-Length", str(len(encoded)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, *_: object) -> None:
        """Say nothing: what agents send is not for the harness's output."""


class _Bounded(socketserver.ThreadingMixIn, socketserver.BaseServer):
    """A thread for each connection, and only so many connections."""

    daemon_threads = True
    #: `handle_request` does not wait: it is called when there is something to do.
    timeout = 0
    block_on_close = False

    def __init__(self, validate: Validate, address: Any) -> None:
        self.validate = validate
        self._free = threading.BoundedSemaphore(_CONNECTIONS)
        super().__init__(address, Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread, or close it where there are too many."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that is gone; tell of any other error."""
        import sys

        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class SocketServer(_Bounded, socketserver.UnixStreamServer):
    """Listens on a Unix socket."""

    request_queue_size = 16


class PortServer(_Bounded, socketserver.TCPServer):
    """Listens on a port of this machine's loopback interface."""

    request_queue_size = 16
