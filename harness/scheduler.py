"""Running many attempts: some at a time, each once, with nothing done twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from mlebench_data.catalogue import Competition
from mlebench_data.errors import MlebenchError
from mlebench_data.harness.agent import Agent
from mlebench_data.harness.attempt import Attempt, Settings, known_facts, run_attempt
from mlebench_data.harness.result import FINAL, AttemptResult
from mlebench_data.harness.runtimes.base import Runtime
from mlebench_data.harness.sources import RunData, Source


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


def run_all(
    attempts: Sequence[Attempt],
    source: Source,
    runtime: Runtime,
    settings: Settings,
    *,
    jobs: int,
    kept: Callable[[Attempt, AttemptResult], None],
    started: Callable[[Attempt], None],
    finished: Callable[[Attempt, AttemptResult], None],
) -> list[AttemptResult]:
    """Run attempts, `jobs` at a time.

    An attempt whose folder holds a final result is not repeated; one that was cut off, or failed by
    a fault that was not the agent's, is made again from scratch.

    Parameters
    ----------
    attempts : sequence of Attempt
        What is to be done.
    source : Source
        Where the data comes from.
    runtime : Runtime
        Where agents run.
    settings : Settings
        Limits and network.
    jobs : int
        Attempts at a time.
    kept : callable
        Told of every attempt that is not repeated, before any agent starts.
    started, finished : callable
        Told of every other attempt, from the thread that runs it.

    Returns
    -------
    list of AttemptResult
        Results in the order of the attempts; after an interruption only those that there are.

    Raises
    ------
    MlebenchError
        Before any agent starts: if data of a competition is missing or damaged (all of it is looked
        at), or if a finished attempt was made under other settings. Later: if a record cannot be
        written.
    """
    data = _load_all(attempts, source)
    description = runtime.describe()
    facts = [
        known_facts(attempt, data[_data_key(attempt)], runtime, settings) for attempt in attempts
    ]
    present = [AttemptResult.read(attempt.folder) for attempt in attempts]
    results = [done if done is not None and done.outcome in FINAL else None for done in present]
    _check_same_settings(attempts, facts, results)
    for attempt, done in zip(attempts, results, strict=True):
        if done is not None:
            kept(attempt, done)
    cancelled = threading.Event()

    def run_one(number: int) -> None:
        if cancelled.is_set():
            return
        attempt = attempts[number]
        started(attempt)
        try:
            result = run_attempt(
                attempt,
                data[_data_key(attempt)],
                runtime,
                settings,
                facts=facts[number],
                description=description,
                cancelled=cancelled,
            )
        except BaseException:
            # Before this thread could take up the next attempt.
            cancelled.set()
            raise
        results[number] = result
        finished(attempt, result)

    with ThreadPoolExecutor(jobs, thread_name_prefix="attempt") as pool:
        futures: list[Future[None]] = []
        try:
            for number in [number for number, done in enumerate(results) if done is None]:
                futures.append(pool.submit(run_one, number))
            # In short waits, so that Ctrl-C reaches this thread at once.
            pending = set(futures)
            while pending:
                ended, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
                for future in ended:
                    future.result()
        except BaseException:
            cancelled.set()
            for future in futures:
                future.cancel()
            wait(futures)
            raise
    return [result for result in results if result is not None]


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


def _check_same_settings(
    attempts: Sequence[Attempt],
    facts: Sequence[dict[str, Any]],
    results: Sequence[AttemptResult | None],
) -> None:
    """Refuse to mix attempts that cannot be compared into one run."""
    for attempt, known, done in zip(attempts, facts, results, strict=True):
        if done is None:
            continue
        different = [name for name, value in known.items() if getattr(done, name) != value]
        if "settings" in different:
            different.remove("settings")
            different += [
                name
                for name, value in known["settings"].items()
                if done.settings.get(name) != value
            ]
        if different:
            raise MlebenchError(
                f"{attempt.folder} holds a finished attempt that differs from this command in "
                f"{', '.join(different)}. Name another folder with --out, or remove this one to "
                "have the attempt made again."
            )
