"""Who may ask, what was asked and what it cost."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FORMAT = 1
#: Requests of one attempt that may be under way at the same time.
MAX_IN_FLIGHT = 32


@dataclass
class Totals:
    """Sums over requests that were answered.

    Attributes
    ----------
    requests, prompt_tokens, completion_tokens : int
        Counts.
    known_cost_usd : float
        Cost of those whose price is known, in USD.
    unpriced_requests : int
        Number of the others.
    """

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    known_cost_usd: float = 0.0
    unpriced_requests: int = 0

    def add(self, prompt_tokens: int, completion_tokens: int, cost_usd: float | None) -> None:
        """Count one request."""
        self.requests += 1
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens
        if cost_usd is None:
            self.unpriced_requests += 1
        else:
            self.known_cost_usd += cost_usd

    def to_dict(self) -> dict[str, Any]:
        """Return the sums; `cost_usd` is None where part of the cost is unknown."""
        known = round(self.known_cost_usd, 9)
        return {
            "requests": self.requests,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "cost_usd": None if self.unpriced_requests else known,
            "known_cost_usd": known,
            "unpriced_requests": self.unpriced_requests,
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Totals:
        """Return what `to_dict` was called on."""
        names = (
            "requests",
            "prompt_tokens",
            "completion_tokens",
            "known_cost_usd",
            "unpriced_requests",
        )
        return cls(**{name: content[name] for name in names})


@dataclass
class Account:
    """One attempt.

    Attributes
    ----------
    label : str
        Its name.
    file : pathlib.Path
        Its `usage.json`, written whenever something changes.
    max_cost : float or None
        What it may spend, in USD.
    totals : Totals
        What it has spent.
    models : dict of str to Totals
        The same by model.
    failed, refused : int
        Requests that a provider did not answer, and that were not handed to one.
    in_flight : int
        Requests under way.
    dearest : float
        Cost of its most expensive request so far.
    over_budget : bool
        Whether it may ask no more.
    """

    label: str
    file: Path
    max_cost: float | None
    prices: str
    totals: Totals = field(default_factory=Totals)
    models: dict[str, Totals] = field(default_factory=dict)
    failed: int = 0
    refused: int = 0
    in_flight: int = 0
    dearest: float = 0.0
    over_budget: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return what `usage.json` holds."""
        return {
            "format": FORMAT,
            **self.totals.to_dict(),
            "failed_requests": self.failed,
            "refused_requests": self.refused,
            "max_cost_usd": self.max_cost,
            "over_budget": self.over_budget,
            "prices": self.prices,
            "models": {name: totals.to_dict() for name, totals in sorted(self.models.items())},
        }

    def take_up(self) -> None:
        """Go on from the counts that an earlier proxy has left, if it has."""
        try:
            content = json.loads(self.file.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                return
            self.totals = Totals.from_dict(content)
            self.models = {name: Totals.from_dict(part) for name, part in content["models"].items()}
            self.failed = content["failed_requests"]
            self.refused = content["refused_requests"]
        except FileNotFoundError:
            return
        self._judge()

    def refusal(self) -> tuple[int, str] | None:
        """Return the HTTP status and the text by which a further request is refused, if it is."""
        if self.in_flight >= MAX_IN_FLIGHT:
            return 429, f"More than {MAX_IN_FLIGHT} requests are under way. Ask again later."
        if self.max_cost is None:
            return None
        if self.over_budget:
            return 429, (
                f"The budget for language models is spent: {self.totals.known_cost_usd:.6f} of "
                f"{self.max_cost:.6f} USD"
                + (
                    ", and the price of a model is unknown."
                    if self.totals.unpriced_requests
                    else "."
                )
            )
        # Requests under way will cost something too; the dearest so far is the best guess.
        expected = self.totals.known_cost_usd + self.in_flight * self.dearest
        if self.in_flight and expected >= self.max_cost:
            return 429, "Requests under way may use up the budget. Ask again when they are done."
        return None

    def _judge(self) -> None:
        if self.max_cost is None:
            return
        # A cost that nobody knows cannot be held against a limit.
        self.over_budget = bool(
            self.totals.known_cost_usd >= self.max_cost or self.totals.unpriced_requests
        )

    def add(
        self, model: str, prompt_tokens: int, completion_tokens: int, cost_usd: float | None
    ) -> None:
        """Count a request that was answered."""
        self.totals.add(prompt_tokens, completion_tokens, cost_usd)
        self.models.setdefault(model, Totals()).add(prompt_tokens, completion_tokens, cost_usd)
        self.dearest = max(self.dearest, cost_usd or 0.0)
        self._judge()

    def write(self) -> None:
        """Write `usage.json`; readers see the old content or the new one."""
        text = json.dumps(self.to_dict(), indent=1) + "\n"
        partial = self.file.with_name(f".{self.file.name}.partial")
        # A link that an agent without isolation has put there is not written through.
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        partial.replace(self.file)


@dataclass
class Call:
    """A request under way.

    Attributes
    ----------
    account : Account
        Whose.
    model : str
        The model's name as the agent gave it.
    settled : bool
        Whether it was counted.
    failures : int
        Tries that the provider did not answer.
    """

    account: Account
    model: str
    started: float = field(default_factory=time.monotonic)
    settled: bool = False
    failures: int = 0


class Ledger:
    """All attempts by their keys, and all requests under way.

    Parameters
    ----------
    prices : str
        Where prices come from.
    tell_over_budget : callable
        Told the label of an attempt that has spent what it may.
    tell : callable
        Told what an operator should know.
    """

    def __init__(
        self,
        prices: str,
        tell_over_budget: Callable[[str], None],
        tell: Callable[[str], None],
    ) -> None:
        self._prices = prices
        self._tell_over_budget = tell_over_budget
        self._tell = tell
        # By digest, so that the time of a look-up tells nothing about keys.
        self._accounts: dict[bytes, Account] = {}
        self._calls: dict[str, Call] = {}

    def admit(self, key: str, label: str, file: Path, max_cost: float | None) -> Account:
        """Let an attempt ask, under a key."""
        account = Account(label, file, max_cost, self._prices)
        try:
            account.take_up()
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._tell(f"{label}: {file} is damaged ({error!r}); counting begins anew")
        self._accounts[_digest(key)] = account
        if account.over_budget:
            self._tell_over_budget(label)
        self._write(account)
        return account

    def revoke(self, key: str) -> Account | None:
        """Let it ask no more."""
        return self._accounts.pop(_digest(key), None)

    def find(self, key: str) -> Account | None:
        """Return the attempt of a key."""
        return self._accounts.get(_digest(key))

    def open(self, number: str, account: Account, model: str) -> Call:
        """Take note of a request that is about to be handed on."""
        account.in_flight += 1
        call = self._calls[number] = Call(account, model)
        return call

    def settle(
        self,
        number: str,
        *,
        prompt_tokens: int,
        completion_tokens: int,
        cost_usd: float | None,
    ) -> None:
        """Count a request that was answered, when LiteLLM tells what it was."""
        call = self._calls.get(number)
        if call is None or call.settled:
            return
        call.settled = True
        call.account.add(call.model, prompt_tokens, completion_tokens, cost_usd)
        self._after(call.account)

    def failed_once(self, number: str) -> None:
        """Take note that the provider did not answer; LiteLLM may try again."""
        call = self._calls.get(number)
        if call is not None:
            call.failures += 1

    def call(self, number: str) -> Call | None:
        """Return a request under way."""
        return self._calls.get(number)

    def close(self, number: str, *, answered: bool) -> None:
        """Take note that the agent has its answer, or an error."""
        call = self._calls.pop(number)
        call.account.in_flight -= 1
        if call.settled:
            return
        if answered:
            self._tell(
                f"{call.account.label}: an answer of {call.model} came without its use of tokens; "
                "its cost is unknown"
            )
            call.account.add(call.model, 0, 0, None)
        else:
            call.account.failed += 1
        self._after(call.account)

    def refuse(self, account: Account) -> None:
        """Take note of a request that was not handed on."""
        account.refused += 1
        self._write(account)

    def _after(self, account: Account) -> None:
        if account.over_budget:
            self._tell_over_budget(account.label)
        self._write(account)

    def _write(self, account: Account) -> None:
        try:
            account.write()
        except OSError as error:
            # The counts go on in memory, and the harness asks for them at the end.
            self._tell(f"{account.label}: {account.file} cannot be written: {error}")


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
