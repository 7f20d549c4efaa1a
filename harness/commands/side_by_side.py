"""Work on several competitions at a time, each in a process of its own."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from mlebench_data.errors import MlebenchError

if TYPE_CHECKING:
    from mlebench_data.catalogue import Competition

Result = TypeVar("Result")


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """What became of one competition: its result, or why there is none."""

    competition: Competition
    result: Result | MlebenchError
    seconds: float


def _one(function: Callable[[Competition], Result], competition: Competition) -> Outcome[Result]:
    """Work on one competition; errors come back as values, so that the others go on."""
    started = time.monotonic()
    result: Result | MlebenchError
    try:
        result = function(competition)
    except MlebenchError as error:
        result = error
    return Outcome(competition, result, time.monotonic() - started)


def _size(competition: Competition) -> int:
    return competition.facts.source.size_bytes or 0


def side_by_side(
    function: Callable[[Competition], Result], competitions: list[Competition], jobs: int
) -> Iterator[Outcome[Result]]:
    """Apply a function to competitions, some at a time; give what is done first.

    Several at a time begin with the largest, lest it is still at work when all others are done.

    Parameters
    ----------
    function : callable
        What to do. With more than one job, it must be of a module, or a `functools.partial` of it.
    competitions : list of Competition
        What to do it with.
    jobs : int
        How many at a time.
    """
    one = functools.partial(_one, function)
    if jobs == 1 or len(competitions) == 1:
        yield from map(one, competitions)
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor, as_completed

    # Not forked: the progress display runs in a thread, whose locks a fork would copy.
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        largest_first = sorted(competitions, key=_size, reverse=True)
        for future in as_completed([pool.submit(one, item) for item in largest_first]):
            yield future.result()
