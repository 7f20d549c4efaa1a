"""Division of the clips by day, and their new names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlebench_data.errors import PrepareError

if TYPE_CHECKING:
    from mlebench_data.recipe import Context


def divide_by_day(context: Context, days: int, train_days: int) -> None:
    """Make the tables of the training and the test clips: name, new name, label."""
    import pandas as pd

    paths = [path.split("/", 1)[1] for path in context.raw.paths_below("train2")]
    names = sorted(name for name in paths if "/" not in name)
    dates = sorted({name.split("_")[0] for name in names})
    if len(dates) != days:
        raise PrepareError(
            f"The names in train2/ begin with {len(dates)} different dates "
            f"({', '.join(dates[:6])}), but must begin with {days}."
        )
    first = set(dates[:train_days])
    train = [name for name in names if name.split("_")[0] in first]
    test = [name for name in names if name.split("_")[0] not in first]
    context.values["train"] = pd.DataFrame(
        {
            "name": train,
            "clip": [re.sub(r"TRAIN\d+", f"TRAIN{i}", name) for i, name in enumerate(train)],
        }
    )
    context.values["test"] = pd.DataFrame(
        {
            "name": test,
            "clip": [f"{name.split('TRAIN')[0]}Test{i}.aif" for i, name in enumerate(test)],
            "probability": [int(name.rpartition(".")[0].endswith("_1")) for name in test],
        }
    )
