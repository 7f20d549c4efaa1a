"""Build the raw data from the file that comes with scikit-learn."""

from __future__ import annotations

from pathlib import Path

from sklearn.datasets import load_diabetes

# scikit-learn's short names, and what they stand for.
NAMES = {
    "bp": "blood_pressure",
    "s1": "total_cholesterol",
    "s2": "ldl",
    "s3": "hdl",
    "s4": "cholesterol_hdl_ratio",
    "s5": "log_triglycerides",
    "s6": "glucose",
}
WHOLE_NUMBERS = ["age", "sex", "total_cholesterol", "glucose", "progression"]


def build_raw(folder: Path) -> None:
    """Write `patients.csv`: ten measurements of each patient, and the progression a year later."""
    # The usual, scaled form would leak the mean and spread of the test part into the training part.
    bunch = load_diabetes(as_frame=True, scaled=False)
    patients = bunch.data.rename(columns=NAMES)
    patients["progression"] = bunch.target
    patients = patients.astype(dict.fromkeys(WHOLE_NUMBERS, "int64"))
    patients.to_csv(folder / "patients.csv", index=False, lineterminator="\n")
