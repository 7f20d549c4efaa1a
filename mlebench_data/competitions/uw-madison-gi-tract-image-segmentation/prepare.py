"""What only this competition needs: scans by case and day, and the size of their pictures."""

from __future__ import annotations

from mlebench_data.errors import PrepareError
from mlebench_data.recipe import Context


def split_ids(context: Context) -> None:
    """Make `slices`: the table `labelled` with the parts of `case1_day2_slice_0003`."""
    slices = context.table("labelled").copy()
    parts = context.column("labelled", "id").str.split("_", expand=True)
    slices["case"], slices["day"], slices["slice"] = parts[0], parts[1], parts[3]
    context.values["slices"] = slices


def hold_back_days(context: Context, days_per_case: int) -> None:
    """Make `train` and `test`, and tables of their files.

    All of `test_cases` is test. So are the later days of cases with more than `days_per_case` days
    in `train_cases`. Rows keep the order of `slices`.

    Parameters
    ----------
    context : Context
        The running recipe.
    days_per_case : int
        So many days of a train case, the earliest ones, stay train.
    """
    import pandas as pd

    slices = context.table("slices")
    days = context.table("train_cases")[["case", "day"]].drop_duplicates()
    days = days.assign(number=days["day"].str.removeprefix("day").astype("int64"))
    days = days.sort_values(["case", "number"], kind="stable")
    later = days[days.groupby("case").cumcount() >= days_per_case]
    moved = set(later["case"] + "_" + later["day"])
    test_cases = set(context.table("test_cases")["case"])

    is_test = slices["case"].isin(test_cases) | (slices["case"] + "_" + slices["day"]).isin(moved)
    context.values["train"] = slices[~is_test].reset_index(drop=True)
    context.values["test"] = slices[is_test].reset_index(drop=True)

    # Whole folders of cases count, also days of which no row tells.
    paths = [path.removeprefix("train/") for path in context.raw.paths_below("train")]
    known = set(slices["case"].unique())
    files = pd.DataFrame({"path": [path for path in paths if path.partition("/")[0] in known]})
    folders = files["path"].str.split("/", n=2, expand=True)
    in_test = folders[0].isin(test_cases) | folders[1].isin(moved)
    context.values["train_files"] = files[~in_test].reset_index(drop=True)
    context.values["test_files"] = files[in_test].reset_index(drop=True)


def make_answers(context: Context) -> None:
    """Make `answers`: the masks of `test` and the size of their pictures, from the file names."""
    test = context.table("test")
    pictures = context.table("test_files")["path"].str.extract(
        r"^[^/]+/(?P<day>[^/]+)/scans/(?P<slice>slice_[^_/]+)_(?P<width>\d+)_(?P<height>\d+)_[^/]*$"
    )
    pictures = pictures.dropna().assign(id=pictures["day"] + "_" + pictures["slice"])
    if pictures["id"].duplicated().any():
        twice = pictures["id"][pictures["id"].duplicated()].iloc[0]
        raise PrepareError(f"There is more than one picture of '{twice}'.")
    sizes = pictures.set_index("id")[["width", "height"]].astype("float64")
    found = sizes.reindex(test["id"]).reset_index(drop=True)
    if found.isna().any(axis=None):
        lacking = test["id"][found["width"].isna()].iloc[0]
        raise PrepareError(f"There is no picture of '{lacking}'.")
    context.values["answers"] = test[["id", "class"]].assign(
        predicted=test["segmentation"],
        image_width=found["width"],
        image_height=found["height"],
    )
