"""Split of the notebooks by family, and the cells that a notebook holds."""

from __future__ import annotations

import json

from mlebench_data.errors import PrepareError
from mlebench_data.recipe import Context


def split_families(context: Context, test_size: int, seed: int) -> None:
    """Divide notebooks so that all that descend from one stay together.

    Families come in random order, and each goes to test as long as it still fits in there. Leaves
    `train_families` and `test_families`, the rows of `ancestors` in random order.
    """
    import numpy as np
    import pandas as pd

    ancestors = context.table("ancestors")
    order = np.random.RandomState(seed).permutation(len(ancestors))
    shuffled = ancestors.iloc[order].reset_index(drop=True)
    family, _ = pd.factorize(shuffled["ancestor_id"], use_na_sentinel=False)
    is_test = np.zeros(family.max() + 1 if len(family) else 0, dtype=bool)
    room = test_size
    for number, size in enumerate(np.bincount(family).tolist()):
        if size <= room:
            is_test[number] = True
            room -= size
    chosen = is_test[family]
    context.values["train_families"] = shuffled[~chosen].reset_index(drop=True)
    context.values["test_families"] = shuffled[chosen].reset_index(drop=True)


def list_cells(context: Context) -> None:
    """Leave the table `sample`: the cells of each test notebook in the order of its file."""
    test = context.table("test")
    orders = []
    for notebook in test["id"]:
        path = f"train/{notebook}.json"
        with context.raw.open(path) as stream:
            try:
                content = json.load(stream)
            except ValueError as error:
                raise PrepareError(f"Raw file '{path}' is not JSON: {error}.") from error
        orders.append(" ".join(content["cell_type"]))
    context.values["sample"] = test[["id"]].assign(cell_order=orders)
