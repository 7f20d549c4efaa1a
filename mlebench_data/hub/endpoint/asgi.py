"""The endpoint as an ASGI application."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mlebench_data.extras import import_extra
from mlebench_data.hub.endpoint.core import Endpoint
from mlebench_data.hub.endpoint.messages import ClientGoneError, FileBody, Request, Response

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.types import Receive, Scope, Send

WHY = "`mlebench serve` runs a web server"

UNREAD = 1 << 20
"""Bytes of a refused request that are still read, so that its sender gets to see the answer."""


PATIENCE = 5
"""Seconds that the sender of such a request has for that."""


def application(endpoint: Endpoint) -> Starlette:
    """Return an ASGI application.

    Parameters
    ----------
    endpoint : Endpoint
        What answers.

    Returns
    -------
    starlette.applications.Starlette
        The application.

    Raises
    ------
    MissingExtraError
        If starlette is not installed.
    """
    applications = import_extra("starlette.applications", extra="serve", why=WHY)
    routing = import_extra("starlette.routing", extra="serve", why=WHY)
    # An object and not a function: Starlette then passes every method on.
    app: Starlette = applications.Starlette(routes=[routing.Mount("/", app=_Bridge(endpoint))])
    return app


class _Bridge:
    """Carries requests to the endpoint, which waits for disks, on threads."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from anyio import to_thread

        if scope["type"] != "http":
            # A websocket: there are none here.
            await send({"type": "websocket.close", "code": 1000})
            return
        body = _Body(receive)
        request = _request(scope, body)
        try:
            response = await to_thread.run_sync(self._endpoint.answer, request)
            await body.drain()
        except ClientGoneError:
            return
        await _send(response, scope, receive, send)


class _Body:
    """The body of a request, pulled from the event loop by the thread that reads it."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._complete = False

    def __iter__(self) -> Iterator[bytes]:
        from anyio import from_thread

        while not self._complete:
            yield from_thread.run(self._next)

    async def _next(self) -> bytes:
        return self._take(await self._receive())

    async def drain(self) -> None:
        """Read what nobody wanted."""
        from anyio import move_on_after

        left = UNREAD
        with move_on_after(PATIENCE):
            while not self._complete and left > 0:
                left -= len(await self._next())

    def _take(self, message: Any) -> bytes:
        if message["type"] == "http.disconnect":
            self._complete = True
            raise ClientGoneError
        self._complete = not message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        return piece


def _request(scope: Scope, body: _Body) -> Request:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        headers[name.decode("latin-1").lower()] = value.decode("latin-1")
    host = headers.get("host")
    if not host or not host.isprintable() or set(host) & set('/\\@?# "<>'):
        server = scope.get("server") or ("localhost", None)
        host = server[0] if server[1] is None else f"{server[0]}:{server[1]}"
    raw = scope.get("raw_path") or scope["path"].encode()
    return Request(
        method=scope["method"].upper(),
        path=raw.partition(b"?")[0].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=body,
        base_url=f"{scope['scheme']}://{host}",
    )


async def _send(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    from starlette import requests, responses

    body = response.body
    answer: responses.Response
    if isinstance(body, FileBody) and scope["method"] != "HEAD":
        # Stops reading when the client goes away.
        answer = responses.StreamingResponse(body.chunks(), response.status)
    else:
        content = body if isinstance(body, bytes) and scope["method"] != "HEAD" else b""
        answer = responses.Response(content, response.status)
    for name, value in response.headers.items():
        answer.headers[name] = value
    if response.status != 304:
        answer.headers["Content-Length"] = str(response.length)
    try:
        await answer(scope, receive, send)
    except requests.ClientDisconnect:
        return
    finally:
        response.close()
