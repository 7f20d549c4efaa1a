"""A server that speaks OpenAI's protocol and answers what a test wants, without any model."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PROMPT_TOKENS = 100
COMPLETION_TOKENS = 10
#: In USD; a request costs 100 * 0.001 + 10 * 0.002.
PRICES = {"input_cost_per_token": 0.001, "output_cost_per_token": 0.002}
COST = 0.12
USAGE = {
    "prompt_tokens": PROMPT_TOKENS,
    "completion_tokens": COMPLETION_TOKENS,
    "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
}

#: What the key is called in the environment, and what it is.
KEY_NAME = "FAKE_PROVIDER_KEY"
REAL_KEY = "sk-real-key-of-the-provider"

Reply = Callable[[dict[str, Any]], str | dict[str, Any]]


@dataclass
class FakeModel:
    """What a server answers, and what it was asked.

    Attributes
    ----------
    address : str
        Its `api_base`.
    reply : callable
        Makes the text of an answer from a request; a dict becomes the arguments of a call of the
        tool that was offered.
    requests : list of dict
        Bodies, in the order they came.
    keys : list of str
        Keys that came with them.
    seconds : float
        Time that an answer takes.
    status : int
        Anything but 200 is answered by an error that repeats the key.
    """

    address: str = ""
    reply: Reply = lambda body: "Hello"
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    seconds: float = 0.0
    status: int = 200

    def entry(self, name: str, **more: Any) -> dict[str, Any]:
        """Return an entry of a model list that leads to this server."""
        return {
            "model_name": name,
            "litellm_params": {
                "model": f"openai/{name}",
                "api_base": self.address,
                "api_key": f"os.environ/{KEY_NAME}",
            },
            **more,
        }


def _message(fake: FakeModel, body: dict[str, Any]) -> dict[str, Any]:
    said = fake.reply(body)
    if isinstance(said, str):
        return {"role": "assistant", "content": said}
    function = {"name": body["tools"][0]["function"]["name"], "arguments": json.dumps(said)}
    call = {"id": "call_1", "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def _handler(fake: FakeModel) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *values: object) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            key = self.headers["Authorization"].removeprefix("Bearer ")
            fake.requests.append(body)
            fake.keys.append(key)
            time.sleep(fake.seconds)
            if fake.status != 200:
                self.answer({"error": {"message": f"not with {key}"}}, fake.status)
            elif self.path.endswith("/embeddings"):
                item = {"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}
                self.answer({"object": "list", "model": "m", "data": [item], "usage": {**USAGE}})
            elif self.path.endswith("/responses"):
                text = {"type": "output_text", "text": fake.reply(body), "annotations": []}
                message = {"type": "message", "id": "m1", "role": "assistant", "content": [text]}
                self.answer(
                    {
                        "id": "r1",
                        "object": "response",
                        "created_at": 1,
                        "status": "completed",
                        "model": body["model"],
                        "output": [{**message, "status": "completed"}],
                        "usage": {
                            "input_tokens": PROMPT_TOKENS,
                            "output_tokens": COMPLETION_TOKENS,
                            "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
                        },
                    }
                )
            elif not self.path.endswith("/chat/completions"):
                self.answer({"error": {"message": f"no {self.path}"}}, 404)
            elif body.get("stream"):
                self.stream(body)
            else:
                self.answer(
                    {
                        "id": "c1",
                        "object": "chat.completion",
                        "created": 1,
                        "model": body["model"],
                        "choices": [
                            {"index": 0, "message": _message(fake, body), "finish_reason": "stop"}
                        ],
                        "usage": USAGE,
                    }
                )

        def answer(self, content: object, status: int = 200) -> None:
            text = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def stream(self, body: dict[str, Any]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            words = str(_message(fake, body)["content"]).split(" ")
            deltas: list[dict[str, Any]] = [{"content": word + " "} for word in words]
            for delta in [*deltas, {}]:
                time.sleep(fake.seconds / len(words))
                choice = {"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}
                self.event(body, choices=[choice])
            if (body.get("stream_options") or {}).get("include_usage"):
                self.event(body, choices=[], usage=USAGE)
            self.wfile.write(b"data: [DONE]\n\n")

        def event(self, body: dict[str, Any], **content: object) -> None:
            facts = {"id": "c1", "object": "chat.completion.chunk", "created": 1}
            text = json.dumps({**facts, "model": body["model"], **content})
            self.wfile.write(f"data: {text}\n\n".encode())
            self.wfile.flush()

    return Handler


@contextmanager
def fake_model_server() -> Iterator[FakeModel]:
    """Serve a fake model at a port of this machine."""
    fake = FakeModel()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(fake))
    server.daemon_threads = True
    fake.address = f"http://127.0.0.1:{server.server_address[1]}/v1"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
