"""What only the preparation of iwildcam-2020-fgvc7 does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlebench_data.errors import PrepareError
from mlebench_data.tables import write_csv

if TYPE_CHECKING:
    import pandas as pd

    from mlebench_data.recipe import Context

TRAIN = "iwildcam2020_train_annotations.json"
TEST = "iwildcam2020_test_information.json"


def _read(context: Context, path: str, keys: set[str]) -> dict[str, Any]:
    with context.raw.open(path) as stream:
        document = json.load(stream)
    if not isinstance(document, dict) or set(document) != keys:
        raise PrepareError(f"Raw file '{path}' must be a JSON object with {sorted(keys)}.")
    return document


def _table(records: list[dict[str, Any]]) -> pd.DataFrame:
    """Make a table whose rows become the same JSON objects with every pandas version."""
    import pandas as pd

    # Text stays an object: pandas 3 has a type of its own for it, in which None and NaN are one.
    table = pd.DataFrame(records, dtype="object")
    for name in table.columns:
        kind = pd.api.types.infer_dtype(table[name], skipna=True)
        if kind in ("integer", "floating", "mixed-integer-float", "empty"):
            table[name] = table[name].infer_objects()
    return table


def _move_places(
    train: list[Any], test: list[Any], pictures: dict[Any, int], share: float
) -> tuple[set[Any], set[Any]]:
    """Move places between the parts until the test pictures have the wanted share.

    The share is the published one, with test pictures twice in the denominator.
    """
    everything = sum(pictures.values())
    count = sum(pictures[place] for place in test)
    while count / (everything + count) < share:
        test.append(train.pop())
        count += pictures[test[-1]]
    while count / (everything + count) > share:
        train.append(test.pop())
        count -= pictures[train[-1]]
    return set(train), set(test)


def read_pictures(context: Context, *, test_size: float, seed: int) -> None:
    """Divide pictures and labels so that no place is in both parts.

    Parameters
    ----------
    context : Context
        The running recipe. Leaves the tables `train_pictures`, `test_pictures`, `train_labels` and
        `test_labels`, in the order of the source.
    test_size : float
        Share of the places in test before places are moved, and of the pictures that is aimed at.
    seed : int
        Of the split of the places.
    """
    from sklearn.model_selection import train_test_split

    document = _read(context, TRAIN, {"annotations", "images", "categories", "info"})
    pictures, labels = _table(document["images"]), _table(document["annotations"])
    places = pictures["location"].unique()
    first, second = train_test_split(places, test_size=test_size, random_state=seed)
    counts = pictures["location"].value_counts().to_dict()
    parts = _move_places(first.tolist(), second.tolist(), counts, test_size)
    for name, part in zip(("train", "test"), parts, strict=True):
        chosen = pictures[pictures["location"].isin(part)]
        context.values[f"{name}_pictures"] = chosen.reset_index(drop=True)
        context.values[f"{name}_labels"] = labels[
            labels["image_id"].isin(chosen["id"])
        ].reset_index(drop=True)


def write_metadata(context: Context) -> None:
    """Write the annotations of the training part and the list of test pictures."""

    def records(name: str) -> list[Any]:
        return context.table(name).to_dict(orient="records")

    train = _read(context, TRAIN, {"annotations", "images", "categories", "info"})
    test = _read(context, TEST, {"images", "categories", "info"})
    documents = {
        TRAIN: {
            "annotations": records("train_labels"),
            "images": records("train_pictures"),
            "categories": train["categories"],
            "info": train["info"],
        },
        TEST: {
            "images": records("test_pictures"),
            "categories": test["categories"],
            "info": test["info"],
        },
    }
    for name, document in documents.items():
        with context.target(f"public/{name}").open("w", encoding="ascii") as stream:
            json.dump(document, stream)
        context.advance(1)


def write_sample_submission(context: Context, *, classes: int, seed: int) -> None:
    """Write a sample submission of random classes.

    Parameters
    ----------
    context : Context
        The running recipe, with the table `answers`.
    classes : int
        Classes are drawn from 0 to `classes` - 1.
    seed : int
        Of the draw.
    """
    import numpy as np

    path = "public/sample_submission.csv"
    sample = context.table("answers")[["Id"]].copy()
    sample["Category"] = np.random.RandomState(seed).randint(0, classes, size=len(sample))
    write_csv(sample, context.target(path))
    context.rows[path] = len(sample)
    context.advance(1)
