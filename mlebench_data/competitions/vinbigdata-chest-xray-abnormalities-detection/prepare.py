"""What only this competition needs: one true box for each picture and class."""

from __future__ import annotations

from mlebench_data.recipe import Context

COLUMNS = ("class_name", "rad_id", "x_min", "y_min", "x_max", "y_max")
BOX = ("x_min", "y_min", "x_max", "y_max")


def make_answers(context: Context, no_finding: int) -> None:
    """Make `answers` and `gold`, the submission that repeats them, of the rows `test`.

    As published, the first box of each picture and class is the only true one.

    Parameters
    ----------
    context : Context
        The running recipe.
    no_finding : int
        Class of pictures without a finding, whose box is a single pixel.
    """
    import pandas as pd

    first = context.table("test").groupby(["image_id", "class_id"])[list(COLUMNS)].first()
    answers = first.reset_index()[["image_id", "class_id", *COLUMNS]]
    answers[list(BOX)] = answers[list(BOX)].fillna(0.0)
    # As published: what is missing is 0, names too.
    for name in ("class_name", "rad_id"):
        numeric = pd.api.types.is_numeric_dtype(answers[name])
        answers[name] = answers[name].fillna(0 if numeric else "0")
    answers.loc[answers["class_id"] == no_finding, ["x_max", "y_max"]] = 1.0
    context.values["answers"] = answers

    boxes = zip(answers["class_id"].tolist(), answers[list(BOX)].to_numpy().tolist(), strict=True)
    detections = pd.Series([f"{name} 1.0 {' '.join(map(str, box))}" for name, box in boxes])
    lines = detections.groupby(answers["image_id"].to_numpy()).agg(" ".join)
    context.values["gold"] = pd.DataFrame(
        {"image_id": lines.index.to_numpy(), "PredictionString": lines.to_numpy()}
    )
