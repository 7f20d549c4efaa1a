"""From what an agent left to its record: the submission scored, snapshots too."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlebench_data.catalogue import Competition
from mlebench_data.grading import GradeReport
from mlebench_data.grading.grade import report_of
from mlebench_data.harness.attempt import Attempt, Settings
from mlebench_data.harness.collect import FILE_NAME as SUBMISSION_NAME
from mlebench_data.harness.collect import UnsafeSubmissionError, find_submission
from mlebench_data.harness.executor import SNAPSHOTS, Execution
from mlebench_data.harness.limited_grading import grade_within_limits
from mlebench_data.harness.provenance import provenance, software_versions
from mlebench_data.harness.result import AttemptResult, decide
from mlebench_data.harness.runtimes.snapshots import seconds_of
from mlebench_data.harness.sources import RunData
from mlebench_data.prepare.manifest import hash_file


def grade_submission(
    competition: Competition, version: str, folder: Path, answers: bytes
) -> tuple[GradeReport, str | None]:
    """Grade what lies in an attempt's submission folder, unless it is unsafe to open.

    Parameters
    ----------
    competition : Competition
        The competition.
    version : str
        Its data version.
    folder : pathlib.Path
        The attempt's folder.
    answers : bytes
        Content of the answers file.

    Returns
    -------
    report : GradeReport
        The verdict.
    sha256 : str or None
        Digest of the submission; None where there is none that may be opened.

    Raises
    ------
    RuntimeFailure
        If the process that grades cannot be started.
    """
    digest = None
    try:
        path = find_submission(folder / "submission")
    except UnsafeSubmissionError as error:
        # Nothing of the agent's is opened.
        report = report_of(competition, version, "invalid", str(error))
    else:
        if path is not None:
            digest = hash_file(path)[0]
        path = path or folder / "submission" / SUBMISSION_NAME
        report = grade_within_limits(competition, version, path, answers)
    # The record travels with its folder, so it must not name where the folder happened to lie.
    return dataclasses.replace(report, submission_path=f"submission/{SUBMISSION_NAME}"), digest


def submission_digest(folder: Path) -> str | None:
    """Return the SHA-256 of the submission in a folder, None where none may be opened."""
    try:
        path = find_submission(folder)
    except UnsafeSubmissionError:
        return None
    return None if path is None else hash_file(path)[0]


def score_snapshots(
    competition: Competition, version: str, folder: Path, answers: bytes
) -> list[dict[str, Any]]:
    """Grade the copies that were made of the submission while the agent worked.

    Parameters
    ----------
    competition, version, folder, answers
        As for `grade_submission`.
    """
    found = []
    # An agent without isolation may have put anything there.
    copies = [
        (seconds, path)
        for path in (folder / SNAPSHOTS).glob("*.csv")
        if (seconds := seconds_of(path.name)) is not None
        and path.is_file()
        and not path.is_symlink()
    ]
    for seconds, path in sorted(copies):
        report = grade_within_limits(competition, version, path, answers)
        found.append(
            {
                "seconds": seconds,
                "sha256": hash_file(path)[0],
                "status": report.status,
                "score": report.score,
                "any_medal": report.any_medal,
            }
        )
    return found


def conclude(
    attempt: Attempt,
    data: RunData,
    settings: Settings,
    execution: Execution,
    *,
    facts: Mapping[str, Any],
    tries: int,
) -> AttemptResult:
    """Score what an agent left and make its record.

    Parameters
    ----------
    attempt : Attempt
        Which.
    data : RunData
        The competition's data.
    settings : Settings
        What held for it.
    execution : Execution
        How the agent was run.
    facts : mapping
        Its `known_facts`.
    tries : int
        How often it was started.
    """
    ending = execution.ending
    place = attempt.competition, attempt.version, attempt.folder
    report, digest = grade_submission(*place, data.answers)
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
        environment={
            "versions": dict(software_versions()),
            "runtime": {**execution.runtime, **ending.details},
        },
        data=data.record(),
        submission_sha256=digest,
        tries=tries,
        node=execution.node,
        gpus=[dataclasses.asdict(gpu) for gpu in execution.gpus],
        usage=execution.usage,
        snapshots=score_snapshots(*place, data.answers),
        test_feedback=execution.test_feedback,
        profile=profile_record(settings),
        provenance=provenance(),
    )


def failed(
    attempt: Attempt,
    data: RunData,
    settings: Settings,
    reason: str,
    *,
    facts: Mapping[str, Any],
    tries: int,
    description: Mapping[str, Any],
) -> AttemptResult:
    """Make the record of an attempt that the machinery failed."""
    return AttemptResult(
        **facts,
        outcome="infra_error",
        reason=reason,
        ended=None,
        exit_code=None,
        seconds=None,
        started_at=None,
        ended_at=None,
        grading=None,
        environment={"versions": dict(software_versions()), "runtime": dict(description)},
        data=data.record(),
        tries=tries,
        profile=profile_record(settings),
        provenance=provenance(),
    )


def profile_record(settings: Settings) -> dict[str, Any]:
    """Return what a record says of the resource profile."""
    return {"name": settings.profile, "deviations": dict(settings.deviations)}
