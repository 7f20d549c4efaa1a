"""One attempt as a report counts it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import UnionType
from typing import Any, Literal, get_args

from mlebench_data.errors import IntegrityError
from mlebench_data.harness.result import FINAL, AttemptResult, Outcome

Medal = Literal["gold", "silver", "bronze"]
MEDALS: tuple[Medal, ...] = get_args(Medal)

#: How strict JSON writes the numbers that JSON does not know.
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


@dataclass(frozen=True)
class Snapshot:
    """A submission as it was while its agent worked.

    Attributes
    ----------
    seconds : float
        Since the start.
    score : float or None
        Its score, None where it was not valid.
    any_medal : bool
        Whether the score would have won a medal.
    """

    seconds: float
    score: float | None
    any_medal: bool


@dataclass(frozen=True)
class Attempt:
    """One attempt as a report counts it.

    Attributes
    ----------
    record : AttemptResult
        The record.
    folder : str
        Where it lies: run folder and label, for people.
    final : bool
        Whether it says something about the agent. An infrastructure failure does not: it is
        counted as missing.
    made, valid, above_median : bool
        Whether there is a submission, a valid one, one better than the median of the humans.
    medal : str or None
        `gold`, `silver`, `bronze`.
    score, percentile, normalised_score : float or None
        As graded.
    is_lower_better : bool
        Direction of the score.
    thresholds : mapping of str to float
        Scores for `gold`, `silver`, `bronze` and `median`; empty where there is no leaderboard.
    seconds, cost_usd : float or None
        Time of the agent, and what language models cost.
    prompt_tokens, completion_tokens : float or None
        Tokens, as the proxy counted them.
    snapshots : tuple of Snapshot
        In order of time.
    """

    record: AttemptResult
    folder: str
    final: bool
    made: bool
    valid: bool
    above_median: bool
    medal: Medal | None
    score: float | None
    percentile: float | None
    normalised_score: float | None
    is_lower_better: bool
    thresholds: Mapping[str, float]
    seconds: float | None
    cost_usd: float | None
    prompt_tokens: float | None
    completion_tokens: float | None
    snapshots: tuple[Snapshot, ...]

    @property
    def key(self) -> tuple[str, str, int]:
        """Competition, agent and seed."""
        return self.record.competition_id, self.record.agent, self.record.seed

    @property
    def snapshots_within(self) -> tuple[Snapshot, ...]:
        """Those from before its end: what lay there later, nobody submitted."""
        end = math.inf if self.seconds is None else self.seconds
        return tuple(item for item in self.snapshots if item.seconds < end)


def count(result: AttemptResult, folder: str) -> Attempt:
    """Read from a record what a report counts.

    Parameters
    ----------
    result : AttemptResult
        The record. It may come from elsewhere, so nothing is taken for granted.
    folder : str
        Where it lies.

    Raises
    ------
    IntegrityError
        If a field is not of its kind.
    """
    try:
        return _count(result, folder)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise IntegrityError(f"{folder}/result.json is no record of an attempt: {error}") from error


def _count(result: AttemptResult, folder: str) -> Attempt:
    _check_kinds(result)
    grading = result.grading or {}
    usage = result.usage or {}
    final = result.outcome in FINAL
    medal = next((name for name in MEDALS if grading.get(f"{name}_medal") is True), None)
    thresholds = {
        name: value
        for name in (*MEDALS, "median")
        if (value := _number(grading, f"{name}_threshold")) is not None
    }
    valid = result.outcome == "scored"
    return Attempt(
        record=result,
        folder=folder,
        final=final,
        made=result.outcome in ("scored", "invalid"),
        valid=valid,
        above_median=valid and grading.get("above_median") is True,
        medal=medal if valid else None,
        score=_number(grading, "score"),
        percentile=_number(grading, "percentile"),
        normalised_score=_number(grading, "normalised_score"),
        is_lower_better=grading.get("is_lower_better") is True,
        thresholds=thresholds,
        seconds=_finite(result.seconds, "seconds"),
        cost_usd=_finite(usage.get("cost_usd"), "usage.cost_usd"),
        prompt_tokens=_finite(usage.get("prompt_tokens"), "usage.prompt_tokens"),
        completion_tokens=_finite(usage.get("completion_tokens"), "usage.completion_tokens"),
        snapshots=tuple(sorted(map(_snapshot, result.snapshots), key=lambda item: item.seconds)),
    )


#: What each field must be; numbers are checked where they are read.
_KINDS: dict[type | UnionType, tuple[str, ...]] = {
    str: ("competition_id", "version", "agent", "outcome"),
    str | None: (
        "reason", "ended", "started_at", "ended_at", "node", "submission_sha256",
        "data_manifest_sha256", "metric_sha256", "test_feedback",
    ),
    int: ("seed", "tries"),
    int | None: ("exit_code",),
    bool: ("isolated",),
    dict: ("settings", "environment", "data", "profile", "provenance"),
    dict | None: ("grading", "usage"),
    list: ("gpus", "snapshots"),
}  # fmt: skip


def _check_kinds(result: AttemptResult) -> None:
    for kind, names in _KINDS.items():
        for name in names:
            value = getattr(result, name)
            # True is an integer for Python, but no seed.
            if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
                raise ValueError(f"{name} is {value!r:.80}")
    if not (result.competition_id and result.agent) or result.seed < 0:
        raise ValueError("it does not say whose attempt it is")
    if result.outcome not in get_args(Outcome):
        raise ValueError(f"there is no outcome {result.outcome!r:.80}")
    if not all(isinstance(item, dict) for item in (*result.gpus, *result.snapshots)):
        raise ValueError("gpus and snapshots must be lists of mappings")
    # Half of a surrogate pair is JSON, but no form of the report could be written with it.
    json.dumps(asdict(result), ensure_ascii=False).encode()


def _snapshot(entry: Mapping[str, Any]) -> Snapshot:
    seconds = _finite(entry.get("seconds"), "snapshots.seconds")
    if seconds is None:
        raise ValueError("a snapshot has no seconds")
    valid = entry.get("status") == "valid"
    score = _number(entry, "score") if valid else None
    return Snapshot(seconds, score, valid and entry.get("any_medal") is True)


def _number(mapping: Mapping[str, Any], name: str) -> float | None:
    """Return a number of a record, whatever strict JSON made of it."""
    value = mapping.get(name)
    if isinstance(value, str):
        value = _NOT_FINITE.get(value, value)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is {value!r}, which is no number")
    return float(value)


def _finite(value: Any, name: str) -> float | None:
    number = _number({name: value}, name)
    if number is not None and not 0 <= number < math.inf:
        raise ValueError(f"{name} is {value!r}")
    return number
