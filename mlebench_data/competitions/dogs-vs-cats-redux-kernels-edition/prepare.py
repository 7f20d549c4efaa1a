"""What only the preparation of dogs-vs-cats-redux-kernels-edition does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlebench_data.recipe import Context


def label_pictures(context: Context) -> None:
    """Read the animal from the names of the raw files, and number the pictures anew.

    Parameters
    ----------
    context : Context
        The running recipe, with the tables `train` and `test`. Leaves `train_files` (`animal` and a
        `number` within it, from 0) and `answers` (`id` from 1, `label` 1 for a dog).
    """
    train = context.table("train").copy()
    is_dog = train["name"].str.contains("dog", regex=False)
    train["animal"] = is_dog.map({True: "dog", False: "cat"})
    train["number"] = train.groupby("animal").cumcount()

    answers = context.table("test").copy()
    answers["id"] = range(1, len(answers) + 1)
    answers["label"] = answers["name"].str.contains("dog", regex=False).astype("int64")
    context.values.update(train_files=train, answers=answers)
