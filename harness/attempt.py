"""One attempt: one agent, one competition, one seed; and what holds for all of a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlebench_data.catalogue import Competition
from mlebench_data.harness.agent import Agent
from mlebench_data.harness.result import metric_digest
from mlebench_data.harness.runtimes.sandbox import Limits, Network
from mlebench_data.harness.sources import RunData

LOG_NAME = "agent.log"


@dataclass(frozen=True)
class Attempt:
    """What is to be attempted.

    Attributes
    ----------
    competition : Competition
        The competition.
    version : str
        Its data version.
    agent : Agent
        The agent.
    seed : int
        Seed handed to the agent.
    folder : pathlib.Path
        Where everything of this attempt is kept.
    """

    competition: Competition
    version: str
    agent: Agent
    seed: int
    folder: Path

    @property
    def label(self) -> str:
        """Short name for people and for the sandbox."""
        return f"{self.competition.id}/{self.agent.name}-seed{self.seed}"


@dataclass(frozen=True)
class Settings:
    """What holds for all attempts of a run.

    Attributes
    ----------
    limits : Limits
        What each agent may use.
    network : str
        What it reaches.
    image : str or None
        Image instead of the agent's own.
    gpus_per_run, runs_per_gpu : int
        GPUs of each attempt, and attempts that share a GPU.
    warn_before : tuple of float
        Seconds before the end at which the agent is warned.
    snapshot_every : float or None
        Seconds between two copies of the submission.
    retries : int
        How often an attempt is made again after an infrastructure failure.
    backoff_seconds : float
        Wait before the first of them; each later one is four times as long, 5 minutes at most.
    engine_wait_seconds : float
        How long a run waits for an engine that does not answer.
    validator : bool
        Whether agents can have the format of their submission checked.
    models : mapping or None
        Language models that agents may ask, as recorded.
    max_cost : float or None
        What each attempt may spend on them, in USD.
    profile : str or None
        Name of the resource profile.
    deviations : mapping
        Where the settings differ from it.
    """

    limits: Limits
    network: Network = "none"
    image: str | None = None
    gpus_per_run: int = 0
    runs_per_gpu: int = 1
    warn_before: tuple[float, ...] = ()
    snapshot_every: float | None = None
    retries: int = 3
    backoff_seconds: float = 5.0
    engine_wait_seconds: float = 12 * 3600.0
    validator: bool = True
    models: Mapping[str, Any] | None = None
    max_cost: float | None = None
    profile: str | None = None
    deviations: Mapping[str, Any] = field(default_factory=dict)

    def resolve_image(self, agent: Agent) -> str:
        """Return the reference of the image in force."""
        from mlebench_data.harness.images.images import image_names, image_reference

        name = self.image or agent.image
        return image_reference(name) if name in image_names() else name


def agent_environment(attempt: Attempt, limits: Limits) -> dict[str, str]:
    """Return the variables that tell an agent its task; the runtime adds those of its places.

    They stand in the record, so that secrets are not among them.
    """
    return {
        **attempt.agent.variables(),
        "COMPETITION_ID": attempt.competition.id,
        "TIME_LIMIT_SECS": f"{limits.time_seconds:.0f}",
        "SEED": str(attempt.seed),
    }


def known_facts(
    attempt: Attempt, data: RunData, settings: Settings, *, isolates: bool, agent_sha256: str
) -> dict[str, Any]:
    """Return the fields of an attempt's record that are known before it starts.

    Two attempts that differ in one of them cannot be compared.
    """
    metric = attempt.competition.version(attempt.version).metric.name
    return {
        "competition_id": attempt.competition.id,
        "version": attempt.version,
        "agent": attempt.agent.name,
        "seed": attempt.seed,
        "isolated": isolates,
        "data_manifest_sha256": data.manifest_sha256,
        "metric_sha256": metric_digest(metric),
        "settings": {
            "limits": dataclasses.asdict(settings.limits),
            "network": settings.network,
            "image": settings.resolve_image(attempt.agent) if isolates else None,
            "gpus_per_run": settings.gpus_per_run,
            "runs_per_gpu": settings.runs_per_gpu,
            "warn_before": list(settings.warn_before),
            "command": list(attempt.agent.command),
            "environment": agent_environment(attempt, settings.limits),
            "agent": attempt.agent.specification(),
            "agent_sha256": agent_sha256,
            "validator": settings.validator,
            "models": None if settings.models is None else dict(settings.models),
            "max_cost": settings.max_cost,
        },
    }
