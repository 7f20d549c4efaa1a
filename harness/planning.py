"""What a run is to do, and what is known of each attempt before anything starts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlebench_data.catalogue import Competition
from mlebench_data.errors import MlebenchError
from mlebench_data.harness.agent import Agent
from mlebench_data.harness.attempt import Attempt, Settings, known_facts
from mlebench_data.harness.result import FINAL, AttemptResult
from mlebench_data.harness.sources import RunData, Source
from mlebench_data.harness.state import AttemptState


def plan(
    competitions: Sequence[Competition],
    agents: Sequence[Agent],
    *,
    seeds: int,
    version: str | None,
    out: Path,
) -> list[Attempt]:
    """List all attempts of a run.

    Parameters
    ----------
    competitions, agents : sequences
        Each agent attempts each competition.
    seeds : int
        Number of seeds, from 0.
    version : str, optional
        Data version; each competition's oldest by default.
    out : pathlib.Path
        Folder of the run; an attempt's is `<out>/<competition>/<agent>-seed<n>`.

    Raises
    ------
    UnknownNameError
        If a competition has no such version.
    """
    for competition in competitions:
        competition.version(version)
    return [
        Attempt(
            competition,
            version or competition.versions[0],
            agent,
            seed,
            out / competition.id / f"{agent.name}-seed{seed}",
        )
        for competition in competitions
        for agent in agents
        for seed in range(seeds)
    ]


@dataclass
class Entry:
    """One attempt with what is known of it."""

    number: int
    attempt: Attempt
    data: RunData
    facts: dict[str, Any]
    result: AttemptResult | None
    failures: int = 0

    @property
    def facts_sha256(self) -> str:
        """Digest of the facts."""
        return hashlib.sha256(json.dumps(self.facts, sort_keys=True).encode()).hexdigest()

    def state(self) -> AttemptState:
        """Return how far the attempt has come, as far as this command can go on with it."""
        state = AttemptState.read(self.attempt.folder)
        if state is None:
            return AttemptState("waiting")
        if state.facts_sha256 != self.facts_sha256:
            return state.changed("waiting", token=None, execution=None)
        return state


def make_entries(
    attempts: Sequence[Attempt],
    source: Source,
    settings: Settings,
    *,
    isolates: bool,
) -> list[Entry]:
    """Make all data ready and gather what is known of attempts, results included that are final.

    Parameters
    ----------
    attempts : sequence of Attempt
        What is to be done.
    source : Source
        Where the data comes from.
    settings : Settings
        Limits, network and so on.
    isolates : bool
        Whether agents are kept from everything but their folders.

    Raises
    ------
    MlebenchError
        If data of a competition is missing or damaged (all of it is looked at), or if a finished
        attempt was made under other settings.
    """
    data = _load_all(attempts, source)
    agents = {attempt.agent.name: attempt.agent for attempt in attempts}
    digests = {name: agent.digest() for name, agent in agents.items()}
    entries = []
    for number, attempt in enumerate(attempts):
        facts = known_facts(
            attempt,
            data[_data_key(attempt)],
            settings,
            isolates=isolates and not attempt.agent.self_test,
            agent_sha256=digests[attempt.agent.name],
        )
        done = AttemptResult.read(attempt.folder)
        final = done if done is not None and done.outcome in FINAL else None
        entries.append(Entry(number, attempt, data[_data_key(attempt)], facts, final))
    _check_same_settings(entries)
    return entries


def _data_key(attempt: Attempt) -> tuple[str, str]:
    return attempt.competition.id, attempt.version


def _load_all(attempts: Sequence[Attempt], source: Source) -> dict[tuple[str, str], RunData]:
    """Make all data ready; what is wrong with any of it is told at once."""
    data: dict[tuple[str, str], RunData] = {}
    problems: dict[tuple[str, str], MlebenchError] = {}
    for attempt in attempts:
        key = _data_key(attempt)
        if key in data or key in problems:
            continue
        try:
            data[key] = source.load(attempt.competition, attempt.version)
        except MlebenchError as error:
            problems[key] = error
    if problems:
        first = next(iter(problems.values()))
        # One key opens all: what is wrong with it needs to be told only once.
        texts = list(dict.fromkeys(str(error) for error in problems.values()))
        raise first if len(texts) == 1 else type(first)("\n".join(texts))
    return data


def _check_same_settings(entries: Sequence[Entry]) -> None:
    """Refuse to mix attempts that cannot be compared into one run."""
    for entry in entries:
        done = entry.result
        if done is None:
            continue
        different = [name for name, value in entry.facts.items() if getattr(done, name) != value]
        if "settings" in different:
            different.remove("settings")
            different += [
                name
                for name, value in entry.facts["settings"].items()
                if done.settings.get(name) != value
            ]
        if different:
            raise MlebenchError(
                f"{entry.attempt.folder} holds a finished attempt that differs from this command "
                f"in {', '.join(different)}. Name another folder with --out, or remove this one to "
                "have the attempt made again."
            )
