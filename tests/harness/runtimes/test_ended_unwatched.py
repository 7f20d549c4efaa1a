"""Whose doing the end of a container was that no harness watched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from mlebench_data.harness.runtimes.docker_end import ended_unwatched
from mlebench_data.harness.runtimes.sandbox import Limits

LIMIT = 3600.0


@pytest.mark.parametrize(
    ("code", "hours", "how"),
    [
        (0, 0.5, "exited"),
        (1, 0.5, "exited"),
        (137, 0.5, None),
        (143, 0.5, None),
        (124, 0.5, None),
        (124, 1.0, "time_limit"),
        (137, 1.0, "time_limit"),
        # The machine was switched off, for an hour or for days.
        (255, 0.5, None),
        (255, 48.0, None),
    ],
)
def test_whose_doing_it_was(code: int, hours: float, how: str | None) -> None:
    container: Any = SimpleNamespace(id="c")
    sandbox: Any = SimpleNamespace(limits=Limits(LIMIT))
    start = datetime(2026, 1, 1, tzinfo=UTC)
    state = {
        "StartedAt": "2026-01-01T00:00:00.000000001Z",
        "FinishedAt": (start + timedelta(hours=hours, seconds=0.5)).isoformat(),
        "ExitCode": code,
        "OOMKilled": False,
    }
    ending = ended_unwatched(container, sandbox, state)
    assert (ending and ending.how) == how


def test_a_lack_of_memory_is_the_agents() -> None:
    state = {
        "StartedAt": "2026-01-01T00:00:00Z",
        "FinishedAt": "2026-01-01T00:01:00Z",
        "ExitCode": 137,
        "OOMKilled": True,
    }
    container: Any = SimpleNamespace(id="c")
    sandbox: Any = SimpleNamespace(limits=Limits(LIMIT))
    ending = ended_unwatched(container, sandbox, state)
    assert ending is not None and ending.how == "out_of_memory"
