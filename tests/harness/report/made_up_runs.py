"""Run folders with made-up results of competitions of the catalogue."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mlebench_data.catalogue import load_competition, load_split
from mlebench_data.grading.leaderboard import standing
from mlebench_data.grading.report import GradeReport
from mlebench_data.harness.result import AttemptResult

GPU = {"index": 0, "uuid": "GPU-1", "name": "Made-up A10", "memory_bytes": 24 * 2**30}
RUNTIME = {
    "runtime": "docker",
    "engine_version": "27.0",
    "image_id": "sha256:0123456789abcdef",
    "hardware": {
        "cpu_model": "Made-up processor",
        "cpu_count": 36,
        "memory_bytes": 440 * 2**30,
        "machine": "x86_64",
        "system": "Linux 6.1",
    },
}


def grading(competition_id: str, score: float | None, status: str = "valid") -> dict[str, Any]:
    """Return the grading report of a score, against the competition's leaderboard."""
    competition = load_competition(competition_id)
    metric = competition.version().metric
    report = GradeReport(
        competition_id=competition_id,
        version="v1",
        submission_path="submission/submission.csv",
        submission_sha256=None,
        status=status,  # type: ignore[arg-type]
        reason=None,
        score=score,
        raw_score=score,
        metric=metric.name,
        is_lower_better=not metric.higher_is_better,
        **standing(competition, score, higher_is_better=metric.higher_is_better).__dict__,
    )
    return report.to_dict()


def record(
    competition_id: str, agent: str, seed: int, score: float | None = None, **changes: Any
) -> AttemptResult:
    """Return the record of an attempt: scored with a score, else without a submission."""
    result = AttemptResult(
        competition_id=competition_id,
        version="v1",
        agent=agent,
        seed=seed,
        outcome="no_submission" if score is None else "scored",
        reason="the agent ended without a submission" if score is None else None,
        ended="exited",
        exit_code=0,
        seconds=3600.0,
        started_at="2026-11-01T08:00:00+00:00",
        ended_at="2026-11-01T09:00:00+00:00",
        isolated=True,
        grading=grading(competition_id, score, "missing" if score is None else "valid"),
        data_manifest_sha256="d" * 64,
        metric_sha256="e" * 64,
        settings={"limits": {"time_seconds": 86400.0}, "network": "none", "image": "base:1"},
        environment={"versions": {"python": "3.11", "numpy": "2.4"}, "runtime": RUNTIME},
        data={"source": "hf://datasets/example", "revision": "v1", "commit": "c" * 40},
        node="node-1",
        gpus=[GPU],
        profile={"name": "paper-a10", "deviations": {}},
        provenance={"package_version": "0.1.0", "git_commit": "a" * 40, "git_modified": False},
    )
    return dataclasses.replace(result, **changes)


def snapshot(competition_id: str, seconds: float, score: float | None) -> dict[str, Any]:
    """Return the entry of a snapshot: valid with a score, else invalid."""
    graded = grading(competition_id, score, "invalid" if score is None else "valid")
    entry = {name: graded[name] for name in ("status", "score", "any_medal")}
    return {"seconds": seconds, "sha256": "f" * 64, **entry}


def infra_error(competition_id: str, agent: str, seed: int) -> AttemptResult:
    """Return the record of an attempt that the machinery failed."""
    return record(
        competition_id, agent, seed, outcome="infra_error", reason="the engine is gone",
        grading=None, ended=None, exit_code=None, seconds=None, started_at=None, ended_at=None,
    )  # fmt: skip


def write_run(
    folder: Path, records: Iterable[AttemptResult], asked: Iterable[str] | None = None
) -> Path:
    """Write a run folder; `asked` are the labels of run.json, which is left out with None."""
    folder.mkdir(parents=True, exist_ok=True)
    for item in records:
        item.write(folder / item.competition_id / f"{item.agent}-seed{item.seed}")
    if asked is not None:
        (folder / "run.json").write_text(json.dumps({"format": 1, "attempts": list(asked)}))
    return folder


def medal_score(competition_id: str, medal: str) -> float:
    """Return the score that just wins a medal, or lies at the median."""
    board = load_competition(competition_id).facts.leaderboard
    assert board is not None
    return float(getattr(board, medal))


def sample_run(folder: Path, *, seeds: int = 3, split: str = "low") -> Path:
    """Write a run of two agents over a split, with failures, snapshots and cost."""
    draw = random.Random(7)
    records = []
    for competition in load_split(split):
        facts = load_competition(competition).facts
        board = facts.leaderboard
        assert board is not None
        worst = board.sample_score
        if worst is None:
            worst = board.median - 3 * (board.gold - board.median)
        span = board.gold - worst
        hardness = draw.uniform(0.5, 1.06)
        for agent, skill in (("tree-search", 1.0), ("one-shot", 0.9)):
            for seed in range(seeds):
                chance = draw.random()
                seconds = draw.uniform(2, 24) * 3600 * (1.0 if agent == "tree-search" else 0.12)
                reached = min(1.03, hardness * skill * draw.uniform(0.96, 1.03))
                score = round(worst + span * reached, 5)
                usage = {
                    "requests": 300,
                    "prompt_tokens": int(seconds * 40),
                    "completion_tokens": int(seconds * 5),
                    "cost_usd": round(seconds / 3600 * draw.uniform(0.3, 0.5), 2),
                }
                common: dict[str, Any] = {"usage": usage, "seconds": round(seconds, 1)}
                if chance < 0.03:
                    failed = grading(competition, None, "invalid")
                    reason = "column `label`: row 17 is empty"
                    item = record(
                        competition, agent, seed, outcome="invalid", grading=failed,
                        reason=reason, **common,
                    )  # fmt: skip
                elif chance < 0.06:
                    item = record(competition, agent, seed, **common)
                else:
                    steps = 12 if agent == "tree-search" else 4
                    snapshots = []
                    for step in range(1, steps):
                        share = reached * (1 - 0.5 * draw.uniform(0.4, 1) * (1 - step / steps) ** 2)
                        at = round(worst + span * share, 5)
                        snapshots.append(snapshot(competition, seconds * step / steps, at))
                    item = record(competition, agent, seed, score, snapshots=snapshots, **common)
                records.append(item)
    return write_run(
        folder, records, [f"{r.competition_id}/{r.agent}-seed{r.seed}" for r in records]
    )
