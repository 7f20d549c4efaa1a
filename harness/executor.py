"""What running an agent takes and gives, wherever it is run: on this machine, or elsewhere."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from mlebench_data.harness.attempt import Attempt, Settings
from mlebench_data.harness.runtimes.base import Cancelled, Ending
from mlebench_data.harness.runtimes.sandbox import Gpu

if TYPE_CHECKING:
    from mlebench_data.hub.origin import Origin

SNAPSHOTS = "snapshots"


@dataclass(frozen=True)
class Execution:
    """What came of running an agent; scoring is not part of it.

    Attributes
    ----------
    ending : Ending
        How it ended.
    node : str
        The machine.
    gpus : tuple of Gpu
        GPUs that it had.
    runtime : dict
        The runtime's description of itself and of the machine.
    usage : dict or None
        What the language-model proxy counted.
    test_feedback : str
        What the agent could learn about its submission.
    """

    ending: Ending
    node: str
    gpus: tuple[Gpu, ...] = ()
    runtime: Mapping[str, Any] = field(default_factory=dict)
    usage: dict[str, Any] | None = None
    test_feedback: Literal["none", "format-only"] = "none"

    def to_dict(self) -> dict[str, Any]:
        """Return it in a form that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Return what `to_dict` was called on."""
        return cls(
            **{
                **content,
                "ending": Ending(**content["ending"]),
                "gpus": tuple(Gpu(**gpu) for gpu in content["gpus"]),
            }
        )


Started = Callable[[str, Sequence[Gpu], str], None]
"""Told the token of a sandbox, its GPUs and its machine, before the agent's first instruction."""


@dataclass(frozen=True)
class Work:
    """An agent to be run.

    Attributes
    ----------
    attempt : Attempt
        Which. Its folder exists, with what `make_folders` makes.
    public : pathlib.Path
        The competition's public files.
    settings : Settings
        Limits and so on.
    secrets : mapping of str to str
        Further variables for the agent, which no record may hold.
    origin : Origin or None
        The repository that the files came from, if they came from one.
    manifest_sha256 : str
        Identity of the data.
    """

    attempt: Attempt
    public: Path
    settings: Settings
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    origin: Origin | None = None
    manifest_sha256: str = ""


class Executor(ABC):
    """Runs agents.

    Attributes
    ----------
    name : str
        For people.
    isolates : bool
        Whether agents are kept from everything but their folders.
    """

    name: str
    isolates: bool

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return versions and hardware, fit for JSON.

        Raises
        ------
        RuntimeFailure
            If agents cannot be run.
        """

    @abstractmethod
    def places(self, settings: Settings) -> int:
        """Return how many agents can be run at a time.

        Raises
        ------
        MlebenchError
            If not even one can, for lack of GPUs.
        """

    @abstractmethod
    def execute(self, work: Work, *, cancelled: Cancelled, started: Started) -> Execution:
        """Run an agent to its end; nothing of it runs any more when this returns or raises.

        Raises
        ------
        RuntimeFailure
            If the machinery failed.
        """

    @abstractmethod
    def adopt(
        self, token: str, gpus: Collection[str], work: Work, *, cancelled: Cancelled
    ) -> Execution | None:
        """Take over an agent that a harness which is gone had started; None where it is gone.

        Parameters
        ----------
        token : str
            What `started` was told.
        gpus : collection of str
            Identifiers of its GPUs.
        work : Work
            As given to `execute`.
        cancelled : Cancelled
            As in `execute`.

        Raises
        ------
        RuntimeFailure
            If the machinery failed.
        """

    @abstractmethod
    def remove_leftovers(self, keep: Collection[str] = (), drop: Collection[str] = ()) -> list[str]:
        """Remove what harnesses that are gone left behind; see `Runtime.remove_leftovers`."""
