"""Reading of answers: as submissions are read, or by the competition's own reader."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.catalogue import Competition
from mlebench_data.catalogue.submission import Submission
from mlebench_data.errors import CatalogueError
from mlebench_data.grading.csv_reading import read_graded_csv
from mlebench_data.grading.submission import text_columns
from mlebench_data.modules import load_module

if TYPE_CHECKING:
    import pandas as pd

READER = "answers.py"


def read_table(source: Path | BytesIO, schema: Submission) -> pd.DataFrame:
    """Read a CSV file of answers, or a sample submission, the way submissions are read."""
    return read_graded_csv(
        source, missing_tokens=schema.missing_tokens, columns_as_text=text_columns(schema)
    )


def read_answers(competition: Competition, version: str, source: Path | bytes) -> pd.DataFrame:
    """Read the answers of a competition.

    Parameters
    ----------
    competition : Competition
        The competition. Where its folder holds a file `answers.py`, the function
        `read_answers(stream, version)` in it makes the table: for answers that are no CSV file, or
        that need preparation before rows can be compared.
    version : str
        Data version.
    source : pathlib.Path or bytes
        The answers file or its content.

    Raises
    ------
    CatalogueError
        If `answers.py` has no such function.
    """
    content = source if isinstance(source, bytes) else source.read_bytes()
    reader = competition.folder / READER
    if not reader.is_file():
        return read_table(BytesIO(content), competition.version(version).submission)
    function = getattr(load_module(reader), "read_answers", None)
    if not callable(function):
        raise CatalogueError(f"{reader} defines no function 'read_answers'.")
    table: pd.DataFrame = function(BytesIO(content), version)
    return table
