"""The sample submission of the essays: random scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlebench_data.tables import write_csv

if TYPE_CHECKING:
    from mlebench_data.recipe import Context

LOWEST, HIGHEST = 1, 6


def write_random_submission(context: Context, *, table: str, seed: int, path: str) -> None:
    """Write a random whole score for each essay of a table.

    Parameters
    ----------
    context : Context
        The running recipe.
    table : str
        Table with the column `essay_id`.
    seed : int
        Seed of numpy's old generator, whose numbers never change.
    path : str
        Output path.
    """
    import numpy as np

    ids = context.table(table)[["essay_id"]]
    scores = np.random.RandomState(seed).randint(LOWEST, HIGHEST + 1, size=len(ids))
    write_csv(ids.assign(score=scores), context.target(path))
    context.rows[path] = len(ids)
    context.advance(1)
