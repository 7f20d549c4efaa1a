"""How a run goes, as lines of text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mlebench_data.harness.attempt import Attempt
from mlebench_data.harness.result import AttemptResult


class ProgressLines:
    """An observer that writes one line for each thing that happens.

    Parameters
    ----------
    tell : callable
        Writes a line.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def planned(self, attempts: Sequence[Attempt]) -> None:  # noqa: D102
        number = "1 attempt" if len(attempts) == 1 else f"{len(attempts)} attempts"
        self._tell(f"{number} in {attempts[0].folder.parent.parent}" if attempts else number)

    def kept(self, attempt: Attempt, result: AttemptResult) -> None:  # noqa: D102
        self._tell(_line("kept", attempt, result))

    def started(self, attempt: Attempt, tries: int) -> None:  # noqa: D102
        again = f" (try {tries})" if tries > 1 else ""
        self._tell(f"  {'started':<13} {attempt.label}{again}")

    def adopted(self, attempt: Attempt) -> None:  # noqa: D102
        self._tell(f"  {'taken over':<13} {attempt.label}")

    def retried(self, attempt: Attempt, reason: str, delay_seconds: float) -> None:  # noqa: D102
        self._tell(f"  {'to be retried':<13} {attempt.label} in {delay_seconds:.0f} s: {reason}")

    def finished(self, attempt: Attempt, result: AttemptResult) -> None:  # noqa: D102
        self._tell(_line(result.outcome, attempt, result))

    def noted(self, attempt: Attempt | None, text: str) -> None:  # noqa: D102
        self._tell(text if attempt is None else f"  {'note':<13} {attempt.label}: {text}")


def _line(word: str, attempt: Attempt, result: AttemptResult) -> str:
    """Put a result into one line."""
    score = (result.grading or {}).get("score")
    shown = "" if score is None else f" {score}"
    took = "" if result.seconds is None else f" after {result.seconds:.1f} s"
    reason = f": {result.reason}" if result.reason else ""
    return f"  {word:<13} {attempt.label}{shown}{took}{reason}"
