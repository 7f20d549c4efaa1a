"""Build the raw data from the file that comes with scikit-learn."""

from __future__ import annotations

from pathlib import Path

from sklearn.datasets import load_iris

COLUMNS = ["sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm"]


def build_raw(folder: Path) -> None:
    """Write `flowers.csv`: four measurements of each flower, and its species."""
    bunch = load_iris(as_frame=True)
    flowers = bunch.data.set_axis(COLUMNS, axis="columns")
    flowers["species"] = [bunch.target_names[code] for code in bunch.target]
    flowers.to_csv(folder / "flowers.csv", index=False, lineterminator="\n")
