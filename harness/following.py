"""How far a run is, from its folder alone: also for the run of another process or machine."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlebench_data.errors import DataNotFoundError, IntegrityError
from mlebench_data.harness.attempt import LOG_NAME
from mlebench_data.harness.result import FINAL, AttemptResult
from mlebench_data.harness.run_folder import FILE_NAME as RUN_NAME
from mlebench_data.harness.run_folder import is_held
from mlebench_data.harness.state import AttemptState

_TAIL_BYTES = 4096
USAGE_NAME = "usage.json"

# Control sequences of terminals, then single control characters: an agent wrote the log.
_CONTROL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])?")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Progress:
    """How far one attempt is.

    Attributes
    ----------
    label : str
        `<competition>/<agent>-seed<n>`.
    state : str
        A state of `state.json`, or `waiting` where the attempt has not begun, or `lost` where its
        harness is gone and it has neither ended nor a sandbox that could be taken over.
    outcome : str or None
        Outcome of the result, if there is one.
    score : float or None
        Its score.
    medal : str or None
        Its medal.
    elapsed_seconds, limit_seconds : float or None
        How long the agent has had, and may have.
    tries : int
        How often it was started.
    node : str or None
        The machine.
    gpus : tuple of str
        Its GPUs.
    cost_usd : float or None
        What it has spent for language models.
    last_line : str
        Last line of its log, made harmless.
    reason : str or None
        Explanation.
    """

    label: str
    state: str
    outcome: str | None = None
    score: float | None = None
    medal: str | None = None
    elapsed_seconds: float | None = None
    limit_seconds: float | None = None
    tries: int = 0
    node: str | None = None
    gpus: tuple[str, ...] = ()
    cost_usd: float | None = None
    last_line: str = ""
    reason: str | None = None


def labels(run: Path) -> list[str]:
    """Return the labels of all attempts of a run, in its order.

    Raises
    ------
    DataNotFoundError
        If the folder is none of a run.
    """
    try:
        record = json.loads((run / RUN_NAME).read_text(encoding="utf-8"))
        return [str(label) for label in record["attempts"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        found = sorted({path.parent for path in run.glob("*/*-seed*/*.json")})
        if not found:
            raise DataNotFoundError(
                f"{run} is no folder of a run: it has no {RUN_NAME}. `mlebench run` makes one."
            ) from error
        return [path.relative_to(run).as_posix() for path in found]


def follow(run: Path, *, with_log: bool = True) -> tuple[list[Progress], bool]:
    """Return how far all attempts of a run are, and whether a harness works on it.

    Parameters
    ----------
    run : pathlib.Path
        The run folder.
    with_log : bool
        Read last lines of logs.

    Raises
    ------
    DataNotFoundError
        If the folder is none of a run.
    """
    is_alive = is_held(run)
    return [
        progress(run / label, label, is_alive=is_alive, with_log=with_log) for label in labels(run)
    ], is_alive


def progress(folder: Path, label: str, *, is_alive: bool, with_log: bool = True) -> Progress:
    """Return how far one attempt is; see `follow`."""
    from mlebench_data.harness.commands.grade import medal

    try:
        result = AttemptResult.read(folder)
    except IntegrityError as error:
        return Progress(label, "failed", reason=str(error))
    state = AttemptState.read(folder)
    last = last_line(folder / LOG_NAME) if with_log else ""
    common: dict[str, Any] = {"last_line": last, "cost_usd": _cost(folder)}
    under_way = state is not None and state.state in ("starting", "running", "scoring")
    if result is not None and (result.outcome in FINAL or not under_way):
        grading = result.grading or {}
        return Progress(
            label,
            "done" if result.outcome in FINAL else "failed",
            outcome=result.outcome,
            score=grading.get("score"),
            medal=medal(grading) or None,
            elapsed_seconds=result.seconds,
            limit_seconds=(result.settings.get("limits") or {}).get("time_seconds"),
            tries=result.tries,
            node=result.node,
            gpus=tuple(gpu["uuid"] for gpu in result.gpus),
            reason=result.reason,
            **common,
        )
    if state is None:
        return Progress(label, "waiting", **common)
    elapsed = None
    if state.started_at is not None:
        begin = datetime.fromisoformat(state.started_at)
        elapsed = (datetime.now(UTC) - begin).total_seconds()
    word: str = state.state
    if under_way and not is_alive and not state.token and state.execution is None:
        word = "lost"
    return Progress(
        label,
        word,
        elapsed_seconds=elapsed,
        limit_seconds=state.time_limit_seconds,
        tries=state.tries,
        node=state.node,
        gpus=tuple(state.gpus),
        reason=state.reason,
        **common,
    )


def last_line(log: Path) -> str:
    """Return the last line of a log that is not empty, fit for a terminal."""
    try:
        with log.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            stream.seek(max(size - _TAIL_BYTES, 0))
            text = stream.read(_TAIL_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""
    # A progress bar rewrites its line by returning to its begin.
    lines = [line for line in re.split(r"[\r\n]+", text) if line.strip()]
    return harmless(lines[-1]).strip() if lines else ""


def harmless(text: str) -> str:
    """Return a text without what would steer a terminal; tabs and newlines stay."""
    return _UNPRINTABLE.sub("", _CONTROL.sub("", text))


def _cost(folder: Path) -> float | None:
    try:
        cost = json.loads((folder / USAGE_NAME).read_text(encoding="utf-8"))["cost_usd"]
        return None if cost is None else float(cost)
    except (OSError, ValueError, KeyError, TypeError):
        return None
