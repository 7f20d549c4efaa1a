"""Build the raw data from the file that comes with scikit-learn."""

from __future__ import annotations

from pathlib import Path

from sklearn.datasets import load_breast_cancer


def build_raw(folder: Path) -> None:
    """Write `tumours.csv`: 30 measurements of each tumour, and whether it is malignant."""
    bunch = load_breast_cancer(as_frame=True)
    tumours = bunch.data.rename(columns=lambda name: name.replace(" ", "_"))
    # scikit-learn codes benign as 1; the positive class here is the one to be found.
    tumours["malignant"] = 1 - bunch.target
    tumours.to_csv(folder / "tumours.csv", index=False, lineterminator="\n")
