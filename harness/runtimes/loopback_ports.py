"""Makes ports of the loopback interface lead to Unix sockets.

The text of this file is run inside a sandbox by whatever Python 3 its image has (3.7 or newer), so
it uses the standard library only. Arguments: `serve` or `wait`, then `PORT=SOCKET` for each port.
"""

from __future__ import annotations

import socket
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

_BLOCK = 65536
#: Seconds that the ports have to come up.
_PATIENCE = 15.0


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hand on bytes in one direction until its end, and then the end."""
    while True:
        block = await reader.read(_BLOCK)
        if not block:
            break
        writer.write(block)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def _connect(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one connection; one that cannot be handed on is closed, as by a server that is gone."""
    import asyncio
    import contextlib

    try:
        far_reader, far_writer = await asyncio.open_unix_connection(path)
    except OSError as error:
        print(f"{path}: {error}", file=sys.stderr, flush=True)
        writer.close()
        return
    try:
        # Either side may have gone once it has what it wanted; the other is told by the closing.
        with contextlib.suppress(OSError):
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
    finally:
        far_writer.close()
        writer.close()


def listen(port: int) -> socket.socket:
    """Open a port."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(100)
    return listener


async def serve(listeners: dict[socket.socket, str]) -> None:
    """Serve open ports until killed."""
    import asyncio

    def handler(path: str):  # type: ignore[no-untyped-def]
        return lambda reader, writer: _connect(path, reader, writer)

    for listener, path in listeners.items():
        await asyncio.start_server(handler(path), sock=listener)
    await asyncio.Event().wait()


def wait(ports: dict[int, str]) -> bool:
    """Wait until all ports are open; return whether they are."""
    last = time.monotonic() + _PATIENCE
    for port in ports:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if time.monotonic() > last:
                    return False
                time.sleep(0.02)
    return True


def main(arguments: list[str]) -> int:
    """Do what the first argument says for the ports that the others name."""
    ports = {int(port): path for port, _, path in (part.partition("=") for part in arguments[1:])}
    if arguments[0] == "wait":
        return 0 if wait(ports) else 1
    # Open before anything slow is imported, for the agent waits for that.
    listeners = {listen(port): path for port, path in ports.items()}
    import asyncio

    asyncio.run(serve(listeners))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
