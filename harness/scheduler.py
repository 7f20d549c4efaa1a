"""Running many attempts: some at a time, each once, with nothing done twice."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from mlebench_data.catalogue import Competition
from mlebench_data.harness.agent import Agent
from mlebench_data.harness.attempt import Attempt, Settings, run_attempt
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
    """
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
    started, finished : callable
        Told of every attempt, from the thread that runs it.

    Returns
    -------
    list of AttemptResult
        Results in the order of the attempts; after an interruption only those that there are.

    Raises
    ------
    DataNotFoundError
        If data of a competition is missing. All data is looked at before any agent starts.
    """
    data: dict[tuple[str, str], RunData] = {}
    for attempt in attempts:
        key = (attempt.competition.id, attempt.version)
        if key not in data:
            data[key] = source.load(attempt.competition, attempt.version)
    description = runtime.describe()
    cancelled = threading.Event()

    def run_one(attempt: Attempt) -> AttemptResult | None:
        done = AttemptResult.read(attempt.folder)
        if done is not None and done.outcome in FINAL:
            finished(attempt, done)
            return done
        if cancelled.is_set():
            return None
        shutil.rmtree(attempt.folder, ignore_errors=True)
        started(attempt)
        result = run_attempt(
            attempt,
            data[attempt.competition.id, attempt.version],
            runtime,
            settings,
            description=description,
            cancelled=cancelled,
        )
        finished(attempt, result)
        return result

    with ThreadPoolExecutor(jobs, thread_name_prefix="attempt") as pool:
        futures: list[Future[AttemptResult | None]] = [pool.submit(run_one, a) for a in attempts]
        try:
            # In short waits, so that Ctrl-C reaches this thread at once.
            pending = set(futures)
            while pending:
                done, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
        except BaseException:
            cancelled.set()
            for future in futures:
                future.cancel()
            wait(futures)
            raise
    return [result for future in futures if (result := future.result()) is not None]
