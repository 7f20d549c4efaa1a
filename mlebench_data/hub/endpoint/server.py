"""The endpoint as a web server."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from typing import Any

from mlebench_data.errors import MlebenchError
from mlebench_data.extras import import_extra
from mlebench_data.hub.endpoint.asgi import WHY, application
from mlebench_data.hub.endpoint.core import Endpoint

PATIENCE = 5
"""Seconds that transfers which are under way get to finish when the server is told to stop."""

IDLE = 75
"""Seconds that a connection without requests is kept for the next one."""


def serve(
    endpoint: Endpoint,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Parameters
    ----------
    endpoint : Endpoint
        What answers.
    host : str
        Address to listen on.
    port : int
        Port; 0 takes a free one.
    ready : callable
        Called with the address of the server as soon as it takes requests.

    Raises
    ------
    MlebenchError
        If the address cannot be listened on.
    MissingExtraError
        If uvicorn or starlette is not installed.
    """
    uvicorn = import_extra("uvicorn", extra="serve", why=WHY)
    listener = _listen(host, port)
    config = uvicorn.Config(
        application(endpoint),
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=PATIENCE,
        timeout_keep_alive=IDLE,
        # The name of the software and its version are nobody's business.
        server_header=False,
    )
    # uvicorn passes the signal that stopped it on to whoever handled it before.
    before = {which: signal.signal(which, _done) for which in (signal.SIGINT, signal.SIGTERM)}
    try:
        ready(_url(host, listener.getsockname()[1]))
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        listener.close()
        for which, handler in before.items():
            signal.signal(which, handler)


def _done(number: int, frame: Any) -> None:
    """Take the signal for what it is: the wish that the server stops, which it has."""


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # Ready for requests from here on: they wait until the server runs.
        return socket.create_server((host, port), family=family, backlog=256)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise MlebenchError(
            f"Cannot listen on {host}, port {port}: {reason}. Another server may be there; choose "
            "another port with --port, or --port 0 for any that is free."
        ) from error


def _url(host: str, port: int) -> str:
    # 0.0.0.0 and :: mean every address of this machine, and are none themselves.
    name = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"
