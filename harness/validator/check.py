"""The process that checks one file: `python -m mlebench_data.harness.validator.check`.

It reads a job from standard input and prints a verdict, both as JSON. What it opens was written by
an agent, so it has limits of its own, and nothing secret in its memory or environment.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any


def limit(memory_bytes: int, seconds: int) -> None:
    """Bound what this process may use, and let others go first."""
    os.nice(10)
    for kind, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def check(job: dict[str, Any]) -> dict[str, Any]:
    """Validate the file of a job; return `valid`, `reason` and `ids_checked`."""
    from mlebench_data.catalogue.catalogue import read_competition
    from mlebench_data.grading import validate

    competition = read_competition(Path(job["competition"]))
    path = Path(job["path"])
    sample = job["sample"]
    # In a data folder without anything in it, no ids are found.
    with tempfile.TemporaryDirectory(dir=path.parent) as nothing:
        report = validate(
            competition,
            path,
            data_dir=Path(nothing),
            sample_submission=None if sample is None else Path(sample),
            version=job["version"],
        )
    return {
        "valid": report.status == "valid",
        "reason": report.reason,
        "ids_checked": report.ids_checked,
    }


def main() -> int:
    """Do one job."""
    job = json.load(sys.stdin)
    limit(job["memory_bytes"], job["seconds"])
    try:
        verdict = check(job)
    except MemoryError:
        verdict = {"error": "it takes too much memory"}
    print(json.dumps(verdict))
    return 0


if __name__ == "__main__":
    sys.exit(main())
