"""Build the raw data from the file that comes with scikit-learn."""

from __future__ import annotations

from pathlib import Path

from sklearn.datasets import load_wine


def build_raw(folder: Path) -> None:
    """Write `wines.csv`: 13 chemical measurements of each wine, and the cultivar of its grapes."""
    bunch = load_wine(as_frame=True)
    # A slash in a column name is a nuisance wherever names become paths or identifiers.
    wines = bunch.data.rename(columns={"od280/od315_of_diluted_wines": "od280_od315_ratio"})
    # Measured in whole numbers: written without the ".0" that they have in scikit-learn.
    wines = wines.astype({"magnesium": "int64", "proline": "int64"})
    # The names are those of the columns of a submission, so that the classes need no code table.
    wines["cultivar"] = [f"cultivar_{number + 1}" for number in bunch.target]
    wines.to_csv(folder / "wines.csv", index=False, lineterminator="\n")
