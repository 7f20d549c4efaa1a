"""What an agent left behind, and how to run one as the local runtime does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

AGENTS = Path(__file__).parents[2] / "harness" / "agents"


@dataclass(frozen=True)
class Run:
    """What an agent left behind."""

    status: int
    log: str
    folder: Path
    seconds: float

    @property
    def submission_file(self) -> Path:
        """The file that would be scored."""
        return self.folder / "submission" / "submission.csv"

    @property
    def submission(self) -> pd.DataFrame:
        """The submission as a table."""
        return pd.read_csv(self.submission_file)

    @property
    def report(self) -> dict[str, Any]:
        """What the baseline agent says that it understood."""
        return dict(json.loads((self.folder / "logs" / "baseline.json").read_text("utf-8")))


RunAgent = Callable[..., Run]


def start_agent(
    agent: str, data: Path, folder: Path, *, seconds: float = 60, seed: int = 0, **extra: str
) -> Run:
    """Run an agent as a subprocess with the contract's variables."""
    for name in ("submission", "logs", "code"):
        (folder / name).mkdir(parents=True)
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONDONTWRITEBYTECODE": "1",
        "DATA_DIR": str(data),
        "SUBMISSION_DIR": str(folder / "submission"),
        "LOGS_DIR": str(folder / "logs"),
        "CODE_DIR": str(folder / "code"),
        "AGENT_DIR": str(AGENTS / agent),
        "INSTRUCTIONS_FILE": str(folder / "instructions.txt"),
        "COMPETITION_ID": "made-for-a-test",
        "TIME_LIMIT_SECS": str(seconds),
        "SEED": str(seed),
        **extra,
    }
    started = time.monotonic()
    ended = subprocess.run(
        [sys.executable, str(AGENTS / agent / "main.py")],
        env=environment, cwd=folder, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    log = (ended.stdout + ended.stderr).decode("utf-8", errors="replace")
    return Run(ended.returncode, log, folder, time.monotonic() - started)
