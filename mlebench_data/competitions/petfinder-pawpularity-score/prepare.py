"""The sample submission, whose values are random."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlebench_data.tables import write_csv

if TYPE_CHECKING:
    from mlebench_data.recipe import Context


def write_sample_submission(context: Context, seed: int) -> None:
    """Write the sample submission: two decimals between 1 and 100 for each test row."""
    import numpy as np

    path = "public/sample_submission.csv"
    sample = context.table("test")[["Id"]]
    values = np.random.default_rng(seed).uniform(1, 100, len(sample)).round(2)
    write_csv(sample.assign(Pawpularity=values), context.target(path))
    context.rows[path] = len(sample)
    context.advance(1)
