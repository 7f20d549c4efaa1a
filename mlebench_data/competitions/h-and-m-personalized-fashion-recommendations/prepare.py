"""What only the preparation of h-and-m-personalized-fashion-recommendations does."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlebench_data.recipe import Context


def split_by_date(context: Context, *, days: int) -> None:
    """Make the purchases of the last days the answers, one row for each customer who made any.

    Parameters
    ----------
    context : Context
        The running recipe, with the table `transactions`. Leaves `train` and `answers`.
    days : int
        How many days before the last one the test period begins.
    """
    import numpy as np
    import pandas as pd

    table = context.table("transactions")
    # Dates as YYYY-MM-DD are in order as text.
    last = datetime.date.fromisoformat(str(table["t_dat"].max()))
    is_test = (table["t_dat"] >= str(last - datetime.timedelta(days=days))).to_numpy(dtype=bool)
    context.values["train"] = table[~is_test].reset_index(drop=True)

    bought = table.loc[is_test, ["customer_id", "article_id"]]
    codes, customers = pd.factorize(bought["customer_id"], sort=True)
    order = np.argsort(codes, kind="stable")
    articles = bought["article_id"].to_numpy()[order].tolist()
    ends = np.cumsum(np.bincount(codes, minlength=len(customers))).tolist()
    context.values["answers"] = pd.DataFrame(
        {
            "customer_id": customers,
            "prediction": [
                " ".join(map(str, articles[start:end]))
                for start, end in zip([0, *ends[:-1]], ends, strict=True)
            ],
        }
    )
