"""Labels of the test clips as one column for each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlebench_data.errors import PrepareError
from mlebench_data.tables import read_csv

if TYPE_CHECKING:
    from mlebench_data.recipe import Context


def mark_labels(context: Context) -> None:
    """Turn the labels, separated by commas, into 0/1 columns in the order of the sample."""
    with context.raw.open("sample_submission.csv") as stream:
        classes = list(read_csv(stream, missing_tokens="pandas").columns[1:])
    test = context.table("test")
    marks = test["labels"].fillna("").astype("object").str.get_dummies(sep=",")
    unknown = sorted(set(marks.columns) - set(classes))
    if unknown:
        raise PrepareError(
            f"The clips have labels that sample_submission.csv does not name: "
            f"{', '.join(unknown[:5])}."
        )
    marks = marks.reindex(columns=classes, fill_value=0).astype("int64")
    marks.insert(0, "fname", test["fname"])
    context.values["answers"] = marks
