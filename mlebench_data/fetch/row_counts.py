"""Row counts of tables that somebody else has prepared."""

from __future__ import annotations

import json
from pathlib import Path

from mlebench_data.catalogue.schema import Version
from mlebench_data.recipe.annotations import WriteAnnotations
from mlebench_data.recipe.records import WriteRecords
from mlebench_data.recipe.tables import SampleSubmission, WriteTable


def count_rows(version: Version, tree: Path) -> dict[str, int]:
    """Count the rows of the tables that preparation would have counted while it wrote them.

    Parameters
    ----------
    version : Version
        The data version, whose recipe tells which files these are.
    tree : pathlib.Path
        A prepared tree. Files that are not there, or not what they should be, are left out: they
        are told of when the tree is checked.

    Returns
    -------
    dict of str to int
        Row counts by path.
    """
    found: dict[str, int] = {}
    for operation in version.recipe:
        if isinstance(operation, (SampleSubmission, WriteTable)):
            path = tree / operation.path
            if path.is_file():
                found[operation.path] = csv_rows(path)
        elif isinstance(operation, WriteRecords) or (
            isinstance(operation, WriteAnnotations) and operation.rest is None
        ):
            path = tree / operation.path
            rows = _json_rows(path) if path.is_file() else None
            if rows is not None:
                found[operation.path] = rows
    return found


def csv_rows(path: Path) -> int:
    """Count the records of a CSV file, its header left out; quoted cells may hold line breaks."""
    records = 0
    quotes = 0
    with path.open("rb") as stream:
        for line in stream:
            quotes += line.count(b'"')
            # A quote in a cell is doubled: only after an odd number are we inside a cell.
            records += quotes % 2 == 0
    return max(records - 1, 0)


def _json_rows(path: Path) -> int | None:
    """Return the length of a JSON array; None if the file holds something else."""
    try:
        content = json.loads(path.read_bytes())
    except ValueError:
        return None
    return len(content) if isinstance(content, list) else None
