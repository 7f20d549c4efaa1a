"""Where agents are run: on this machine, or elsewhere behind the same interface."""

from __future__ import annotations

import dataclasses
import platform
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from mlebench_data.harness.attempt import LOG_NAME, Attempt, Settings, agent_environment
from mlebench_data.harness.instructions import instructions
from mlebench_data.harness.models.proxy import ModelProxy
from mlebench_data.harness.runtimes.base import (
    Cancelled,
    Ending,
    Folders,
    Gpu,
    ModelAccess,
    Runtime,
    Sandbox,
    Snapshots,
    Warnings,
)
from mlebench_data.harness.slots import GpuPool, places
from mlebench_data.harness.validator.server import ValidatorServer

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


class LocalExecutor(Executor):
    """Runs agents on this machine.

    Parameters
    ----------
    runtime : Runtime
        How.
    gpus : sequence of Gpu
        GPUs that may be given out.
    models : ModelProxy, optional
        Serves language models to them.
    """

    def __init__(
        self, runtime: Runtime, gpus: Sequence[Gpu] = (), models: ModelProxy | None = None
    ) -> None:
        self._runtime = runtime
        self._gpus = tuple(gpus)
        self._models = models
        self._pool: GpuPool | None = None
        self._lock = threading.Lock()
        self._description: dict[str, Any] | None = None
        self.name = runtime.name
        self.isolates = runtime.isolates

    def describe(self) -> dict[str, Any]:  # noqa: D102
        with self._lock:
            if self._description is None:
                self._description = self._runtime.describe()
            return self._description

    def places(self, settings: Settings) -> int:  # noqa: D102
        import os

        import psutil

        if settings.gpus_per_run and self._gpus:
            self._runtime.check_gpus()
        return places(
            settings.limits,
            cpus=os.cpu_count() or 1,
            memory_bytes=psutil.virtual_memory().total,
            gpus=len(self._gpus),
            gpus_per_run=settings.gpus_per_run,
            runs_per_gpu=settings.runs_per_gpu,
        )

    def execute(  # noqa: D102
        self, work: Work, *, cancelled: Cancelled, started: Started
    ) -> Execution:
        with self._take(work.settings, cancelled) as gpus:
            if cancelled.is_set():
                return self._execution(_never_started(), ())
            with self._serve_models(work) as models, self._serve_validator(work) as validator:
                sandbox = make_sandbox(
                    work, gpus, isolates=self.isolates, models=models.access, validator=validator
                )
                ending = self._runtime.run(
                    sandbox,
                    cancelled=cancelled,
                    started=lambda token: started(token, gpus, platform.node()),
                )
            return self._execution(ending, gpus, models.usage, validator)

    def adopt(  # noqa: D102
        self, token: str, gpus: Collection[str], work: Work, *, cancelled: Cancelled
    ) -> Execution | None:
        with self._take(work.settings, cancelled, gpus) as taken:
            with self._serve_models(work) as models, self._serve_validator(work) as validator:
                sandbox = make_sandbox(
                    work, taken, isolates=self.isolates, models=models.access, validator=validator
                )
                ending = self._runtime.adopt(token, sandbox, cancelled=cancelled)
            if ending is None:
                return None
            return self._execution(ending, taken, models.usage, validator)

    def remove_leftovers(  # noqa: D102
        self, keep: Collection[str] = (), drop: Collection[str] = ()
    ) -> list[str]:
        return self._runtime.remove_leftovers(keep, drop)

    def _take(
        self, settings: Settings, cancelled: Cancelled, wanted: Collection[str] = ()
    ) -> AbstractContextManager[tuple[Gpu, ...]]:
        with self._lock:
            if self._pool is None:
                self._pool = GpuPool(self._gpus, settings.runs_per_gpu)
        return self._pool.take(settings.gpus_per_run, cancelled, wanted)

    @contextmanager
    def _serve_models(self, work: Work) -> Iterator[_Models]:
        """Let an attempt ask language models, as long as the context lasts."""
        models = _Models()
        if self._models is None:
            yield models
            return
        attempt = work.attempt
        models.access = self._models.access(attempt.label, attempt.folder)
        try:
            yield models
        finally:
            models.usage = self._models.revoke(attempt.label, attempt.folder)

    @contextmanager
    def _serve_validator(self, work: Work) -> Iterator[ValidatorServer | None]:
        """Let an attempt have its submission's format checked, as long as the context lasts."""
        if not work.settings.validator:
            yield None
            return
        attempt = work.attempt
        with ValidatorServer(
            attempt.folder,
            attempt.competition,
            attempt.version,
            _public_sample(work),
            by_port=not self.isolates,
        ) as validator:
            yield validator

    def _execution(
        self,
        ending: Ending,
        gpus: tuple[Gpu, ...],
        usage: dict[str, Any] | None = None,
        validator: ValidatorServer | None = None,
    ) -> Execution:
        answered = validator is not None and validator.answered
        return Execution(
            ending,
            platform.node(),
            gpus,
            self.describe(),
            usage,
            test_feedback="format-only" if answered else "none",
        )


@dataclass
class _Models:
    """An attempt's way to language models, and in the end what it has used of them."""

    access: ModelAccess | None = None
    usage: dict[str, Any] | None = None


def _never_started() -> Ending:
    now = datetime.now(UTC).isoformat()
    return Ending("interrupted", None, 0.0, now, now)


def _public_sample(work: Work) -> Path | None:
    """Return the public sample submission, None where there is only the agent's own copy of it."""
    block = work.attempt.competition.version(work.attempt.version)
    # The published benchmark keeps some beside the answers, which makes them no secret.
    path = work.public.parent / block.sample_submission
    if block.sample_submission.startswith("public/"):
        path = work.public / block.sample_submission.removeprefix("public/")
    return path if path.is_file() else None


def make_folders(work: Work) -> None:
    """Make the folders that the agent sees, and its instructions."""
    attempt, settings = work.attempt, work.settings
    for name in ("submission", "logs", "code"):
        (attempt.folder / name).mkdir(parents=True)
    text = instructions(
        attempt.competition,
        attempt.version,
        limits=settings.limits,
        network=settings.network,
        gpus=settings.gpus_per_run,
        warn_before=settings.warn_before,
        validator=settings.validator,
    )
    path = attempt.folder / "instructions.txt"
    path.write_text(text, encoding="utf-8")
    # Readable for the sandbox' user, whatever the umask here.
    path.chmod(0o644)


def make_sandbox(
    work: Work,
    gpus: tuple[Gpu, ...],
    *,
    isolates: bool,
    models: ModelAccess | None = None,
    validator: ValidatorServer | None = None,
) -> Sandbox:
    """Return the sandbox of an attempt whose folders are made."""
    attempt, settings = work.attempt, work.settings
    folder = attempt.folder.resolve()
    snapshots = None
    if settings.snapshot_every is not None:
        snapshots = Snapshots(settings.snapshot_every, folder / SNAPSHOTS)
    return Sandbox(
        name=f"{folder.parent.parent.name}-{attempt.label.replace('/', '-')}",
        command=attempt.agent.command,
        image=settings.resolve_image(attempt.agent) if isolates else None,
        folders=Folders(
            data=work.public.resolve(),
            agent=attempt.agent.folder,
            instructions=folder / "instructions.txt",
            submission=folder / "submission",
            logs=folder / "logs",
            code=folder / "code",
        ),
        environment={
            **agent_environment(attempt, settings.limits),
            **work.secrets,
            **(validator.variables() if validator is not None else {}),
        },
        network=settings.network,
        limits=settings.limits,
        log_file=folder / LOG_NAME,
        gpus=gpus,
        warnings=Warnings(settings.warn_before, attempt.agent.warning_signal),
        snapshots=snapshots,
        models=models,
        validator=validator.folder if validator is not None else None,
        agent_in_image=attempt.agent.files == "image",
    )
