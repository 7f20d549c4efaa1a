"""The gate before an application that stands for LiteLLM's."""

from __future__ import annotations

import asyncio
import json

import pytest

from mlebench_data.harness.models.litellm_server import gate as gate_module
from mlebench_data.harness.models.litellm_server.gate import Gate
from mlebench_data.harness.models.litellm_server.ledger import Ledger

BODY = {"model": "m", "messages": []}


class Upstream:
    """An application that answers, and tells the ledger what it was."""

    def __init__(self) -> None:
        self.scopes: list[dict] = []
        self.bodies: list[dict] = []
        self.status = 200
        self.parts = [b'{"ok": ', b"1}"]
        self.cost: float | None = 0.25
        self.ledger: Ledger | None = None

    async def __call__(self, scope, receive, send) -> None:
        self.scopes.append(scope)
        self.bodies.append(json.loads((await receive())["body"]))
        headers = [
            (b"content-type", b"application/json"),
            (b"x-litellm-model-api-base", b"http://inner"),
        ]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        for number, part in enumerate(self.parts):
            more = number + 1 < len(self.parts)
            await send({"type": "http.response.body", "body": part, "more_body": more})
        if self.status == 200 and self.ledger is not None:
            number = dict(scope["headers"])[b"x-litellm-call-id"].decode()
            self.ledger.settle(number, prompt_tokens=3, completion_tokens=4, cost_usd=self.cost)


class Site:
    """A gate, and an agent's way to it."""

    def __init__(self, folder) -> None:
        self.upstream = Upstream()
        self.ledger = Ledger("table", lambda label: None, lambda text: None)
        self.upstream.ledger = self.ledger
        self.account = self.ledger.admit("sk-mine", "a/b", folder / "usage.json", 1.0)
        self.gate = Gate(
            self.upstream,
            self.ledger,
            inner_key="inner",
            hidden=["sk-provider", ""],
            hosted_tools=False,
            models=["m", "gpt-*"],
        )

    def ask(self, path="/v1/chat/completions", method="POST", *, leaves=False, **given):
        """Ask; return status, headers and body of the answer."""
        content = given.get("content", json.dumps(given.get("body", BODY)).encode())
        headers = given.get("headers", {"authorization": "Bearer sk-mine"})
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"x=1",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        messages = [{"type": "http.request", "body": content[:5], "more_body": True}]
        if leaves:
            messages.append({"type": "http.disconnect"})
        messages.append({"type": "http.request", "body": content[5:]})
        sent = []

        async def receive():
            return messages.pop(0)

        async def send(message):
            sent.append(message)

        asyncio.run(self.gate(scope, receive, send))
        if not sent:
            return None
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return sent[0]["status"], dict(sent[0]["headers"]), body


@pytest.fixture
def site(tmp_path, monkeypatch) -> Site:
    monkeypatch.setattr(gate_module, "_SETTLE_SECONDS", 0.1)
    return Site(tmp_path)


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer sk-mine"},
        {"authorization": "bearer  sk-mine"},
        {"x-api-key": "sk-mine"},
        {"authorization": "Bearer other", "api-key": "sk-mine"},
    ],
)
def test_key(site, headers):
    steering = {"x-litellm-tags": "a", "x-api-base": "http://x", "anthropic-version": "1"}
    status, given, body = site.ask(headers={**headers, **steering})
    assert (status, body) == (200, b'{"ok": 1}')
    assert given == {b"content-type": b"application/json"}
    (scope,) = site.upstream.scopes
    inner = dict(scope["headers"])
    assert inner[b"authorization"] == b"Bearer inner"
    assert inner[b"anthropic-version"] == b"1"
    assert not {b"x-litellm-tags", b"x-api-base", b"x-api-key", b"api-key"} & inner.keys()
    assert scope["query_string"] == b""
    assert (site.account.totals.requests, site.account.totals.prompt_tokens) == (1, 3)
    assert site.account.in_flight == 0


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer sk-other"}, {"authorization": ""}, {"x-api-key": ""}]
)
def test_wrong_key(site, headers):
    assert site.ask(headers=headers)[0] == 401
    assert site.upstream.scopes == []


def test_revoked_key(site):
    site.ledger.revoke("sk-mine")
    assert site.ask()[0] == 401


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/", "GET"),
        ("/key/generate", "POST"),
        ("/v1/files", "POST"),
        ("/v1/responses/resp_1", "GET"),
        ("/v1/chat/completions", "GET"),
        ("/v1/../key/generate", "POST"),
        ("/v1/v1/chat/completions", "POST"),
        ("/v1/models/other", "GET"),
        ("/metrics", "GET"),
    ],
)
def test_other_paths(site, path, method):
    assert site.ask(path, method)[0] == 404
    assert site.upstream.scopes == []


@pytest.mark.parametrize(
    "path",
    ["/chat/completions", "/v1/chat/completions/", "/v1/embeddings", "/v1/messages", "/responses"],
)
def test_paths_that_are_handed_on(site, path):
    assert site.ask(path)[0] == 200
    (scope,) = site.upstream.scopes
    assert scope["path"] == "/v1/" + path.removeprefix("/v1").strip("/")
    assert scope["raw_path"].decode() == scope["path"]


def test_models(site):
    listed = json.loads(site.ask("/v1/models", "GET")[2])
    assert [entry["id"] for entry in listed["data"]] == ["m"]
    assert json.loads(site.ask("/v1/models/gpt-9", "GET")[2])["id"] == "gpt-9"
    assert site.ask(body={**BODY, "model": "gpt-9"})[0] == 200
    status, _, body = site.ask(body={**BODY, "model": "claude-9"})
    assert status == 400
    assert b"there are gpt-*, m" in body


@pytest.mark.parametrize(
    "content", [b"", b"no", b"[]", b"[" * 100_000, b'{"model": "m", "api_base": "http://x"}']
)
def test_bad_bodies(site, content):
    status, _, body = site.ask(content=content)
    assert status == 400
    assert json.loads(body)["error"]["message"].startswith("Refused: ")
    assert site.upstream.scopes == []
    assert site.account.refused == 1


def test_body_that_is_too_large(site, monkeypatch):
    monkeypatch.setattr(gate_module, "MAX_BODY_BYTES", 20)
    status, _, body = site.ask()
    assert status == 400
    assert b"larger than 20 bytes" in body


def test_agent_that_leaves_before_it_has_asked(site):
    assert site.ask(leaves=True) is None
    assert site.upstream.scopes == []
    assert site.account.in_flight == 0


@pytest.mark.parametrize("status", [200, 401, 500])
def test_keys_of_providers_do_not_come_back(site, status):
    site.upstream.status = status
    site.upstream.parts = [b"not with sk-provider", b"!"]
    found, headers, body = site.ask()
    assert (found, body) == (status, b"not with ***!")
    assert headers == {b"content-type": b"application/json"}
    assert site.account.failed == (status != 200)


def test_budget(site):
    for _ in range(4):
        assert site.ask()[0] == 200
    status, headers, body = site.ask()
    assert status == 429
    assert headers[b"retry-after"] == b"5"
    error = json.loads(body)["error"]
    assert error["code"] == "insufficient_quota"
    assert "1.000000 of 1.000000 USD" in error["message"]
    assert len(site.upstream.scopes) == 4


def test_answer_that_is_never_counted_uses_up_a_budget(site):
    site.upstream.ledger = None
    assert site.ask()[0] == 200
    assert site.ask()[0] == 429


def test_application_that_breaks_is_counted_as_a_failure(site):
    site.upstream.parts = []
    site.upstream.status = 500
    site.ask()
    assert (site.account.failed, site.account.in_flight) == (1, 0)
