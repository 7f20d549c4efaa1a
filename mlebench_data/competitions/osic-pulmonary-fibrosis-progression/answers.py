"""Reading of the answers: which rows count."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from mlebench_data.tables import read_csv

if TYPE_CHECKING:
    import pandas as pd

LAST_VISITS = 3


def read_answers(stream: BytesIO, version: str) -> pd.DataFrame:
    """Read the answers, and mark the last visits of each patient, which are the rows that count.

    Parameters
    ----------
    stream : io.BytesIO
        The answers file.
    version : str
        Data version.

    Returns
    -------
    pandas.DataFrame
        The answers with a further column `scored`.
    """
    table = read_csv(stream, missing_tokens="pandas")
    week = table["Patient_Week"].str.rpartition("_")[2].astype("int64")
    visits = table.assign(week=week)[table["FVC"].notna()]
    last = visits.sort_values("week", kind="stable").groupby("Patient").tail(LAST_VISITS)
    return table.assign(scored=table.index.isin(last.index))
