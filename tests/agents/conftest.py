"""The fixture that runs agents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from agent_run import Run, RunAgent, start_agent


@pytest.fixture
def run_agent(tmp_path: Path) -> RunAgent:
    """Return a function that runs an agent on a data folder."""

    def run(agent: str, data: Path, **options: Any) -> Run:
        folder = tmp_path / f"run-{len(list(tmp_path.glob('run-*')))}"
        return start_agent(agent, data, folder, **options)

    return run
