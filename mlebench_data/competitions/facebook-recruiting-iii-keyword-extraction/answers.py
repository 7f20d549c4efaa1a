"""Reading of the answers: the questions' texts, which are most of the file, are left out."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def read_answers(stream: BytesIO, version: str) -> pd.DataFrame:
    """Read ids and tags of the answers.

    Parameters
    ----------
    stream : io.BytesIO
        The answers file.
    version : str
        Data version.

    Returns
    -------
    pandas.DataFrame
        Columns `Id` and `Tags`.
    """
    import pandas as pd

    return pd.read_csv(stream, usecols=["Id", "Tags"], dtype={"Tags": "str"}, low_memory=False)
