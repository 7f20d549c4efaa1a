"""Ports that lead to Unix sockets."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlebench_data.harness.runtimes import loopback_ports

SCRIPT = Path(loopback_ports.__file__)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A port that leads to the socket `echo` in a folder."""
    number = free_port()
    arguments = [sys.executable, "-IS", str(SCRIPT)]
    place = f"{number}={tmp_path / 'echo'}"
    server = subprocess.Popen([*arguments, "serve", place])
    try:
        assert subprocess.run([*arguments, "wait", place], check=False).returncode == 0
        yield number
    finally:
        server.kill()
        server.wait()


def serve_echo(path: Path) -> None:
    """Serve connections: what came by the end of each is sent back."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def answer() -> None:
        while True:
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as stream:
                connection.sendall(stream.read()[::-1])

    threading.Thread(target=answer, daemon=True).start()


def ask(port: int, content: bytes) -> bytes:
    """Return the answer, nothing where the connection is closed or broken instead."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        try:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))
        except OSError:
            return b""


def test_connections(port: int, tmp_path: Path):
    assert ask(port, b"nobody there yet") == b""
    serve_echo(tmp_path / "echo")
    assert ask(port, b"abc") == b"cba"
    large = bytes(range(256)) * 20_000
    assert ask(port, large) == large[::-1]
    (tmp_path / "echo").unlink()
    assert ask(port, b"gone") == b""
    serve_echo(tmp_path / "echo")
    assert ask(port, b"abc") == b"cba", "a socket that was made anew"


def test_waiting_ends(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loopback_ports, "_PATIENCE", 0.1)
    assert loopback_ports.main(["wait", f"{free_port()}=/none"]) == 1
