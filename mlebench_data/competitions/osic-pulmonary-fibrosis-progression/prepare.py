"""First visits of the test patients, and the weeks that are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlebench_data.errors import PrepareError

if TYPE_CHECKING:
    from mlebench_data.recipe import Context


def add_first_visits_and_weeks(context: Context) -> None:
    """Make the table that is shown of the test patients, and that of all their weeks."""
    import numpy as np
    import pandas as pd

    test = context.table("test")
    visits = test[["Patient", "Weeks"]]
    if visits.duplicated().any():
        patient, week = visits[visits.duplicated()].iloc[0]
        raise PrepareError(f"Patient {patient} was seen twice in week {week}.")
    by_week = test.sort_values("Weeks", kind="stable")
    context.values["first_visits"] = by_week.groupby("Patient").first().reset_index()

    weeks = np.arange(test["Weeks"].min(), test["Weeks"].max() + 1)
    patients = test["Patient"].unique()
    every = pd.DataFrame(
        {"Patient": np.repeat(patients, len(weeks)), "Weeks": np.tile(weeks, len(patients))}
    )
    table = every.merge(test, on=["Patient", "Weeks"], how="left")
    table["Patient_Week"] = table["Patient"] + "_" + table["Weeks"].astype(str)
    table["Confidence"] = 100
    context.values["weeks"] = table
