"""What the harness tells an agent: folders, time limit and seed, through the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class ContractError(Exception):
    """The environment does not hold what the harness promises."""


@dataclass(frozen=True)
class Contract:
    """The folders, limits and names that the harness gave to this run."""

    data: Path
    submission: Path
    logs: Path
    code: Path
    agent: Path
    competition: str
    seconds: float
    seed: int

    @property
    def submission_file(self) -> Path:
        """The file that will be scored."""
        return self.submission / "submission.csv"


def read_contract(environment: Mapping[str, str]) -> Contract:
    """Read the contract from environment variables.

    Raises
    ------
    ContractError
        If the time limit or the seed is not a number, or the data folder does not exist.
    """

    def folder(variable: str, default: str) -> Path:
        return Path(environment.get(variable) or default)

    def number(variable: str, default: str) -> float:
        text = environment.get(variable) or default
        try:
            return float(text)
        except ValueError:
            raise ContractError(f"{variable} is {text!r}; it must be a number") from None

    contract = Contract(
        data=folder("DATA_DIR", "/home/data"),
        submission=folder("SUBMISSION_DIR", "/home/submission"),
        logs=folder("LOGS_DIR", "/home/logs"),
        code=folder("CODE_DIR", "/home/code"),
        agent=folder("AGENT_DIR", str(Path(__file__).parent)),
        competition=environment.get("COMPETITION_ID", ""),
        seconds=number("TIME_LIMIT_SECS", "3600"),
        # NumPy takes seeds of 32 bits.
        seed=int(number("SEED", "0")) % 2**32,
    )
    if not contract.data.is_dir():
        raise ContractError(f"DATA_DIR {contract.data} is not a folder; nothing can be read")
    for writable in (contract.submission, contract.logs, contract.code):
        writable.mkdir(parents=True, exist_ok=True)
    return contract


def usable_processors() -> int:
    """Return how many processors this process may use, at least 1.

    A container with a CPU quota still sees all processors of its host; starting one thread for
    each of them makes numerical libraries slower by an order of magnitude, so the quota counts.
    """
    count = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    return max(1, min(count, int(_control_group_quota() or count)))


def _control_group_quota() -> float | None:
    """Return the CPU quota of the control group in processors, if there is one."""
    root = Path("/sys/fs/cgroup")
    try:
        if (root / "cpu.max").exists():
            quota, period = (root / "cpu.max").read_text().split()[:2]
        else:
            quota = (root / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu/cpu.cfs_period_us").read_text().strip()
        return float(quota) / float(period) if float(quota) > 0 else None
    except (OSError, ValueError):
        # No control groups here, or the word "max": no quota.
        return None
