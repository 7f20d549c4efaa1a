"""Division of the frames, which are rows of arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlebench_data.errors import PrepareError

if TYPE_CHECKING:
    import numpy.typing as npt

    from mlebench_data.recipe import Context

FOLDER = "timit_11/timit_11"


def list_frames(context: Context) -> None:
    """Make a table of the labelled rows, and a list as long as there are unlabelled ones."""
    import numpy as np
    import pandas as pd

    labels = _load(context, "train_label_11")
    context.values["labelled"] = pd.DataFrame({"row": np.arange(len(labels)), "ClassId": labels})
    context.values["unlabelled"] = range(_length(context, "test_11"))


def write_arrays(context: Context) -> None:
    """Write the rows of both parts."""
    import numpy as np

    frames = _load(context, "train_11")
    train, test = (context.table(part)["row"].to_numpy() for part in ("train", "test"))
    if len(frames) != len(train) + len(test):
        raise PrepareError(f"There are {len(frames)} rows, but {len(train) + len(test)} labels.")
    arrays = {
        "train_11": frames[train],
        "train_label_11": _load(context, "train_label_11")[train],
        "test_11": frames[test],
    }
    for name, array in arrays.items():
        np.save(context.target(f"public/{FOLDER}/{name}.npy"), array)
        context.advance(1)


def _load(context: Context, name: str) -> npt.NDArray[Any]:
    import numpy as np

    with context.raw.open(f"{FOLDER}/{name}.npy") as stream:
        array: npt.NDArray[Any] = np.load(stream)
    return array


def _length(context: Context, name: str) -> int:
    """Read the number of rows from the head of a file."""
    from numpy.lib import format as npy

    with context.raw.open(f"{FOLDER}/{name}.npy") as stream:
        major, _ = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if major == 1 else npy.read_array_header_2_0
        shape, _, _ = read(stream)
    return int(shape[0])
