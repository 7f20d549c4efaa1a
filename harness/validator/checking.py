"""Having a file checked by a process of its own, a few at a time."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from mlebench_data.catalogue import Competition

#: Time for one check, in seconds.
SECONDS = 300
_LEAST_MEMORY = 4 * 1024**3
_MOST_MEMORY = 16 * 1024**3
_LONGEST_REASON = 2000

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
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False

    def check(self, path: Path) -> Verdict:
        """Check a file, which must be named `*.csv` and lie in a folder without anything else."""
        job = {
            "competition": str(self._competition.folder),
            "version": self._version,
            "path": str(path),
            "sample": None if self._sample is None else str(self._sample),
            "memory_bytes": _memory(),
            "seconds": SECONDS,
        }
        with _AT_ONCE:
            with self._lock:
                if self._stopped:
                    return Verdict(None, "the attempt is over")
                self._process = process = subprocess.Popen(
                    [sys.executable, "-m", f"{__package__}.check"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    cwd=path.parent,
                    env=_environment(),
                )
            try:
                output, errors = process.communicate(json.dumps(job), timeout=SECONDS)
            except subprocess.TimeoutExpired:
                return Verdict(None, f"it takes more than {SECONDS} seconds")
            finally:
                process.kill()
                process.wait()
        if process.returncode != 0:
            if not self._stopped:
                logger.warning(
                    "Checking a submission failed: %s", errors.strip()[-_LONGEST_REASON:]
                )
            return Verdict(None, "it takes too much time or memory, or the validator has a fault")
        verdict = json.loads(output)
        if "error" in verdict:
            return Verdict(None, verdict["error"])
        reason = verdict["reason"]
        if reason is not None:
            # An agent has no use for a path on the host.
            reason = reason.replace(str(path), path.name)[:_LONGEST_REASON]
        return Verdict(verdict["valid"], reason, verdict["ids_checked"])

    def stop(self) -> None:
        """End the check that is under way; no other one begins."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()


def _memory() -> int:
    import psutil

    return max(_LEAST_MEMORY, min(_MOST_MEMORY, psutil.virtual_memory().total // 4))


def _environment() -> dict[str, str]:
    """Return what a Python process needs to start, without keys and tokens."""
    names = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "HOME", "TMPDIR")
    return {name: os.environ[name] for name in names if name in os.environ}
