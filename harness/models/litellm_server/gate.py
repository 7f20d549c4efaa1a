"""What stands before LiteLLM: keys of attempts, the few paths that agents need, their budgets."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from .ledger import Account, Call, Ledger
from .request_rules import COUNTED, FREE, RefusedRequestError, check_request

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Largest request: images in base64 need some room.
MAX_BODY_BYTES = 64 * 1024 * 1024
#: Seconds after an answer in which LiteLLM must have told what it was.
_SETTLE_SECONDS = 15.0
#: Headers of a request that reach LiteLLM; others could steer it.
_HANDED_ON = frozenset({b"accept", b"anthropic-version", b"anthropic-beta"})
#: Headers of an answer that reach the agent; others tell of the operator's providers.
_HANDED_BACK = frozenset({b"content-type", b"retry-after", b"cache-control"})
_KEY_HEADERS = (b"authorization", b"x-api-key", b"api-key")


class Gate:
    """An ASGI application that hands on to another what agents may ask.

    Parameters
    ----------
    app : callable
        LiteLLM's application.
    ledger : Ledger
        Attempts and their counts.
    inner_key : str
        Key of LiteLLM's application, which nobody else has.
    hidden : iterable of str
        Keys of providers, which must not come back in an error.
    hosted_tools : bool
        As for `check_request`.
    models : iterable of str
        Names that the operator has given, with `*` for any characters.
    """

    def __init__(
        self,
        app: App,
        ledger: Ledger,
        *,
        inner_key: str,
        hidden: Iterable[str],
        hosted_tools: bool,
        models: Iterable[str],
    ) -> None:
        self._app = app
        self._ledger = ledger
        self._inner_key = inner_key
        self._hidden = [text.encode() for text in hidden if text]
        self._hosted_tools = hosted_tools
        self._names = sorted(models)
        self._listed = frozenset(name for name in self._names if "*" not in name)
        self._offered = re.compile(
            "|".join(".+".join(map(re.escape, name.split("*"))) for name in self._names)
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = re.sub(r"^(/v1)?/|/$", "", scope["path"])
        headers = dict(scope["headers"])
        account = self._account(headers)
        if account is None:
            await _error(send, 401, "The key is not, or no longer, that of a running attempt.")
        elif scope["method"] == "GET" and path == "models":
            entries = [_entry(name) for name in sorted(self._listed)]
            await _answer(send, 200, {"object": "list", "data": entries})
        elif scope["method"] == "GET" and self._is_offered(path.removeprefix("models/")):
            await _answer(send, 200, _entry(path.removeprefix("models/")))
        elif scope["method"] == "POST" and path in COUNTED | FREE:
            await self._ask(scope, path, headers, account, receive, send)
        else:
            known = ", ".join(f"/v1/{name}" for name in sorted(COUNTED))
            await _error(send, 404, f"{scope['method']} {scope['path']} is not here; {known} are.")

    def _account(self, headers: dict[bytes, bytes]) -> Account | None:
        for name in _KEY_HEADERS:
            value = headers.get(name, b"").decode("latin-1")
            account = self._ledger.find(re.sub(r"^bearer\s+", "", value, flags=re.IGNORECASE))
            if account is not None:
                return account
        return None

    def _is_offered(self, model: str) -> bool:
        return self._offered.fullmatch(model) is not None

    async def _ask(
        self,
        scope: Scope,
        path: str,
        headers: dict[bytes, bytes],
        account: Account,
        receive: Receive,
        send: Send,
    ) -> None:
        try:
            body = check_request(
                await _read_json(receive), hosted_tools=self._hosted_tools, listed=self._listed
            )
            if not self._is_offered(body["model"]):
                raise RefusedRequestError(
                    f"there is no model {body['model']!r}; there are {', '.join(self._names)}"
                )
        except RefusedRequestError as error:
            self._ledger.refuse(account)
            await _error(send, 400, f"Refused: {error}.")
            return
        except ConnectionError:
            return  # the agent went away before it had asked
        refusal = account.refusal()
        if refusal is not None:
            self._ledger.refuse(account)
            await _error(send, *refusal)
            return
        number = uuid.uuid4().hex
        content = json.dumps(body).encode()
        inner = {
            **scope,
            "path": f"/v1/{path}",
            "raw_path": f"/v1/{path}".encode(),
            "query_string": b"",
            "headers": [
                *((name, value) for name, value in headers.items() if name in _HANDED_ON),
                (b"content-type", b"application/json"),
                (b"content-length", str(len(content)).encode()),
                (b"authorization", f"Bearer {self._inner_key}".encode()),
                (b"x-litellm-call-id", number.encode()),
            ],
        }
        answer = _Answer(send, self._hidden)
        if path in FREE:
            await self._app(inner, _body(content), answer.send)
            return
        call = self._ledger.open(number, account, body["model"])
        try:
            # The whole answer is taken, even if the agent goes away meanwhile: it is paid for.
            await self._app(inner, _body(content), answer.send)
        finally:
            answered = answer.status is not None and answer.status < 400
            if answered:
                await _settled(call)
            self._ledger.close(number, answered=answered)


def _entry(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "mlebench"}


async def _settled(call: Call) -> None:
    """Wait until a request was counted."""
    loop = asyncio.get_running_loop()
    last = loop.time() + _SETTLE_SECONDS
    while not call.settled and loop.time() < last:
        await asyncio.sleep(0.02)


async def _read_json(receive: Receive) -> Any:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise RefusedRequestError(f"the body is larger than {MAX_BODY_BYTES} bytes")
        parts.append(part)
        if not message.get("more_body"):
            break
    try:
        return json.loads(b"".join(parts))
    except (ValueError, RecursionError) as error:
        raise RefusedRequestError(f"the body is not JSON: {error}") from error


def _body(content: bytes) -> Receive:
    """Return what gives a body, and never that the agent went away."""
    given = False

    async def receive() -> Message:
        nonlocal given
        if given:
            await asyncio.Event().wait()
        given = True
        return {"type": "http.request", "body": content, "more_body": False}

    return receive


class _Answer:
    """Hands an answer back to the agent, errors without the keys of providers."""

    def __init__(self, send: Send, hidden: list[bytes]) -> None:
        self.status: int | None = None
        self._send = send
        self._hidden = hidden
        self._start: Message = {}
        self._parts: list[bytes] = []

    async def send(self, message: Message) -> None:
        """Take the next part of the answer."""
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            headers = [item for item in message.get("headers", []) if item[0] in _HANDED_BACK]
            self._start = {**message, "headers": headers}
            if self.status < 400:
                await self._send(self._start)
        elif message["type"] == "http.response.body":
            if self.status is not None and self.status < 400:
                await self._send({**message, "body": self._masked(message.get("body", b""))})
                return
            self._parts.append(message.get("body", b""))
            if not message.get("more_body"):
                await self._give_error()

    def _masked(self, content: bytes) -> bytes:
        for text in self._hidden:
            content = content.replace(text, b"***")
        return content

    async def _give_error(self) -> None:
        content = self._masked(b"".join(self._parts))
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": content, "more_body": False})


async def _answer(send: Send, status: int, content: Any) -> None:
    body = json.dumps(content).encode()
    headers = [(b"content-type", b"application/json")]
    if status == 429:
        headers.append((b"retry-after", b"5"))
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _error(send: Send, status: int, text: str) -> None:
    kind = {401: "authentication_error", 429: "insufficient_quota"}.get(
        status, "invalid_request_error"
    )
    # Both OpenAI's and Anthropic's clients find their fields in it.
    await _answer(
        send,
        status,
        {"type": "error", "error": {"type": kind, "code": kind, "message": text, "param": None}},
    )
