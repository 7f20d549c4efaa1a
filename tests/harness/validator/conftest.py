"""A validator of the tiny competition, on a socket or a port."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_competition import Tiny
from validator_client import NewValidator

from mlebench_data.catalogue import load_competition
from mlebench_data.harness.validator.server import ValidatorServer


@pytest.fixture
def new_validator(tiny: Tiny, tmp_path: Path) -> Iterator[NewValidator]:
    """Makes validators of the same attempt; they are stopped in the end."""
    made: list[ValidatorServer] = []
    folder = tmp_path / "attempt"
    folder.mkdir()

    def make(*, by_port: bool = False, with_ids: bool = True) -> ValidatorServer:
        sample = tiny.data_dir / "tiny" / "v1" / "public" / "sample_submission.csv"
        made.append(
            ValidatorServer(
                folder,
                load_competition("tiny", tiny.catalogue),
                "v1",
                sample if with_ids else None,
                by_port=by_port,
            )
        )
        return made[-1]

    yield make
    for validator in made:
        validator.stop()


@pytest.fixture
def validator(new_validator: NewValidator) -> ValidatorServer:
    """One that listens on a socket."""
    found = new_validator()
    found.start()
    return found
