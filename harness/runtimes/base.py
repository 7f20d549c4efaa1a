"""What every runtime offers: one sandbox in, one ending out."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Literal

from mlebench_data.harness.runtimes.sandbox import Sandbox

HowEnded = Literal[
    "exited",
    "time_limit",
    "out_of_memory",
    "too_many_processes",
    "disk_limit",
    "cost_limit",
    "interrupted",
]


class Cancelled(threading.Event):
    """Set when a run is to stop.

    Attributes
    ----------
    hurry : threading.Event
        Set when it is to stop without the grace that agents otherwise get.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hurry = threading.Event()


@dataclass(frozen=True)
class Ending:
    """How a sandbox ended; it is gone, with all its processes, when this exists.

    Attributes
    ----------
    how : str
        "exited" (by itself), "time_limit", "out_of_memory", "too_many_processes", "disk_limit",
        "cost_limit" (of the language-model proxy) or "interrupted" (the harness was told to stop).
    exit_code : int or None
        Exit status of the command; 128 + n where signal n ended it, None where unknown.
    seconds : float
        Wall-clock time from start to end.
    started_at, ended_at : str
        The same in UTC, as ISO 8601.
    details : dict
        What the runtime can tell besides; fit for JSON. `isolation` is always there.
    """

    how: HowEnded
    exit_code: int | None
    seconds: float
    started_at: str
    ended_at: str
    details: dict[str, Any] = field(default_factory=dict)


class Runtime(ABC):
    """A way to run an agent under limits.

    Attributes
    ----------
    name : str
        Name by which `choose_runtime` knows it.
    isolates : bool
        Whether the agent is kept from everything but its folders. Where it is not, a result
        rests on trust.
    """

    name: str
    isolates: bool

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return versions and hardware, fit for JSON, for the record of a run.

        Raises
        ------
        RuntimeFailure
            If the runtime cannot be used.
        """

    def check_gpus(self) -> None:  # noqa: B027 - nothing to check is an answer
        """Make sure, before anything starts, that sandboxes can be given this machine's GPUs.

        Raises
        ------
        LastingFailure
            If they cannot; it says what is missing.
        """

    @abstractmethod
    def run(
        self,
        sandbox: Sandbox,
        *,
        cancelled: threading.Event,
        started: Callable[[str], None] = lambda token: None,
    ) -> Ending:
        """Run a sandbox to its end.

        When this returns or raises, no process of the sandbox is left.

        Parameters
        ----------
        sandbox : Sandbox
            What to run.
        cancelled : threading.Event
            Once set, the sandbox is stopped and the ending is "interrupted". A
            KeyboardInterrupt does the same, and is not raised again.
        started : callable
            Told, before the agent's first instruction, the token by which `adopt` finds the
            sandbox again.

        Returns
        -------
        Ending
            How it ended, which is the agent's doing (or the limits').

        Raises
        ------
        RuntimeFailure
            If the machinery failed, which is not the agent's doing.
        """

    def adopt(self, token: str, sandbox: Sandbox, *, cancelled: threading.Event) -> Ending | None:
        """Take over a sandbox that a harness which is gone had started, and see it to its end.

        Its time counts from its own start. One that has ended meanwhile is taken over too.

        Parameters
        ----------
        token : str
            What `run` told `started`.
        sandbox : Sandbox
            As it was given to `run`.
        cancelled : threading.Event
            As in `run`.

        Returns
        -------
        Ending or None
            None where nothing is left of it, so that the attempt must be made again.

        Raises
        ------
        RuntimeFailure
            If the machinery failed.
        """
        return None

    @abstractmethod
    def remove_leftovers(
        self,
        keep: Collection[str] = (),
        drop: Collection[str] = (),
        *,
        abandoned: bool = False,
    ) -> list[str]:
        """Remove what harnesses that are gone (killed, crashed) left behind on this host.

        A sandbox of another run that may still be adopted is left alone.

        Parameters
        ----------
        keep : collection of str
            Tokens of sandboxes that are going to be adopted.
        drop : collection of str
            Tokens of sandboxes that are certainly not wanted any more.
        abandoned : bool
            Whether none is going to be adopted, so that what could be is removed too.

        Returns
        -------
        list of str
            One description for each thing removed.
        """
