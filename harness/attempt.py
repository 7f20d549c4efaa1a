"""One attempt: one agent, one competition, one seed, from start to record."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlebench_data.catalogue import Competition
from mlebench_data.errors import MlebenchError
from mlebench_data.grading import GradeReport, grade
from mlebench_data.harness.agent import Agent
from mlebench_data.harness.collect import FILE_NAME as SUBMISSION_NAME
from mlebench_data.harness.collect import UnsafeSubmissionError, find_submission
from mlebench_data.harness.instructions import instructions
from mlebench_data.harness.remove_tree import remove_tree
from mlebench_data.harness.result import (
    AttemptResult,
    decide,
    metric_digest,
    software_versions,
)
from mlebench_data.harness.runtimes.base import Folders, Limits, Network, Runtime, Sandbox
from mlebench_data.harness.sources import RunData

LOG_NAME = "agent.log"

logger = logging.getLogger(__name__)


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
    """What holds for all attempts of a run."""

    limits: Limits
    network: Network = "none"
    image: str | None = None

    def resolve_image(self, agent: Agent, runtime: Runtime) -> str | None:
        """Return the image reference in force, None where the runtime has no images."""
        if not runtime.isolates:
            return None
        from mlebench_data.harness.images.images import image_names, image_reference

        name = self.image or agent.image
        return image_reference(name) if name in image_names() else name


def _agent_environment(attempt: Attempt, limits: Limits) -> dict[str, str]:
    return {
        **attempt.agent.environment,
        "COMPETITION_ID": attempt.competition.id,
        "TIME_LIMIT_SECS": f"{limits.time_seconds:.0f}",
        "SEED": str(attempt.seed),
    }


def known_facts(
    attempt: Attempt, data: RunData, runtime: Runtime, settings: Settings
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
        "isolated": runtime.isolates,
        "data_manifest_sha256": data.manifest_sha256,
        "metric_sha256": metric_digest(metric),
        "settings": {
            "limits": dataclasses.asdict(settings.limits),
            "network": settings.network,
            "image": settings.resolve_image(attempt.agent, runtime),
            "command": list(attempt.agent.command),
            "environment": _agent_environment(attempt, settings.limits),
            "agent_sha256": attempt.agent.digest(),
        },
    }


def _grade(attempt: Attempt, submission_folder: Path, answers: bytes) -> GradeReport:
    """Grade what lies in the submission folder, unless it is unsafe to open."""
    try:
        path = find_submission(submission_folder) or submission_folder / SUBMISSION_NAME
    except UnsafeSubmissionError as error:
        import pandas as pd

        # Grading a table without columns fills in the report; nothing of the agent's is opened.
        nothing = pd.DataFrame()
        report = grade(attempt.competition, nothing, answers=answers, version=attempt.version)
        report = dataclasses.replace(report, status="invalid", reason=str(error))
    else:
        report = grade(attempt.competition, path, answers=answers, version=attempt.version)
    # The record travels with its folder, so it must not name where the folder happened to lie.
    return dataclasses.replace(report, submission_path=f"submission/{SUBMISSION_NAME}")


def run_attempt(
    attempt: Attempt,
    data: RunData,
    runtime: Runtime,
    settings: Settings,
    *,
    facts: Mapping[str, Any],
    description: Mapping[str, Any],
    cancelled: threading.Event,
) -> AttemptResult:
    """Run the agent, score what it submitted, and leave the record.

    Parameters
    ----------
    attempt : Attempt
        What is to be attempted. What lies in its folder is removed first.
    data : RunData
        The competition's data.
    runtime : Runtime
        Where the agent runs.
    settings : Settings
        Limits and network.
    facts : mapping
        Its `known_facts`.
    description : mapping
        The runtime's own description, for the record.
    cancelled : threading.Event
        Once set, the agent is stopped.

    Returns
    -------
    AttemptResult
        The record, which is written to `result.json` too. Failures of the machinery are recorded
        as `infra_error`, not raised: other attempts go on.

    Raises
    ------
    MlebenchError
        If the record cannot be written.
    """
    versions = software_versions()
    try:
        result = _run(attempt, data, runtime, settings, facts, description, cancelled, versions)
    except Exception as error:
        if isinstance(error, MlebenchError):
            reason = str(error)
        else:
            logger.exception("The attempt %s failed", attempt.label)
            reason = f"{type(error).__name__}: {error}"
        result = AttemptResult(
            **facts,
            outcome="infra_error",
            reason=reason,
            ended=None,
            exit_code=None,
            seconds=None,
            started_at=None,
            ended_at=None,
            grading=None,
            environment={"versions": versions, "runtime": dict(description)},
        )
    try:
        result.write(attempt.folder)
    except OSError as error:
        raise MlebenchError(
            f"The record of {attempt.label} cannot be written: {error}. Is the disk full?"
        ) from error
    return result


def _run(
    attempt: Attempt,
    data: RunData,
    runtime: Runtime,
    settings: Settings,
    facts: Mapping[str, Any],
    description: Mapping[str, Any],
    cancelled: threading.Event,
    versions: Mapping[str, str],
) -> AttemptResult:
    """Run the agent and score what it submitted."""
    remove_tree(attempt.folder)
    folders = _make_folders(attempt, data, settings)
    ending = runtime.run(
        Sandbox(
            name=f"{attempt.folder.parent.parent.name}-{attempt.label.replace('/', '-')}",
            command=attempt.agent.command,
            image=settings.resolve_image(attempt.agent, runtime),
            folders=folders,
            environment=_agent_environment(attempt, settings.limits),
            network=settings.network,
            limits=settings.limits,
            log_file=attempt.folder / LOG_NAME,
        ),
        cancelled=cancelled,
    )
    report = _grade(attempt, attempt.folder / "submission", data.answers)
    outcome, reason = decide(ending, report)
    return AttemptResult(
        **facts,
        outcome=outcome,
        reason=reason,
        ended=ending.how,
        exit_code=ending.exit_code,
        seconds=round(ending.seconds, 3),
        started_at=ending.started_at,
        ended_at=ending.ended_at,
        grading=report.to_dict(),
        environment={"versions": dict(versions), "runtime": {**description, **ending.details}},
    )


def _make_folders(attempt: Attempt, data: RunData, settings: Settings) -> Folders:
    """Make the folders that the agent sees, and its instructions."""
    for name in ("submission", "logs", "code"):
        (attempt.folder / name).mkdir(parents=True)
    text = instructions(
        attempt.competition, attempt.version, limits=settings.limits, network=settings.network
    )
    path = attempt.folder / "instructions.txt"
    path.write_text(text, encoding="utf-8")
    # Readable for the sandbox' user, whatever the umask here.
    path.chmod(0o644)
    return Folders(
        data=data.public.resolve(),
        agent=attempt.agent.folder,
        instructions=path.resolve(),
        submission=(attempt.folder / "submission").resolve(),
        logs=(attempt.folder / "logs").resolve(),
        code=(attempt.folder / "code").resolve(),
    )
