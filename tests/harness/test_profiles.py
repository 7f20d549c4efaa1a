"""Profiles: those of the package, one's own, and what deviates from them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mlebench_data.errors import MlebenchError, UnknownNameError
from mlebench_data.harness.attempt import Settings
from mlebench_data.harness.profiles import Profile, deviations, load_profile, profile_names
from mlebench_data.harness.quantities import parse_duration, parse_size


def settings(profile: Profile) -> Settings:
    return Settings(
        profile.limits(),
        profile.network,
        gpus_per_run=profile.gpus,
        warn_before=profile.warn_before,
        snapshot_every=profile.snapshot_every,
    )


def test_those_of_the_package():
    assert profile_names() == ["cpu", "demo", "lite", "paper-a10"]
    for name in profile_names():
        profile = load_profile(name)
        assert profile.name == name and profile.description.endswith(".")
        assert deviations(profile, settings(profile)) == {}
        # The machine is protected from an agent whatever the profile.
        assert None not in (profile.disk, profile.memory, profile.processes)


def test_the_paper():
    profile = load_profile("paper-a10")
    limits = profile.limits()
    assert (limits.cpus, limits.memory_bytes) == (36, 440 * 1024**3)
    assert (limits.time_seconds, profile.gpus) == (24 * 3600, 1)
    assert (profile.warn_before, profile.snapshot_every) == ((3600.0, 600.0), 3600.0)


def test_deviations():
    profile = load_profile("paper-a10")
    in_force = settings(profile)
    in_force = replace(
        in_force,
        limits=replace(in_force.limits, cpus=8.0),
        network="full",
        warn_before=(),
        runs_per_gpu=2,
    )
    found = deviations(profile, in_force)
    assert found == {
        "cpus": {"profile": 36.0, "run": 8.0},
        "network": {"profile": "none", "run": "full"},
        "warn_before": {"profile": [3600.0, 600.0], "run": []},
        "runs_per_gpu": {"profile": 1, "run": 2},
    }
    json.dumps(found)


def test_own_profile(tmp_path: Path):
    path = tmp_path / "mine.yaml"
    path.write_text("time_limit: 90\nwarn_before: [10, 1m]\nmemory: 512m\ncpus: 1.5\n")
    profile = load_profile(str(path))
    assert (profile.name, profile.time_limit, profile.memory) == ("mine", 90.0, 512 * 1024**2)
    assert profile.warn_before == (60.0, 10.0)
    assert (profile.cpus, profile.disk, profile.gpus, profile.network) == (1.5, None, 0, "none")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cpus: 2", "time_limit: Field required"),
        ("time_limit: soon", "time_limit: .*write 90s"),
        ("time_limit: yes", "time_limit: .*write 90s"),
        ("time_limit: -5", "time_limit: .*write 90s"),
        ("time_limit: 1h\nmemory: lots", "memory: .*write 512m"),
        ("time_limit: 1h\ncpu: 2", "cpu: Extra inputs"),
        ("time_limit: 1h\ncpus: 0", "cpus: .*greater than 0"),
        ("time_limit: 1h\ncpus: .nan", "cpus: "),
        ("time_limit: 1h\ngpus: -1", "gpus: "),
        ("time_limit: 1h\ngpus: 1.5", "gpus: "),
        ("time_limit: 1h\nnetwork: some", "network: "),
        ("time_limit: 1h\nwarn_before: [x]", "warn_before.0: "),
        ("[]", "top level"),
        ("a: [", "not valid YAML"),
        ("", "top level"),
    ],
)
def test_broken_profiles(tmp_path: Path, text: str, said: str):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(MlebenchError, match=f"(?s)mine.yaml.*{said}"):
        load_profile(str(path))


def test_bytes_that_are_no_text(tmp_path: Path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MlebenchError, match="not"):
        load_profile(str(path))


@pytest.mark.parametrize("name", ["papr-a10", "../profiles/cpu", "missing.yaml", ""])
def test_unknown_profile(name: str):
    with pytest.raises(UnknownNameError, match="neither one of cpu, demo, lite, paper-a10"):
        load_profile(name)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("1.5d", 129600), (" 24h ", 86400)]
)
def test_durations(text: str, seconds: float):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"), [("8G", 8 * 2**30), ("512mb", 2**29), ("7", 7), ("1.5k", 1536)]
)
def test_sizes(text: str, size: int):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1", "1x", "1e3", "h", "nan"])
def test_what_is_no_quantity(text: str):
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)
    with pytest.raises(ValueError, match="no size"):
        parse_size(text)
