"""Trying again what failed for a reason that passes, and doing several such things at a time."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

#: Seconds between one attempt and the next; after the last one there is no further attempt.
PAUSES = (1, 2, 4, 8, 16, 32)
LONGEST_PAUSE = 300

PASSING_STATUS = {408, 425, 429, 500, 502, 503, 504}

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status that an error of `requests` is about, if any."""
    response = getattr(error, "response", None)
    return None if response is None else int(response.status_code)


def passes(error: BaseException) -> bool:
    """Tell whether the cause of an error may be gone in a while."""
    from requests import RequestException
    from urllib3.exceptions import HTTPError

    if not isinstance(error, (RequestException, HTTPError)):
        return False
    status = status_of(error)
    return status is None or status in PASSING_STATUS


def _pause(error: BaseException, planned: float) -> float:
    """Return how many seconds to wait, longer if the server asks for it."""
    response = getattr(error, "response", None)
    asked = "" if response is None else response.headers.get("Retry-After", "")
    return min(max(planned, int(asked)), LONGEST_PAUSE) if asked.isdecimal() else planned


def with_patience(
    function: Callable[[], _Result],
    *,
    progress: Callable[[], int] = lambda: 0,
    pauses: Sequence[float] | None = None,
) -> _Result:
    """Call a function until it succeeds, fails for good, or has failed too often in a row.

    Parameters
    ----------
    function : callable
        What to do.
    progress : callable
        Says how far it has come. An attempt that came further than the one before counts as the
        first: a large download over a bad line needs many.
    pauses : sequence of float, optional
        Seconds between attempts, `PAUSES` by default.
    """
    pauses = PAUSES if pauses is None else pauses
    failures = 0
    while True:
        before = progress()
        try:
            return function()
        except Exception as error:
            if progress() > before:
                failures = 0
            if not passes(error) or failures == len(pauses):
                raise
            time.sleep(_pause(error, pauses[failures]))
            failures += 1


def in_threads(
    function: Callable[[_Item], _Result],
    items: Sequence[_Item],
    jobs: int,
    *,
    idle: Callable[[], None] = lambda: None,
) -> Iterator[tuple[_Item, _Result]]:
    """Call a function on each item, several at a time, and give the results as they come.

    The threads are abandoned when the caller stops, for one by Ctrl-C: unlike those of
    `concurrent.futures` they do not keep the process alive until their downloads are complete.

    Parameters
    ----------
    function : callable
        Called with one item. What it raises is raised here.
    items : sequence
        The items.
    jobs : int
        How many at a time.
    idle : callable
        Called a few times a second while there is nothing to give.
    """
    waiting: queue.SimpleQueue[_Item] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[_Item, _Result | None, BaseException | None]] = (
        queue.SimpleQueue()
    )
    for item in items:
        waiting.put(item)
    abandoned = threading.Event()

    def work() -> None:
        while not abandoned.is_set():
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((item, function(item), None))
            except BaseException as error:  # given to the caller, who waits for it
                done.put((item, None, error))

    for _ in range(min(jobs, len(items))):
        threading.Thread(target=work, daemon=True).start()
    left = len(items)
    try:
        while left:
            try:
                item, result, error = done.get(timeout=0.2)
            except queue.Empty:
                idle()
                continue
            left -= 1
            if error is not None:
                raise error
            yield item, result  # type: ignore[misc]
    finally:
        abandoned.set()
