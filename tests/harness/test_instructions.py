"""What the instructions tell an agent."""

from __future__ import annotations

import pytest
from tiny_competition import SECRET, Tiny

from mlebench_data.catalogue import competition_ids, load_competition
from mlebench_data.harness.instructions import instructions
from mlebench_data.harness.runtimes.sandbox import Limits

LIMITS = Limits(90, grace_seconds=5, cpus=2, memory_bytes=4_000_000_000, processes=64)


def test_limits_and_format(tiny: Tiny):
    competition = load_competition("tiny", tiny.catalogue)
    text = instructions(competition, "v1", limits=LIMITS, network="none")
    for said in ("90 seconds", "2 CPUs", "4.0 GB", "64 processes", "5 seconds", "id, label"):
        assert said in text
    assert "Network: there is none" in text
    assert "sample_submission.csv" in text and "public/" not in text
    assert "".join(SECRET) not in text


def test_open_limits_are_not_named(tiny: Tiny):
    competition = load_competition("tiny", tiny.catalogue)
    text = instructions(competition, "v1", limits=Limits(60), network="full")
    assert "None" not in text
    assert "CPUs" not in text and "Network: available" in text


def test_what_else_there_is(tiny: Tiny):
    competition = load_competition("tiny", tiny.catalogue)
    text = instructions(
        competition,
        "v1",
        limits=LIMITS,
        network="llm",
        gpus=2,
        warn_before=(60.0, 600.0),
        validator=True,
    )
    text = " ".join(text.split())
    for said in ("2 GPUs", "600, 60 seconds before", "time_left.txt", "/validate", "language"):
        assert said in text
    plain = instructions(competition, "v1", limits=LIMITS, network="none")
    for said in ("GPU", "time_left.txt", "validate", "language"):
        assert said not in plain


@pytest.mark.parametrize("name", competition_ids())
def test_every_competition(name: str):
    competition = load_competition(name)
    for version in competition.versions:
        text = instructions(competition, version, limits=LIMITS, network="none", validator=True)
        assert competition.facts.name in text
        assert "private" not in text
        assert max(map(len, text.splitlines())) <= 160
        # Wide competitions have a hundred columns; some suffice to know the kind.
        assert len(text.splitlines()) < 40
