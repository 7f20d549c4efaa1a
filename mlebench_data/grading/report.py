"""The reports of grading and validation, and their strict JSON form."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["valid", "invalid", "missing", "error"]


def strict_json(content: Any, *, indent: int | None = None) -> str:
    """Return JSON that every parser reads.

    Numbers that JSON does not know become the strings "NaN", "Infinity" and "-Infinity".
    """

    def replace(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: replace(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [replace(item) for item in value]
        if isinstance(value, float) and not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        return value

    return json.dumps(replace(content), indent=indent, ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True)
class ValidationReport:
    """Whether a submission has the right format.

    Attributes
    ----------
    competition_id, version : str
        What it was checked against.
    status : {"valid", "invalid", "missing"}
        `missing`: there is no file.
    reason : str or None
        What is wrong, for a person.
    ids_checked : bool
        Whether the row ids were compared with those of the sample submission.
    """

    competition_id: str
    version: str
    status: Status
    reason: str | None
    ids_checked: bool

    def to_json(self) -> str:
        """Return the report as one line of strict JSON."""
        return strict_json(asdict(self))


@dataclass(frozen=True)
class GradeReport:
    """The result of grading one submission.

    Attributes
    ----------
    competition_id, version : str
        What it was graded against.
    submission_path : str or None
        The file; None for a table in memory.
    submission_sha256 : str or None
        Digest of the file.
    status : {"valid", "invalid", "missing", "error"}
        `invalid`: the submission is at fault; `missing`: there is none; `error`: we are at fault.
    reason : str or None
        What is wrong, for a person. A valid submission has one only if its score is not finite.
    score : float or None
        Rounded to 5 decimals, as the published benchmark does; medals compare this.
    raw_score : float or None
        Full precision.
    metric : str
        Name of the metric.
    is_lower_better : bool
        Direction of the score.
    gold_threshold, silver_threshold, bronze_threshold, median_threshold : float or None
        Scores of the human leaderboard; None where there is no leaderboard.
    gold_medal, silver_medal, bronze_medal, any_medal, above_median : bool
        At most one medal is true. Always false without a leaderboard or a score.
    percentile : float or None
        Share of the human teams, between 0 and 1, that the score beats.
    normalised_score : float or None
        The score on the scale where the sample submission is 0 and the gold threshold 1; without
        bounds. None where there is no leaderboard, no known score of the sample submission, or no
        score (NaN included).
    """

    competition_id: str
    version: str
    submission_path: str | None
    submission_sha256: str | None
    status: Status
    reason: str | None
    score: float | None
    raw_score: float | None
    metric: str
    is_lower_better: bool
    gold_threshold: float | None
    silver_threshold: float | None
    bronze_threshold: float | None
    median_threshold: float | None
    gold_medal: bool
    silver_medal: bool
    bronze_medal: bool
    any_medal: bool
    above_median: bool
    percentile: float | None
    normalised_score: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the report as a dictionary."""
        return asdict(self)

    def to_json(self, *, indent: int | None = None) -> str:
        """Return the report as strict JSON."""
        return strict_json(self.to_dict(), indent=indent)
