"""Having a file checked by a process of its own, a few at a time."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from mlebench_data.catalogue import Competition
from mlebench_data.harness.limited.client import PROCESSES, Handle, How
from mlebench_data.harness.limited.limits import ProcessLimits
from mlebench_data.harness.limited.tasks import Task
from mlebench_data.harness.runtimes.failures import RuntimeFailure

#: Time for one check, in seconds.
SECONDS = 300.0
_LEAST_MEMORY = 4 * 1024**3
_MOST_MEMORY = 16 * 1024**3
_LONGEST_REASON = 2000
_EXPLANATIONS: dict[How, str] = {
    "out_of_memory": "it takes too much memory",
    "out_of_time": "it takes too much time",
    "died": "it takes too much time or memory, or the validator has a fault",
    "fault": "the validator has a fault",
    "cancelled": "the attempt is over",
}

#: The host serves agents besides checking for them.
_AT_ONCE = threading.BoundedSemaphore(2)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Verdict:
    """What came of a check.

    Attributes
    ----------
    valid : bool or None
        Whether the format is right; None where it could not be found out.
    reason : str or None
        What is wrong.
    ids_checked : bool
        Whether the row ids were compared with those of the sample submission.
    """

    valid: bool | None
    reason: str | None = None
    ids_checked: bool = False

    def text(self) -> str:
        """Return the verdict in a sentence."""
        if self.valid is None:
            return f"Submission could not be checked: {self.reason}"
        if not self.valid:
            return f"Submission invalid! {self.reason}"
        return "Submission is valid." + (
            "" if self.ids_checked else " (Row ids cannot be compared in this competition.)"
        )


class Checker:
    """Checks files for one competition.

    Parameters
    ----------
    competition : Competition
        The competition.
    version : str
        Its data version.
    sample : pathlib.Path or None
        The public sample submission, whose ids a submission must have.
    """

    def __init__(self, competition: Competition, version: str, sample: Path | None) -> None:
        self._competition = competition
        self._version = version
        self._sample = sample
        self._handle = Handle()

    def check(self, path: Path) -> Verdict:
        """Check a file, which must be named `*.csv` and lie in a folder without anything else."""
        task = Task("validate", self._competition, self._version, path, self._sample)
        limits = ProcessLimits(_memory(), SECONDS, niceness=10)
        with _AT_ONCE:
            if self._handle.cancelled:
                return Verdict(None, "the attempt is over")
            try:
                done = PROCESSES.do(task, limits, handle=self._handle)
            except RuntimeFailure as error:
                logger.warning("Checking a submission failed: %s", error)
                return Verdict(None, "the validator has a fault")
        if done.how != "done":
            if done.how in ("fault", "died"):
                logger.warning("Checking a submission failed: %s", done.traceback or done.code)
            return Verdict(None, _EXPLANATIONS[done.how])
        reason = done.result["reason"]
        if reason is not None:
            # An agent has no use for a path on the host.
            reason = reason.replace(str(path), path.name)[:_LONGEST_REASON]
        return Verdict(done.result["valid"], reason, done.result["ids_checked"])

    def stop(self) -> None:
        """End the check that is under way; no other one begins."""
        self._handle.cancel()


def _memory() -> int:
    import psutil

    return max(_LEAST_MEMORY, min(_MOST_MEMORY, psutil.virtual_memory().total // 4))
