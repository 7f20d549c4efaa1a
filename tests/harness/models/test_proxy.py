"""The proxy with LiteLLM in it, before a fake model server."""

from __future__ import annotations

import http.client
import json
import os
import stat
import sys
import textwrap
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from command_line import wait_for
from fake_model_server import COST, KEY_NAME, PRICES, REAL_KEY, FakeModel, fake_model_server

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.models.model_list import ModelList, load_models
from mlebench_data.harness.models.proxy import ModelProxy
from mlebench_data.harness.runtimes.sandbox import ModelAccess

FREE = {"input_cost_per_token": 0, "output_cost_per_token": 0}


def models_at(fake: FakeModel, folder: Path, *entries: dict) -> ModelList:
    path = folder / "models.yaml"
    path.write_text(
        json.dumps({"model_list": list(entries), "router_settings": {"num_retries": 0}})
    )
    return load_models(path, {KEY_NAME: REAL_KEY})


@dataclass
class Site:
    """A proxy, and an attempt that may ask."""

    fake: FakeModel
    proxy: ModelProxy
    folder: Path
    access: ModelAccess

    def ask(self, path: str = "/v1/chat/completions", **body: object) -> tuple[int, str]:
        """Ask at a path; return status and answer."""
        body = {"model": "fake", "messages": [{"role": "user", "content": "Hi"}], **body}
        request = urllib.request.Request(
            self.access.environment["ANTHROPIC_BASE_URL"] + path,
            json.dumps(body).encode(),
            {
                "Content-Type": "application/json",
                "Authorization": "Bearer " + self.access.environment["OPENAI_API_KEY"],
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def usage(self) -> dict:
        return json.loads((self.folder / "usage.json").read_text())

    def wait_for_requests(self, number: int) -> dict:
        wait_for(lambda: self.usage()["requests"] == number)
        return self.usage()


@pytest.fixture(scope="module")
def running(
    llm_python: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[FakeModel, ModelProxy]]:
    """A proxy in front of a fake model server."""
    folder = tmp_path_factory.mktemp("run")
    with fake_model_server() as fake:
        models = models_at(
            fake,
            folder,
            fake.entry("fake", model_info=PRICES),
            fake.entry("free", model_info=FREE),
            fake.entry("unpriced"),
        )
        environment = {
            **os.environ,
            KEY_NAME: REAL_KEY,
            # What would make LiteLLM look elsewhere must not reach it.
            "DATABASE_URL": "postgresql://127.0.0.1:1/none",
            "LITELLM_MASTER_KEY": "sk-of-another",
        }
        proxy = ModelProxy(
            models, folder, isolates=False, python=llm_python, environment=environment
        )
        proxy.check()
        with proxy:
            yield fake, proxy


@pytest.fixture
def site(running: tuple[FakeModel, ModelProxy], tmp_path: Path) -> Iterator[Site]:
    fake, proxy = running
    label = f"tiny/{tmp_path.name}"
    yield Site(fake, proxy, tmp_path, proxy.access(label, tmp_path))
    proxy.revoke(label, tmp_path)
    fake.status, fake.seconds = 200, 0.0


@pytest.mark.parametrize(
    ("path", "more", "answer"),
    [
        ("/v1/chat/completions", {}, '"content":"Hello"'),
        ("/v1/chat/completions", {"stream": True}, "[DONE]"),
        ("/v1/chat/completions", {"stream": True, "stream_options": {"include_usage": True}}, "["),
        ("/v1/responses", {"input": "Hi"}, '"text":"Hello"'),
        ("/v1/messages", {"max_tokens": 9}, '"text":"Hello"'),
        ("/v1/messages", {"max_tokens": 9, "stream": True}, "message_stop"),
    ],
)
def test_answers_and_counts(site, path, more, answer):
    status, text = site.ask(path, **more)
    assert status == 200, text
    assert answer in text
    usage = site.wait_for_requests(1)
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (100, 10)
    assert usage["cost_usd"] == pytest.approx(COST)
    assert site.fake.keys[-1] == REAL_KEY


def test_embeddings(site):
    status, text = site.ask("/v1/embeddings", input="some text", model="free")
    assert status == 200, text
    assert json.loads(text)["data"][0]["embedding"] == [0.5, 0.25]
    assert site.wait_for_requests(1)["cost_usd"] == 0.0, "its price is known: nothing"


def test_unknown_price(site):
    assert site.proxy.unpriced == ["unpriced"]
    site.ask(model="unpriced")
    assert site.wait_for_requests(1)["cost_usd"] is None


def test_answer_that_nobody_waits_for_is_counted_whole(site):
    site.fake.seconds = 1.0
    address = site.access.environment["OPENAI_BASE_URL"].split("/")[2]
    connection = http.client.HTTPConnection(address, timeout=30)
    body = {"model": "fake", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
    key = "Bearer " + site.access.environment["OPENAI_API_KEY"]
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Authorization": key})
    connection.getresponse().read(10)
    connection.close()
    usage = site.wait_for_requests(1)
    assert usage["cost_usd"] == pytest.approx(COST)


def test_errors_of_the_provider(site):
    site.fake.status = 401
    status, text = site.ask()
    assert status == 401
    assert "not with" in text
    assert REAL_KEY not in text
    wait_for(lambda: site.usage()["failed_requests"] == 1)
    assert site.usage()["requests"] == 0
    # Another attempt's errors close no model.
    site.fake.status = 200
    assert site.ask()[0] == 200


def test_revoked_attempt_asks_no_more(site):
    site.ask()
    usage = site.proxy.revoke(f"tiny/{site.folder.name}", site.folder)
    assert usage == site.usage()
    assert usage["requests"] == 1
    assert site.ask()[0] == 401


def test_request_under_way_is_in_the_final_count(site):
    site.fake.seconds = 1.5
    asking = threading.Thread(target=site.ask)
    before = len(site.fake.requests)
    asking.start()
    wait_for(lambda: len(site.fake.requests) > before)
    usage = site.proxy.revoke(f"tiny/{site.folder.name}", site.folder)
    assert usage["requests"] == 1
    asking.join(10)


def test_only_its_user_reads_what_is_private(site):
    folder = site.proxy.socket.parent.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "secret").stat().st_mode) == 0o600
    assert list(site.proxy.socket.parent.iterdir()) == [site.proxy.socket]
    site.fake.status = 401
    site.ask()
    for path in folder.rglob("*"):
        if path.is_file():
            assert REAL_KEY.encode() not in path.read_bytes(), path


def test_proxy_that_crashes_comes_back(site):
    site.ask()
    site.wait_for_requests(1)  # LiteLLM tells of a request after the agent has its answer
    (child,) = [
        item for item in psutil.Process().children() if "litellm_server" in " ".join(item.cmdline())
    ]
    child.kill()
    with pytest.raises(OSError):
        for _ in range(100):
            site.ask()
            time.sleep(0.05)

    def answers() -> bool:
        try:
            return site.ask()[0] == 200
        except OSError:
            return False

    wait_for(answers, seconds=120)
    assert site.wait_for_requests(2), "same address, same key, same count"


@pytest.fixture
def proxy_of(tmp_path: Path):
    """Makes a proxy whose Python is a script."""

    def make(script: str, max_cost: float | None = None) -> ModelProxy:
        python = tmp_path / "python"
        python.write_text(f"#!{sys.executable}\n" + textwrap.dedent(script))
        python.chmod(0o755)
        models = ModelList([], {}, {}, False, ())
        return ModelProxy(
            models,
            tmp_path,
            isolates=True,
            max_cost=max_cost,
            python=str(python),
            environment={},
        )

    return make


def test_missing_litellm_is_told_before_anything_starts(proxy_of, tmp_path):
    with pytest.raises(MlebenchError, match=r"mlebench-data\[llm\]"):
        proxy_of("print(False)").check()
    with pytest.raises(MlebenchError, match="cannot be run"):
        ModelProxy(
            ModelList([], {}, {}, False, ()),
            tmp_path,
            isolates=True,
            python="/nonexistent/python",
            environment={},
        ).check()


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import sys; sys.exit('a word of explanation')", "a word of explanation"),
        ("import json; input(); print(json.dumps({'failed': 'no such thing'}))", "no such thing"),
    ],
)
def test_proxy_that_does_not_come_up(proxy_of, script, message):
    with pytest.raises(MlebenchError, match=message):
        proxy_of(script).start()


READY = """
import json, sys
input()
print(json.dumps({"ready": True, "port": None, "version": "1", "unpriced": ["some"]}), flush=True)
sys.stdin.read()
"""


def test_limit_needs_prices(proxy_of):
    with pytest.raises(MlebenchError, match="no price is known for some"):
        proxy_of(READY, max_cost=1.0).start()
    with proxy_of(READY) as proxy:
        assert proxy.unpriced == ["some"]
