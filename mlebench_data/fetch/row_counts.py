"""Row counts of tables that somebody else has prepared."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlebench_data.catalogue.schema import Version
from mlebench_data.recipe.annotations import WriteAnnotations
from mlebench_data.recipe.custom import CallFunction
from mlebench_data.recipe.records import WriteRecords
from mlebench_data.recipe.tables import SampleSubmission, WriteTable


def count_rows(version: Version, tree: Path, lock: dict[str, Any] | None) -> dict[str, int]:
    """Count the rows of the tables that preparation would have counted while it wrote them.

    Parameters
    ----------
    version : Version
        The data version, whose recipe tells which files these are.
    tree : pathlib.Path
        A prepared tree. Files that are not there, or not what they should be, are left out: they
        are told of when the tree is checked.
    lock : dict, optional
        Its lock, which names the rows of some files too.

    Returns
    -------
    dict of str to int
        Row counts by path.
    """
    paths = [path for path, said in (lock or {}).get("files", {}).items() if "rows" in said]
    tables = []
    for operation in version.recipe:
        if isinstance(operation, (SampleSubmission, WriteTable)):
            tables += operation.writes()  # CSV, whatever the name
        elif isinstance(operation, (CallFunction, WriteRecords)) or (
            isinstance(operation, WriteAnnotations) and operation.rest is None
        ):
            paths += operation.writes()
    counters: dict[str, Counter | None] = {path: COUNTERS.get(Path(path).suffix) for path in paths}
    counters.update(dict.fromkeys(tables, csv_rows))
    counted = {
        path: count(tree / path)
        for path, count in counters.items()
        if count is not None and (tree / path).is_file()
    }
    return {path: rows for path, rows in counted.items() if rows is not None}


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


def json_rows(path: Path) -> int | None:
    """Count the elements of a JSON array, or the lines of a file with one JSON value in each.

    None if the file holds something else, such as one object.
    """
    content = path.read_bytes()
    try:
        parsed = json.loads(content)
    except ValueError:
        try:
            return sum(1 for line in content.splitlines() if json.loads(line)) or None
        except ValueError:
            return None
    return len(parsed) if isinstance(parsed, list) else None


def _parquet_rows(path: Path) -> int | None:
    import pyarrow
    import pyarrow.parquet

    try:
        return int(pyarrow.parquet.read_metadata(path).num_rows)
    except (pyarrow.ArrowException, OSError):
        return None


Counter = Callable[[Path], int | None]

#: By the ending of the file's name.
COUNTERS: dict[str, Counter] = {
    ".csv": csv_rows,
    ".json": json_rows,
    ".parquet": _parquet_rows,
}
