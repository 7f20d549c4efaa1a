"""Running agents on this machine, with the GPUs, models and format checks that they are given."""

from __future__ import annotations

import platform
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mlebench_data.harness.attempt import Settings
from mlebench_data.harness.attempt_sandbox import make_sandbox, public_sample
from mlebench_data.harness.executor import Execution, Executor, Started, Work
from mlebench_data.harness.models.proxy import ModelProxy
from mlebench_data.harness.runtimes.base import Cancelled, Ending, Runtime
from mlebench_data.harness.runtimes.sandbox import Gpu, ModelAccess
from mlebench_data.harness.slots import GpuPool, places
from mlebench_data.harness.validator.server import ValidatorServer


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
            public_sample(work),
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
