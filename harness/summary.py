"""Tables of results, for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from mlebench_data.errors import DataNotFoundError
from mlebench_data.harness.commands.grade import medal
from mlebench_data.harness.commands.output import print_table
from mlebench_data.harness.report.formatting import printable
from mlebench_data.harness.result import FILE_NAME, AttemptResult, record_paths


def read_results(folder: Path) -> list[AttemptResult]:
    """Read all results below a run folder, sorted by competition, agent and seed.

    Raises
    ------
    DataNotFoundError
        If there are none.
    """
    results = [
        result
        for path in record_paths(folder)
        if (result := AttemptResult.read(path.parent)) is not None
    ]
    if not results:
        raise DataNotFoundError(f"There are no results in {folder}: no */*/{FILE_NAME}.")
    return sorted(results, key=_order)


def _order(result: AttemptResult) -> tuple[str, str, int]:
    return result.competition_id, result.agent, result.seed


def result_row(result: AttemptResult) -> tuple[str, ...]:
    """Return the cells of one result: those of `COLUMNS`."""
    grading = result.grading or {}
    score = grading.get("score")
    percentile = grading.get("percentile")
    direction = "↓" if grading.get("is_lower_better") else "↑"
    notes = [result.reason] if result.reason else []
    if result.outcome in ("scored", "invalid"):
        # These follow from the submission alone, so how the agent ended is told besides.
        if result.ended != "exited":
            notes.append(f"ended: {result.ended}")
        elif result.exit_code:
            notes.append(f"exit code {result.exit_code}")
    cells = (
        result.competition_id,
        result.agent,
        str(result.seed),
        result.outcome,
        "" if score is None else f"{score} {direction}",
        str(grading.get("metric", "")),
        (medal(grading) or "-") if grading.get("gold_threshold") is not None else "n/a",
        "" if percentile is None else f"{percentile:.0%}",
        "" if result.seconds is None else f"{result.seconds:.1f}",
        "; ".join(notes),
    )
    # Reasons may quote what an agent wrote.
    return tuple(map(printable, cells))


COLUMNS = (
    "competition",
    "agent",
    "seed",
    "outcome",
    "score",
    "metric",
    "medal",
    "beats",
    "seconds",
    "note",
)


def print_results(results: Sequence[AttemptResult], to: TextIO | None = None) -> None:
    """Print one line for each result, sorted as `read_results` does, and what they come to.

    Parameters
    ----------
    results : sequence of AttemptResult
        The results.
    to : text stream, optional
        Where to; stdout by default.
    """
    rows = [result_row(item) for item in sorted(results, key=_order)]
    print_table(COLUMNS, rows, right=["score", "beats", "seconds"], to=to)
    scored = sum(item.outcome == "scored" for item in results)
    medals = sum(bool((item.grading or {}).get("any_medal")) for item in results)
    failures = sum(item.outcome == "infra_error" for item in results)
    parts = [
        "1 attempt" if len(results) == 1 else f"{len(results)} attempts",
        f"{scored} scored",
        f"{medals} with a medal",
    ]
    if failures:
        parts.append(f"{failures} failed for reasons that are not the agent's")
    self_tests = sum(item.is_self_test for item in results)
    if self_tests:
        parts.append(f"{self_tests} {'is a self-test' if self_tests == 1 else 'are self-tests'}")
    if not all(item.isolated or item.is_self_test for item in results):
        parts.append("agents ran without isolation (local runtime)")
    print("; ".join(parts), file=to)
