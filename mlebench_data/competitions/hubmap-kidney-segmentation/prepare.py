"""What only this competition needs: what is known about the slices, joined by file name."""

from __future__ import annotations

from mlebench_data.recipe import Context


def join_information(context: Context, suffix: str) -> None:
    """Make `labelled_information` and `answers`.

    The former holds the rows of `information` about labelled pictures, the latter the rows of
    `test` with the size of their pictures.

    Parameters
    ----------
    context : Context
        The running recipe.
    suffix : str
        Follows the id of a picture in `image_file`.
    """
    import pandas as pd

    information = context.table("information")
    ids = context.column("information", "image_file").str.removesuffix(suffix)
    labelled = ids.isin(context.column("labelled", "id").astype(str))
    context.values["labelled_information"] = information[labelled].reset_index(drop=True)
    pictures = information[["width_pixels", "height_pixels"]].assign(id=ids)
    test = context.table("test").assign(id=context.column("test", "id").astype(str))
    context.values["answers"] = pd.merge(test, pictures, on="id", how="inner")
