"""What only this competition needs: folders of studies, and answers as strings of boxes."""

from __future__ import annotations

from mlebench_data.recipe import Context

# Pictures and studies without a place have the box of one pixel.
WITHOUT_PLACE = "1 0 0 1 1"


def make_answers(context: Context, study_labels: dict[str, str], no_finding: str) -> None:
    """Make `answers` and `sample` of the sorted `test_studies` and `test_images`.

    Parameters
    ----------
    context : Context
        The running recipe.
    study_labels : dict of str to str
        Class for each 0/1 column of the studies; the first column with the largest value decides.
    no_finding : str
        Class of a picture without opacity, guessed by the sample submission.
    """
    import pandas as pd

    studies, images = context.table("test_studies"), context.table("test_images")
    labels = list(study_labels.values())
    first = studies[list(study_labels)].to_numpy().argmax(axis=1)
    of_studies = [f"{labels[place]} {WITHOUT_PLACE}" for place in first]
    ids = [*studies["id"], *images["id"]]
    context.values["answers"] = pd.DataFrame(
        {"id": ids, "PredictionString": [*of_studies, *images["label"]]}
    )
    guesses = [f"{labels[0]} {WITHOUT_PLACE}"] * len(studies)
    guesses += [f"{no_finding} {WITHOUT_PLACE}"] * len(images)
    context.values["sample"] = pd.DataFrame({"id": ids, "PredictionString": guesses})


def name_folders(context: Context, suffix: str) -> None:
    """Make tables of the folders of the studies: their ids without the suffix."""
    for part in ("train", "test"):
        ids = context.column(f"{part}_studies", "id")
        folders = ids.map(lambda name: str(name).removesuffix(suffix)).to_frame("folder")
        context.values[f"{part}_folders"] = folders
