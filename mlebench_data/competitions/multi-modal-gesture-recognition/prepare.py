"""Test samples of the gesture data, and random guesses as a sample submission."""

from __future__ import annotations

import random
import tarfile
from pathlib import PurePosixPath

from mlebench_data.errors import PrepareError
from mlebench_data.recipe import Context

GESTURES = range(1, 21)


def list_test_samples(context: Context, archive: str) -> None:
    """Leave the table `test_ids`: the ids of all samples that an archive holds, sorted as text."""
    import pandas as pd

    with (
        context.raw.open(archive) as stream,
        # Read as a stream, once from beginning to end: nothing of it is kept but the names.
        tarfile.open(fileobj=stream, mode="r|gz") as members,
    ):
        paths = [PurePosixPath(member.name) for member in members if member.isfile()]
    # A sample is Sample00300.zip, and its id 0300.
    ids = sorted(path.stem[-4:] for path in paths if path.suffix == ".zip" and len(path.parts) == 1)
    if not ids:
        raise PrepareError(f"Raw file '{archive}' holds no sample.")
    context.values["test_ids"] = pd.DataFrame({"Id": ids})


def guess_at_random(context: Context, seed: int) -> None:
    """Leave the table `sample`: all gestures in a random order for each id."""
    generator = random.Random(seed)
    table = context.table("test_ids")
    guesses = [generator.sample(GESTURES, len(GESTURES)) for _ in range(len(table))]
    context.values["sample"] = table.assign(
        Sequence=[" ".join(map(str, guess)) for guess in guesses]
    )
