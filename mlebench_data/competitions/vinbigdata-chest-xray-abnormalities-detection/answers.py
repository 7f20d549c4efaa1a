"""Reading of the answers: one row for each picture, its true boxes as submissions have them."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from mlebench_data.tables import read_csv

if TYPE_CHECKING:
    import pandas as pd


def read_answers(stream: BytesIO, version: str) -> pd.DataFrame:
    """Read the table of true boxes.

    Parameters
    ----------
    stream : io.BytesIO
        CSV with a row for each box.
    version : str
        Data version; all have the same format.

    Returns
    -------
    pandas.DataFrame
        `image_id` and `PredictionString`, pictures in the order in which they first occur.
    """
    import pandas as pd

    boxes = read_csv(stream, missing_tokens="pandas", columns_as_text=["image_id"])
    corners = boxes[["x_min", "y_min", "x_max", "y_max"]].astype("float64").to_numpy().tolist()
    detections = pd.Series(
        [
            f"{name} 1 {' '.join(map(repr, corner))}"
            for name, corner in zip(boxes["class_id"].tolist(), corners, strict=True)
        ]
    )
    lines = detections.groupby(boxes["image_id"].to_numpy(dtype=object), sort=False).agg(" ".join)
    return pd.DataFrame(
        {
            "image_id": lines.index.to_numpy(dtype=object),
            "PredictionString": lines.to_numpy(dtype=object),
        }
    )
