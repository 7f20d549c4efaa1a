"""The drives with their dates, and the true tracks of the test trips."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlebench_data.errors import PrepareError
from mlebench_data.tables import read_csv

if TYPE_CHECKING:
    from mlebench_data.recipe import Context

COLUMNS = ["tripId", "UnixTimeMillis", "LatitudeDegrees", "LongitudeDegrees"]


def list_drives(context: Context) -> None:
    """Make a table of all drives, sorted by name, with the date that the name begins with."""
    import pandas as pd

    drives = sorted({path.split("/")[1] for path in context.raw.paths_below("train")})
    if not drives:
        raise PrepareError("Raw folder 'train' is missing or empty.")
    dates = []
    for drive in drives:
        year, month, day = [*drive.split("-"), "", ""][:3]
        if not (year.isdigit() and month.isdigit() and day.isdigit()):
            raise PrepareError(f"The name of drive '{drive}' does not begin with a date.")
        dates.append(f"{year}-{month.zfill(2)}-{day.zfill(2)}")
    context.values["drives"] = pd.DataFrame({"drive": drives, "date": dates})


def add_tracks(context: Context) -> None:
    """Make the table of all true places of the test trips, drive by drive and phone by phone."""
    import pandas as pd

    tables = []
    for drive in context.table("test")["drive"]:
        found = [path.split("/") for path in context.raw.paths_below(f"train/{drive}")]
        # A trip is one phone on one drive.
        for parts in sorted(found):
            if len(parts) != 4 or parts[3] != "ground_truth.csv":
                continue
            with context.raw.open("/".join(parts)) as stream:
                # As published: read by a parser that is not exact for numbers of many digits.
                table = read_csv(stream, missing_tokens="pandas", float_parser="fast")
            tables.append(table.assign(tripId=f"{drive}-{parts[2]}")[COLUMNS])
    if not tables:
        raise PrepareError("No test drive has a file 'ground_truth.csv'.")
    context.values["tracks"] = pd.concat(tables, ignore_index=True)
