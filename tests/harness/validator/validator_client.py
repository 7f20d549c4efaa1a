"""Requests to a validator through its socket."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlebench_data.harness.validator.server import ValidatorServer

NewValidator = Callable[..., ValidatorServer]


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = connect(self._path)


def connect(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(30)
    client.connect(str(path))
    return client


@dataclass
class Answer:
    """What the validator said."""

    status: int
    text: str

    @property
    def content(self) -> Any:
        return json.loads(self.text)


def ask(
    validator: ValidatorServer,
    body: bytes,
    *,
    path: str = "/validate",
    method: str = "POST",
    **headers: str,
) -> Answer:
    """Send one request through the validator's socket."""
    connection = _UnixConnection(validator.folder / "socket")
    try:
        connection.request(
            method, path, body, {name.replace("_", "-"): value for name, value in headers.items()}
        )
        response = connection.getresponse()
        return Answer(response.status, response.read().decode())
    finally:
        connection.close()
