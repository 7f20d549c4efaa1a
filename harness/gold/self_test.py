"""The self-test of one competition, in place of an agent: submit the answers, expect the best."""

from __future__ import annotations

import dataclasses
import platform
import time
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from mlebench_data.catalogue import Competition
from mlebench_data.harness.attempt import Attempt, Settings
from mlebench_data.harness.collect import FILE_NAME as SUBMISSION_NAME
from mlebench_data.harness.executor import Execution, Executor, Started, Work
from mlebench_data.harness.result import AttemptResult
from mlebench_data.harness.runtimes.base import Cancelled, Ending
from mlebench_data.harness.runtimes.failures import LastingFailure
from mlebench_data.harness.sources import RunData

#: What records say in place of a runtime.
DESCRIPTION = {"runtime": "self-test", "isolation": False}


class SelfTestOnly(Executor):
    """Serves runs of the self-test alone, which need no runtime."""

    name = "self-test"
    isolates = False

    def describe(self) -> dict[str, Any]:
        """Say that there is no runtime; see `Executor.describe`."""
        return dict(DESCRIPTION)

    def places(self, settings: Settings) -> int:
        """Grade one after the other: it takes much memory; see `Executor.places`."""
        return 1

    def execute(self, work: Work, *, cancelled: Cancelled, started: Started) -> Execution:
        """Refuse: there is nothing to run an agent with; see `Executor.execute`."""
        raise LastingFailure(
            f"The agent {work.attempt.agent.name} needs a runtime, and this run has none. Choose "
            "one with --runtime."
        )

    def adopt(
        self, token: str, gpus: Collection[str], work: Work, *, cancelled: Cancelled
    ) -> Execution | None:
        """Find nothing: no agent was ever started; see `Executor.adopt`."""
        return None

    def remove_leftovers(self, keep: Collection[str] = (), drop: Collection[str] = ()) -> list[str]:
        """Find nothing; see `Executor.remove_leftovers`."""
        return []


def submit_answers(attempt: Attempt, data: RunData) -> Execution:
    """Write the submission that holds the answers where an agent would put its own.

    Parameters
    ----------
    attempt : Attempt
        Which. Its folders exist.
    data : RunData
        The competition's data.
    """
    from mlebench_data.harness.gold.perfect_submission import perfect_submission

    started_at, start = datetime.now(UTC), time.monotonic()
    table = perfect_submission(attempt.competition, attempt.version, data.answers)
    table.to_csv(attempt.folder / "submission" / SUBMISSION_NAME, index=False)
    ending = Ending(
        how="exited",
        exit_code=0,
        seconds=time.monotonic() - start,
        started_at=started_at.isoformat(),
        ended_at=datetime.now(UTC).isoformat(),
        details=dict(DESCRIPTION),
    )
    return Execution(ending, platform.node(), runtime=dict(DESCRIPTION))


def expect_best(competition: Competition, result: AttemptResult) -> AttemptResult:
    """Turn a record into one of a fault of ours, unless the answers scored best.

    Parameters
    ----------
    competition : Competition
        The competition.
    result : AttemptResult
        What grading made of the answers.
    """
    fault = _fault(competition, result)
    if fault is None:
        return result
    return dataclasses.replace(result, outcome="infra_error", reason=f"self-test: {fault}")


def _fault(competition: Competition, result: AttemptResult) -> str | None:
    from mlebench_data.grading.grade import SCORE_DECIMALS
    from mlebench_data.harness.gold.perfect_submission import best_score

    grading = result.grading or {}
    if result.outcome != "scored":
        return f"the answers, submitted, are {result.outcome}: {result.reason}"
    score = grading["score"]
    best = best_score(competition.version(result.version))
    if best is not None and score != round(best, SCORE_DECIMALS):
        return f"the answers, submitted, score {score}, but the best score is {best:g}"
    if competition.facts.leaderboard is not None and not grading["gold_medal"]:
        return f"the answers, submitted, score {score}, and get no gold medal"
    return None
