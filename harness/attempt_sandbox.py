"""From an attempt to the sandbox that its agent is given."""

from __future__ import annotations

from pathlib import Path

from mlebench_data.harness.attempt import LOG_NAME, agent_environment
from mlebench_data.harness.executor import SNAPSHOTS, Work
from mlebench_data.harness.instructions import instructions
from mlebench_data.harness.runtimes.sandbox import (
    Folders,
    Gpu,
    ModelAccess,
    Sandbox,
    Snapshots,
    Warnings,
)
from mlebench_data.harness.validator.server import ValidatorServer


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
        secrets=(*work.secrets.values(), *(models.secrets if models is not None else ())),
    )


def public_sample(work: Work) -> Path | None:
    """Return the public sample submission, None where there is only the agent's own copy of it."""
    block = work.attempt.competition.version(work.attempt.version)
    # The published benchmark keeps some beside the answers, which makes them no secret.
    path = work.public.parent / block.sample_submission
    if block.sample_submission.startswith("public/"):
        path = work.public / block.sample_submission.removeprefix("public/")
    return path if path.is_file() else None
