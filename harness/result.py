"""The record of one attempt: `result.json`."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from mlebench_data.errors import IntegrityError
from mlebench_data.grading.report import GradeReport, strict_json
from mlebench_data.harness.runtimes.base import Ending
from mlebench_data.harness.state import write_at_once

FILE_NAME = "result.json"
FORMAT = 1

_ATTEMPT = re.compile(r".+-seed\d{1,9}", re.DOTALL)
#: Folders of an attempt that its agent may write.
_OF_AGENTS = ("submission", "logs", "code")

Outcome = Literal["scored", "invalid", "no_submission", "timeout", "agent_error", "infra_error"]

# Outcomes that say something about the agent. An infrastructure failure says nothing, so such an
# attempt is made again when the same command is repeated.
FINAL: tuple[Outcome, ...] = ("scored", "invalid", "no_submission", "timeout", "agent_error")


@dataclass(frozen=True)
class AttemptResult:
    """What one attempt came to.

    Attributes
    ----------
    competition_id, version, agent, seed
        Which attempt.
    outcome : str
        `scored` and `invalid` follow from the submission, however the agent ended. Without a
        submission: `timeout`, `agent_error` (it failed, ran out of memory or processes) or
        `no_submission` (it ended well and left none). `infra_error`: a fault that is not the
        agent's, or an interruption: the agent had less time than it was promised.
    reason : str or None
        Explanation for a person.
    ended : str or None
        How the agent ended: exited, time_limit, out_of_memory, too_many_processes, disk_limit,
        cost_limit, interrupted.
    exit_code : int or None
        Exit code of the agent.
    seconds : float or None
        Wall-clock time of the agent.
    started_at, ended_at : str or None
        UTC times, ISO 8601.
    isolated : bool
        Whether the runtime kept the agent from everything but its folders.
    grading : dict or None
        The grading report.
    data_manifest_sha256, metric_sha256 : str or None
        Identity of the data and of the metric's code.
    settings : dict
        Limits, network, image and agent, as they were in force.
    environment : dict
        Versions, runtime and hardware.
    data : dict
        `source`, `revision`, `commit` and `manifest_sha256` of the data.
    submission_sha256 : str or None
        Digest of the submission that was scored. Together with `data_manifest_sha256` and
        `metric_sha256` it determines the score.
    tries : int
        How often the agent was started, after infrastructure failures.
    node : str or None
        Machine that served it.
    gpus : list of dict
        GPUs that served it: `index`, `uuid`, `name`, `memory_bytes`.
    usage : dict or None
        What the language-model proxy counted: `requests`, `prompt_tokens`, `completion_tokens`,
        `cost_usd`.
    snapshots : list of dict
        Submissions as they were meanwhile: `seconds` since the start, `sha256`, `status`, `score`,
        `any_medal`.
    test_feedback : str
        What the agent could learn about its submission: `none`, or `format-only` if the validator
        answered it.
    profile : dict
        `name` of the resource profile and `deviations` from it.
    provenance : dict
        What made this record.
    """

    competition_id: str
    version: str
    agent: str
    seed: int
    outcome: Outcome
    reason: str | None
    ended: str | None
    exit_code: int | None
    seconds: float | None
    started_at: str | None
    ended_at: str | None
    isolated: bool
    grading: dict[str, Any] | None
    data_manifest_sha256: str | None
    metric_sha256: str | None
    settings: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    submission_sha256: str | None = None
    tries: int = 1
    node: str | None = None
    gpus: list[dict[str, Any]] = field(default_factory=list)
    usage: dict[str, Any] | None = None
    snapshots: list[dict[str, Any]] = field(default_factory=list)
    test_feedback: Literal["none", "format-only"] = "none"
    profile: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def is_self_test(self) -> bool:
        """Whether the harness submitted the answers to test itself, and no agent ran."""
        agent = self.settings.get("agent")
        return isinstance(agent, dict) and agent.get("self_test") is True

    def write(self, folder: Path) -> None:
        """Write `result.json` at once: a killed harness leaves the old file or the new one."""
        text = strict_json({"format": FORMAT, **asdict(self)}, indent=1)
        write_at_once(folder / FILE_NAME, text + "\n", durable=True)

    @classmethod
    def read(cls, folder: Path) -> AttemptResult | None:
        """Read `result.json`, or return None where there is none.

        Raises
        ------
        IntegrityError
            If the file is no record of an attempt.
        """
        path = folder / FILE_NAME
        if not path.is_file():
            return None
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content.pop("format") != FORMAT:
                raise IntegrityError(f"{path} has an unknown format; it needs a newer mlebench.")
            return cls(**content)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise IntegrityError(
                f"{path} is no record of an attempt: {error!r}. Remove it, and the attempt is made "
                "again."
            ) from error


def record_paths(run: Path) -> list[Path]:
    """Return the paths of all records of a run, sorted.

    A folder given by mistake, such as that of a competition, has folders at the depth of attempts
    that agents could write. What lies there is no record, whatever its name.
    """
    return sorted(
        path
        for path in run.glob(f"*/*/{FILE_NAME}")
        if _ATTEMPT.fullmatch(path.parent.name) and path.parent.parent.name not in _OF_AGENTS
    )


def decide(ending: Ending, report: GradeReport) -> tuple[Outcome, str | None]:
    """Derive outcome and reason from how the agent ended and what grading says."""
    if ending.how == "interrupted":
        return "infra_error", "interrupted"
    if report.status == "valid":
        return "scored", None
    if report.status == "invalid":
        return "invalid", report.reason
    if report.status == "error":
        return "infra_error", f"grading failed: {report.reason}"
    if ending.how == "time_limit":
        return "timeout", "the time limit came before a submission"
    if ending.how == "out_of_memory":
        return "agent_error", "the agent ran out of memory"
    if ending.how == "too_many_processes":
        return "agent_error", "the agent started too many processes"
    if ending.how == "disk_limit":
        return "agent_error", "the agent wrote more than its disk limit"
    if ending.how == "cost_limit":
        return "agent_error", "the agent spent its budget for language models"
    if ending.exit_code != 0:
        return "agent_error", f"exit code {ending.exit_code}; see agent.log"
    return "no_submission", "the agent ended without a submission"


@functools.cache
def metric_digest(name: str) -> str:
    """Return the SHA-256 over the code files of a metric."""
    from mlebench_data.metrics.registry import metric_path

    digest = hashlib.sha256()
    for path in sorted(metric_path(name).glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
