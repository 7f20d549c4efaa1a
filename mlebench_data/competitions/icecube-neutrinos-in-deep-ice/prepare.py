"""The events and the files of their batches, and tables in the Parquet format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlebench_data.errors import PrepareError

if TYPE_CHECKING:
    from mlebench_data.recipe import Context


def read_events(context: Context) -> None:
    """Read the table of events, and list the files of the batches with their numbers."""
    import pandas as pd

    with context.raw.open("train_meta.parquet") as stream:
        context.values["events"] = pd.read_parquet(stream, engine="pyarrow")
    rows = []
    for path in context.raw.paths_below("train"):
        name = path.rpartition("/")[2]
        stem, _, ending = name.rpartition(".")
        number = stem.rpartition("_")[2]
        if ending != "parquet":
            # Such as what an operating system leaves in folders.
            continue
        if not number.isdigit():
            raise PrepareError(f"Raw file '{path}' is not named as a batch, 'batch_1.parquet'.")
        rows.append((path, name, int(number)))
    if not rows:
        raise PrepareError("Raw folder 'train' is missing or has no batch, 'batch_1.parquet'.")
    context.values["files"] = pd.DataFrame(rows, columns=["path", "name", "batch_id"])


def write_parquet(context: Context, table: str, path: str, drop: list[str]) -> None:
    """Write a table as Parquet, some columns left out."""
    frame = context.table(table).drop(columns=drop)
    frame.to_parquet(context.target(path), engine="pyarrow", index=False)
    context.rows[path] = len(frame)
    context.advance(1)
