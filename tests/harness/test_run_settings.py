"""What the arguments of `mlebench run` come to: defaults, profiles, and what deviates from them."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.attempt import Settings
from mlebench_data.harness.commands.run_settings import add_settings_arguments, make_settings


def settings(*arguments: str) -> Settings:
    parser = argparse.ArgumentParser()
    add_settings_arguments(parser)
    return make_settings(parser.parse_args(arguments))


def test_defaults():
    found = settings()
    limits = found.limits
    assert (limits.time_seconds, limits.memory_bytes, limits.processes) == (600, 8 << 30, 1024)
    # Nothing an agent does may fill the host's disk.
    assert limits.disk_bytes == 50 << 30
    assert (found.network, found.gpus_per_run, found.profile) == ("none", 0, None)


def test_profile_as_it_is():
    found = settings("--profile", "paper-a10")
    assert (found.limits.cpus, found.limits.memory_bytes) == (36, 440 << 30)
    assert (found.limits.time_seconds, found.gpus_per_run) == (86400, 1)
    assert (found.profile, found.deviations) == ("paper-a10", {})


def test_argument_wins_and_is_told():
    found = settings("--profile", "paper-a10", "--time-limit", "12h", "--gpus-per-run", "0")
    assert found.limits.time_seconds == 43200 and found.gpus_per_run == 0
    assert found.deviations == {
        "time_limit": {"profile": 86400.0, "run": 43200.0},
        "gpus": {"profile": 1, "run": 0},
    }


def test_own_profile(tmp_path: Path):
    path = tmp_path / "mine.yaml"
    path.write_text("time_limit: 90s\nmemory: 1g\nwarn_before: [10s, 30s]\n")
    found = settings("--profile", str(path))
    assert (found.profile, found.limits.time_seconds, found.warn_before) == ("mine", 90, (30, 10))
    with pytest.raises(MlebenchError, match="There is no profile 'paper-a11'"):
        settings("--profile", "paper-a11")
