"""Reading of the answers: votes become shares."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from mlebench_data.tables import read_csv

if TYPE_CHECKING:
    import pandas as pd

VOTES = ["seizure_vote", "lpd_vote", "gpd_vote", "lrda_vote", "grda_vote", "other_vote"]


def read_answers(stream: BytesIO, version: str) -> pd.DataFrame:
    """Read the answers, and divide the votes of each row by their sum.

    Parameters
    ----------
    stream : io.BytesIO
        The answers file.
    version : str
        Data version.

    Returns
    -------
    pandas.DataFrame
        The answers, votes as shares between 0 and 1.
    """
    table = read_csv(stream, missing_tokens="pandas")
    table[VOTES] = table[VOTES].div(table[VOTES].sum(axis=1), axis=0)
    return table
