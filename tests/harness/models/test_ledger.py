"""Counting of requests, and budgets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlebench_data.harness.models.litellm_server.ledger import MAX_IN_FLIGHT, Account, Ledger


class Told:
    """A ledger, and what it has told."""

    def __init__(self) -> None:
        self.over_budget: list[str] = []
        self.texts: list[str] = []
        self.ledger = Ledger("table", self.over_budget.append, self.texts.append)

    def ask(self, account: Account, number: str, cost: float | None, *, tokens: int = 1) -> None:
        """Make a request that is answered."""
        self.ledger.open(number, account, "m")
        self.ledger.settle(
            number, prompt_tokens=tokens, completion_tokens=2 * tokens, cost_usd=cost
        )
        self.ledger.close(number, answered=True)


@pytest.fixture
def told() -> Told:
    return Told()


def read(path: Path) -> dict:
    return json.loads(path.read_text())


def test_counts_are_written_as_they_grow(told, tmp_path):
    file = tmp_path / "usage.json"
    account = told.ledger.admit("key", "a/b", file, None)
    assert read(file)["requests"] == 0
    told.ask(account, "1", 0.25, tokens=10)
    told.ask(account, "2", 0.5, tokens=1)
    usage = read(file)
    assert (usage["requests"], usage["prompt_tokens"], usage["completion_tokens"]) == (2, 11, 22)
    assert usage["cost_usd"] == 0.75
    assert usage["models"]["m"]["requests"] == 2
    assert usage["prices"] == "table"


def test_unknown_price_makes_the_cost_unknown(told, tmp_path):
    file = tmp_path / "usage.json"
    account = told.ledger.admit("key", "a/b", file, None)
    told.ask(account, "1", 0.25)
    told.ask(account, "2", None)
    usage = read(file)
    assert (usage["cost_usd"], usage["known_cost_usd"], usage["unpriced_requests"]) == (
        None,
        0.25,
        1,
    )
    assert account.refusal() is None, "there is no limit"


def test_failures_and_refusals_cost_nothing(told, tmp_path):
    file = tmp_path / "usage.json"
    account = told.ledger.admit("key", "a/b", file, 1.0)
    told.ledger.open("1", account, "m")
    told.ledger.close("1", answered=False)
    told.ledger.refuse(account)
    usage = read(file)
    assert (usage["requests"], usage["failed_requests"], usage["refused_requests"]) == (0, 1, 1)
    assert usage["cost_usd"] == 0.0


def test_answer_without_its_count_has_an_unknown_cost(told, tmp_path):
    account = told.ledger.admit("key", "a/b", tmp_path / "usage.json", 1.0)
    told.ledger.open("1", account, "m")
    told.ledger.close("1", answered=True)
    assert account.totals.unpriced_requests == 1
    assert told.over_budget == ["a/b"]
    assert "its cost is unknown" in told.texts[0]


@pytest.mark.parametrize("cost", [1.0, None], ids=["spent", "unknown"])
def test_budget(told, tmp_path, cost):
    account = told.ledger.admit("key", "a/b", tmp_path / "usage.json", 1.0)
    told.ask(account, "1", 0.5)
    assert (account.refusal(), told.over_budget) == (None, [])
    told.ask(account, "2", cost)
    assert told.over_budget == ["a/b"]
    status, text = account.refusal()
    assert status == 429
    assert "budget" in text


def test_requests_under_way_count_as_the_dearest_so_far(told, tmp_path):
    account = told.ledger.admit("key", "a/b", tmp_path / "usage.json", 1.0)
    told.ask(account, "1", 0.4)
    told.ledger.open("2", account, "m")
    assert account.refusal() is None
    told.ledger.open("3", account, "m")
    assert account.refusal()[0] == 429, "0.4 spent and 0.8 under way"
    told.ledger.close("3", answered=False)
    assert account.refusal() is None


def test_requests_at_a_time(told, tmp_path):
    account = told.ledger.admit("key", "a/b", tmp_path / "usage.json", None)
    for number in range(MAX_IN_FLIGHT):
        assert account.refusal() is None
        told.ledger.open(str(number), account, "m")
    assert account.refusal()[0] == 429


def test_counts_go_on_after_a_crash(tmp_path):
    file = tmp_path / "usage.json"
    first, second = Told(), Told()
    first.ask(first.ledger.admit("key", "a/b", file, 1.0), "1", 0.75)
    account = second.ledger.admit("key", "a/b", file, 0.5)
    assert account.totals.known_cost_usd == 0.75
    assert account.models["m"].requests == 1
    assert second.over_budget == ["a/b"], "the limit is lower now"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', '{"format": 1, "models": 3}'])
def test_damaged_counts_begin_anew(told, tmp_path, content):
    file = tmp_path / "usage.json"
    file.write_text(content)
    account = told.ledger.admit("key", "a/b", file, None)
    assert account.totals.requests == 0
    assert "damaged" in told.texts[0]
    assert read(file)["requests"] == 0


def test_file_that_cannot_be_written_costs_no_counts(told, tmp_path):
    account = told.ledger.admit("key", "a/b", tmp_path / "gone" / "usage.json", None)
    told.ask(account, "1", 0.25)
    assert account.totals.known_cost_usd == 0.25
    assert "cannot be written" in told.texts[0]


def test_links_are_not_written_through(told, tmp_path):
    target = tmp_path / "target"
    target.write_text("untouched")
    (tmp_path / ".usage.json.partial").symlink_to(target)
    (tmp_path / "usage.json").symlink_to(target)
    told.ledger.admit("key", "a/b", tmp_path / "usage.json", None)
    assert target.read_text() == "untouched"
    assert not (tmp_path / "usage.json").is_symlink()


def test_keys(told, tmp_path):
    account = told.ledger.admit("key", "a/b", tmp_path / "usage.json", None)
    assert told.ledger.find("key") is account
    assert told.ledger.find("other") is None
    assert told.ledger.revoke("key") is account
    assert told.ledger.find("key") is None
    assert told.ledger.revoke("key") is None
