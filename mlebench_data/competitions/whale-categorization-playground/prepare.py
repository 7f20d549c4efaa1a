"""What only the preparation of whale-categorization-playground does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlebench_data.errors import PrepareError

if TYPE_CHECKING:
    from mlebench_data.recipe import Context

NEW_WHALE = "new_whale"


def split_whales(context: Context, *, test_size: float, seed: int) -> None:
    """Divide the pictures so that every whale with two of them or more is in both parts.

    One random picture of each such whale is test and another one train; a whale with one picture
    goes to the test part with probability `test_size`; of all other pictures that share is test.
    Test pictures of whales that no training picture shows are labelled as new whales.

    Parameters
    ----------
    context : Context
        The running recipe, with the table `labelled`. Leaves `train` and `test`, both in the order
        of the source.
    test_size : float
        Share of the test part.
    seed : int
        Of all random choices.

    Raises
    ------
    PrepareError
        If a picture has no label.
    """
    import numpy as np
    import pandas as pd
    from sklearn.model_selection import train_test_split

    table = context.table("labelled")
    if (unnamed := int(table["Id"].isna().sum())) > 0:
        raise PrepareError(
            f"train.csv has no Id for {unnamed} of its pictures; each needs one ('{NEW_WHALE}' if "
            "the whale is not known). Get the raw data anew."
        )
    codes, whales = pd.factorize(table["Id"])
    rows = np.argsort(codes, kind="stable")
    counts = np.bincount(codes, minlength=len(whales))
    starts = np.cumsum(counts) - counts
    is_test = np.zeros(len(table), dtype=bool)
    undecided = np.ones(len(table), dtype=bool)

    single = rows[starts[counts == 1]]
    is_test[single] = np.random.default_rng(seed).random(len(single)) >= 1 - test_size
    undecided[single] = False
    for count in np.unique(counts[counts > 1]):
        # The choice depends on the number of a whale's pictures only.
        to_train, to_test = np.random.RandomState(seed).choice(count, 2, replace=False)
        first = starts[counts == count]
        is_test[rows[first + to_test]] = True
        undecided[rows[first + to_train]] = undecided[rows[first + to_test]] = False

    others = np.flatnonzero(undecided)
    is_test[train_test_split(others, test_size=test_size, random_state=seed)[1]] = True
    train = table[~is_test].reset_index(drop=True)
    test = table[is_test].reset_index(drop=True)
    test["Id"] = test["Id"].where(test["Id"].isin(train["Id"]), NEW_WHALE)
    context.values.update(train=train, test=test)
