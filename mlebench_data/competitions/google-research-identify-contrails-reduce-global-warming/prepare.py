"""What only this competition needs: files of records, and masks as run lengths."""

from __future__ import annotations

import io
import random
from typing import TYPE_CHECKING, Any

from mlebench_data.recipe import Context

if TYPE_CHECKING:
    import numpy.typing as npt


def list_files(context: Context, bands: list[str], masks: list[str]) -> None:
    """Make tables of the files of each record: bands of both parts, masks of the train part.

    Parameters
    ----------
    context : Context
        The running recipe, with `train_ids` and `test_ids`.
    bands, masks : list of str
        File names.
    """
    import pandas as pd

    for part, names in (("train", [*bands, *masks]), ("test", bands)):
        files = pd.DataFrame({"file": names})
        context.values[f"{part}_files"] = context.table(f"{part}_ids").merge(files, how="cross")


def make_answers(context: Context, mask: str, size_of: str, without_contrail: str) -> None:
    """Make `answers` of the records in `test_ids`.

    Parameters
    ----------
    context : Context
        The running recipe.
    mask : str
        File of a record that holds 1 for each pixel of a contrail.
    size_of : str
        File of a record whose first two dimensions are the height and width.
    without_contrail : str
        Stands for an empty mask.
    """
    import numpy as np
    import pandas as pd

    rows = []
    for record in context.column("test_ids", "record_id"):
        with context.raw.open(f"train/{record}/{mask}") as stream:
            pixels = np.load(io.BytesIO(stream.read())) == 1
        # A last dimension of one value is no dimension of the image.
        runs = _run_lengths(pixels.reshape(pixels.shape[:2]).T.ravel())
        height, width = _array_shape(context, f"train/{record}/{size_of}")[:2]
        rows.append((record, runs or without_contrail, height, width))
    names = ["record_id", "encoded_pixels", "height", "width"]
    context.values["answers"] = pd.DataFrame(rows, columns=names)


def make_sample(context: Context, guesses: list[str], seed: int) -> None:
    """Make `sample`: the answers with masks drawn at random from `guesses`."""
    generator = random.Random(seed)
    answers = context.table("answers")
    drawn = [generator.choice(guesses) for _ in range(len(answers))]
    context.values["sample"] = answers.assign(encoded_pixels=drawn)


def _array_shape(context: Context, path: str) -> tuple[int, ...]:
    """Read the shape of an array without its values, which take most of the disk."""
    from numpy.lib import format as npy

    with context.raw.open(path) as stream:
        first_version = npy.read_magic(stream) == (1, 0)
        read_header = npy.read_array_header_1_0 if first_version else npy.read_array_header_2_0
        shape: tuple[int, ...] = read_header(stream)[0]
    return shape


def _run_lengths(pixels: npt.NDArray[Any]) -> str:
    """Write the true pixels of a vector as starts (from 1) and lengths."""
    import numpy as np

    steps = np.diff(pixels.astype(np.int8), prepend=0, append=0)
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    return " ".join(map(str, np.stack([starts + 1, ends - starts], axis=1).ravel().tolist()))
