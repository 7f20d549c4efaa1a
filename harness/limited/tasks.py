"""What can be done in a process with limits; a result is what JSON can say."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlebench_data.catalogue import Competition


@dataclass(frozen=True)
class Task:
    """What is to be done with a file.

    Attributes
    ----------
    name : {"grade", "validate"}
        Key of `TASKS`.
    competition : Competition
        The competition.
    version : str
        Its data version.
    path : pathlib.Path
        The file.
    sample : pathlib.Path, optional
        To validate: the public sample submission, whose ids the file must have.
    """

    name: str
    competition: Competition
    version: str
    path: Path
    sample: Path | None = None


def grade_file(task: Task, answers: bytes) -> dict[str, Any]:
    """Return the fields of a `GradeReport`."""
    from mlebench_data.grading import grade

    report = grade(
        task.competition,
        task.path,
        answers=answers,
        version=task.version,
        # The limit is generous for whatever is honest.
        memory_errors="raise",
    )
    return report.to_dict()


def validate_file(task: Task, _: bytes) -> dict[str, Any]:
    """Return `valid`, `reason` and `ids_checked`."""
    from mlebench_data.grading import validate

    # In a data folder without anything in it, no ids are found.
    with tempfile.TemporaryDirectory(dir=task.path.parent) as nothing:
        report = validate(
            task.competition,
            task.path,
            data_dir=Path(nothing),
            sample_submission=task.sample,
            version=task.version,
        )
    return {
        "valid": report.status == "valid",
        "reason": report.reason,
        "ids_checked": report.ids_checked,
    }


TASKS: Mapping[str, Callable[[Task, bytes], dict[str, Any]]] = {
    "grade": grade_file,
    "validate": validate_file,
}
