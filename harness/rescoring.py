"""Scoring again what agents of an earlier run had submitted."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import cast

from mlebench_data.catalogue import Competition
from mlebench_data.errors import DataNotFoundError, IntegrityError
from mlebench_data.harness.gold.self_test import expect_best
from mlebench_data.harness.provenance import provenance, software_versions
from mlebench_data.harness.result import (
    FILE_NAME,
    AttemptResult,
    decide,
    metric_digest,
    record_paths,
)
from mlebench_data.harness.runtimes.base import Ending, HowEnded
from mlebench_data.harness.scoring import grade_submission, score_snapshots, submission_digest
from mlebench_data.harness.sources import Answers, Source


def rescore(folder: Path, source: Source, *, force: bool, tell: Callable[[str], None]) -> int:
    """Score all submissions of a run again, where anything that determines a score has changed.

    Parameters
    ----------
    folder : pathlib.Path
        The run folder.
    source : Source
        Where the answers come from.
    force : bool
        Score also where nothing has changed.
    tell : callable
        Told of each attempt in a line.

    Returns
    -------
    int
        How many records were written anew. The old ones are kept beside them, as
        `result.<number>.json`.

    Raises
    ------
    DataNotFoundError
        If there are no records, or no answers.
    """
    from mlebench_data.catalogue import load_competition

    records = record_paths(folder)
    if not records:
        raise DataNotFoundError(f"There are no results in {folder}: no */*/{FILE_NAME}.")
    loaded: dict[tuple[str, str], Answers] = {}
    changed = 0
    for path in records:
        try:
            old = AttemptResult.read(path.parent)
        except IntegrityError as error:
            tell(f"  skipped       {error}")
            continue
        if old is None or old.ended in (None, "interrupted"):
            tell(f"  no end        {path.parent.relative_to(folder)}: the agent is to be run again")
            continue
        competition = load_competition(old.competition_id)
        key = (old.competition_id, old.version)
        if key not in loaded:
            loaded[key] = source.answers(competition, old.version)
        data = loaded[key]
        name = path.parent.relative_to(folder)
        metric = competition.version(old.version).metric.name
        same = (
            old.submission_sha256 == submission_digest(path.parent / "submission")
            and old.data_manifest_sha256 == data.manifest_sha256
            and old.metric_sha256 == metric_digest(metric)
            and old.outcome != "infra_error"
        )
        if same and not force:
            tell(f"  unchanged     {name}")
            continue
        new = _score(competition, path.parent, old, data)
        number = 1 + len(list(path.parent.glob("result.*.json")))
        # A second name, so that there is a record at every moment.
        path.with_name(f"result.{number}.json").hardlink_to(path)
        new.write(path.parent)
        changed += 1
        before, after = ((item.grading or {}).get("score") for item in (old, new))
        tell(f"  {new.outcome:<13} {name}: {before} -> {after}")
    return changed


def _score(
    competition: Competition, folder: Path, old: AttemptResult, data: Answers
) -> AttemptResult:
    """Return the record of an attempt with its submission scored now."""
    assert old.ended is not None
    ending = Ending(
        how=cast(HowEnded, old.ended),
        exit_code=old.exit_code,
        seconds=old.seconds or 0.0,
        started_at=old.started_at or "",
        ended_at=old.ended_at or "",
    )
    report, digest = grade_submission(competition, old.version, folder, data.answers)
    outcome, reason = decide(ending, report)
    new = dataclasses.replace(
        old,
        outcome=outcome,
        reason=reason,
        grading=report.to_dict(),
        data_manifest_sha256=data.manifest_sha256,
        metric_sha256=metric_digest(competition.version(old.version).metric.name),
        data=data.record(),
        submission_sha256=digest,
        snapshots=score_snapshots(competition, old.version, folder, data.answers),
        environment={**old.environment, "versions": dict(software_versions())},
        provenance=provenance(),
    )
    if old.settings.get("agent", {}).get("self_test"):
        return expect_best(competition, new)
    return new
