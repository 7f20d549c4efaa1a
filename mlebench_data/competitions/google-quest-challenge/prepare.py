"""Two steps of the Q&A data: a swap that keeps a target from being constant, and the sample."""

from __future__ import annotations

from mlebench_data.errors import PrepareError
from mlebench_data.recipe import Context


def swap_rows(context: Context, column: str) -> None:
    """Leave `train` and `test`, with one pair of rows swapped if a target is constant in test.

    A rank correlation needs two values at least. If the column has a single value in the test part,
    the first test row and the first training row with another value than 0 change places.
    """
    import pandas as pd

    train, test = context.table("first_train"), context.table("first_test")
    if test[column].nunique(dropna=False) == 1:
        others = (train[column] != 0).to_numpy()
        if not others.any():
            raise PrepareError(f"Column '{column}' is 0 in every row of the training part.")
        place = int(others.argmax())
        incoming = train.iloc[[place]]
        train = pd.concat([train.iloc[:place], test.iloc[[0]], train.iloc[place + 1 :]])
        test = pd.concat([incoming, test.iloc[1:]])
    context.values["train"] = train.reset_index(drop=True)
    context.values["test"] = test.reset_index(drop=True)


def spread_evenly(context: Context) -> None:
    """Leave `sample`: in every target column the numbers from 0 to 1 in even steps."""
    import numpy as np

    sample = context.table("answers").copy()
    for column in sample.columns.drop("qa_id"):
        sample[column] = np.linspace(0, 1, len(sample))
    context.values["sample"] = sample
