"""Turn the columns of a table into numbers: for trees, and scaled for linear models."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from column_kinds import MANY_CATEGORIES, kind_of, separator_of

# A code such as A/B_1/C is taken apart at most this often.
DEEPEST = 2


@dataclass
class TableFeatures:
    """Columns of numbers for all rows, train first.

    Attributes
    ----------
    columns : dict[str, numpy.ndarray]
        float32, shape (rows,), NaN where missing; categories as codes from 0.
    categorical : set[str]
        Names of those that are category codes.
    kinds : dict[str, str]
        What each column of the table was taken for.
    texts : list[pandas.Series]
        Columns of sentences, as they are, for the text features.
    """

    columns: dict[str, np.ndarray] = field(default_factory=dict)
    categorical: set[str] = field(default_factory=set)
    kinds: dict[str, str] = field(default_factory=dict)
    texts: list[pd.Series] = field(default_factory=list)

    def add(self, name: str, values: np.ndarray, *, categorical: bool = False) -> None:
        """Add a column unless it says nothing (one value only) or repeats another one."""
        numbers = np.array(values, dtype=np.float64)
        numbers[~np.isfinite(numbers)] = np.nan
        numbers = np.clip(numbers, -1e30, 1e30).astype(np.float32)
        known = numbers[~np.isnan(numbers)]
        varies = known.size > 0 and (known.min() < known.max() or known.size < numbers.size)
        if not varies or any(
            np.array_equal(numbers, other, equal_nan=True) for other in self.columns.values()
        ):
            return
        self.columns[name] = numbers
        if categorical:
            self.categorical.add(name)

    def for_trees(self) -> tuple[np.ndarray, np.ndarray]:
        """Return shape (rows, columns) with NaN, and which columns are categorical."""
        matrix = np.column_stack(list(self.columns.values()))
        return matrix, np.asarray([name in self.categorical for name in self.columns])

    def for_linear_models(self) -> np.ndarray:
        """Return float32 of shape (rows, more columns): scaled, complete, categories as 0/1."""
        parts: list[np.ndarray] = []
        for name, values in self.columns.items():
            distinct, counts = np.unique(values[~np.isnan(values)], return_counts=True)
            if name in self.categorical:
                usual = distinct[np.argsort(-counts, kind="stable")][:40]
                parts += [(values == code).astype(np.float32) for code in usual]
                continue
            parts.append(_scaled(values))
            missing = np.isnan(values)
            if 0.01 < missing.mean() < 1:
                parts.append(missing.astype(np.float32))
            if 2 < len(distinct) <= 12 and bool((distinct % 1 == 0).all()):
                # Small whole numbers are often names of groups.
                parts += [(values == code).astype(np.float32) for code in distinct]
        return np.column_stack(parts)


def table_features(table: pd.DataFrame, ids: list[str]) -> TableFeatures:
    """Build features from a table that holds the train rows followed by the test rows.

    Only values of the features are used, never the truth, so that both parts may be looked at
    together. Of the ids only shared parts count (the size of the group they name): their order
    could tell of the way the data were split.
    """
    features = TableFeatures()
    for name in table.columns:
        column = table[name].reset_index(drop=True)
        if name in ids:
            if kind_of(column) == "code":
                for part_name, part in _parts(name, column):
                    features.add(f"{part_name} (frequency)", _frequency(part))
        else:
            _add_column(features, name, column, depth=0)
    return features


def _add_column(features: TableFeatures, name: str, column: pd.Series, depth: int) -> None:
    kind = kind_of(column)
    features.kinds[name] = kind
    if kind == "number":
        if pd.api.types.is_numeric_dtype(column):
            features.add(name, column.astype(float).to_numpy())
        else:
            features.add(name, pd.to_numeric(column, errors="coerce").astype(float).to_numpy())
    elif kind == "boolean":
        truth = column.astype(object).map(lambda value: str(value).lower())
        features.add(name, truth.map({"true": 1.0, "false": 0.0}).astype(float).to_numpy())
    elif kind == "date":
        _add_date(features, name, column)
    elif kind == "list":
        lists = column.map(lambda value: value if isinstance(value, (list, tuple)) else [])
        features.add(f"{name} (length)", lists.map(len).astype(float).to_numpy())
        features.texts.append(lists.map(lambda value: " ".join(map(str, value))).rename(name))
    elif kind == "text":
        _add_text_measures(features, name, column)
        features.texts.append(column.astype(object).where(column.notna(), "").rename(name))
    elif kind in ("category", "name"):
        features.add(name, _codes(column), categorical=True)
        if kind == "name":
            features.add(f"{name} (frequency)", _frequency(column))
    elif kind == "code":
        features.add(f"{name} (frequency)", _frequency(column))
        for part_name, part in _parts(name, column) if depth < DEEPEST else []:
            _add_column(features, part_name, part, depth + 1)


def _parts(name: str, column: pd.Series) -> list[tuple[str, pd.Series]]:
    """Cut a column of codes at its separator; parts of numbers become numbers."""
    text = column.astype(object).where(column.notna(), None)
    known = text.dropna().map(str)
    separator = separator_of(known.head(2000))
    if separator is None:
        return []
    count = int((known.str.count("\\" + separator) + 1).mode().iloc[0])
    cut = text.map(lambda value: None if value is None else str(value).split(separator))
    return [
        (
            f"{name}[{place}]",
            cut.map(
                lambda parts, place=place: None if not parts or len(parts) != count
                else parts[place] or None
            ),
        )
        for place in range(count)
    ]  # fmt: skip


def _codes(column: pd.Series) -> np.ndarray:
    """Return numbers from 0 for the most frequent values, NaN for missing and rare ones."""
    text = column.astype(object).where(column.notna(), None)
    text = text.map(lambda value: None if value is None else str(value))
    usual = text.value_counts().head(MANY_CATEGORIES)
    # A value that occurs once teaches nothing about another row.
    values = sorted(str(value) for value in usual[usual > 1].index)
    return (
        text.map({value: float(code) for code, value in enumerate(values)}).astype(float).to_numpy()
    )


def _frequency(column: pd.Series) -> np.ndarray:
    """Return how often each row's value occurs among all rows; NaN where missing."""
    text = column.astype(object).where(column.notna(), None)
    text = text.map(lambda value: None if value is None else str(value))
    return text.map(text.value_counts()).astype(float).to_numpy()


def _add_date(features: TableFeatures, name: str, column: pd.Series) -> None:
    with warnings.catch_warnings():
        # pandas says that it could not infer one format; it then reads each date by itself.
        warnings.simplefilter("ignore", UserWarning)
        dates = pd.to_datetime(column, errors="coerce", utc=True)
    days = (dates - pd.Timestamp("1970-01-01", tz="UTC")) / pd.Timedelta(days=1)
    features.add(f"{name} (days)", days.astype(float).to_numpy())
    for part in ("year", "month", "day", "dayofweek", "hour"):
        features.add(f"{name} ({part})", getattr(dates.dt, part).astype(float).to_numpy())


def _add_text_measures(features: TableFeatures, name: str, column: pd.Series) -> None:
    text = column.astype(object).where(column.notna(), "").map(str)
    length = text.str.len().astype(float)
    words = text.str.count(r"\S+").astype(float)
    features.add(f"{name} (characters)", length.to_numpy())
    features.add(f"{name} (words)", words.to_numpy())
    features.add(f"{name} (word length)", (length / words.clip(lower=1)).to_numpy())
    for label, pattern in {
        "capitals": r"[A-Z]", "digits": r"\d", "marks": r"[!?]", "punctuation": r"[^\w\s]",
        "links": r"https?:", "lines": r"\n",
    }.items():  # fmt: skip
        share = text.str.count(pattern).astype(float) / length.clip(lower=1)
        features.add(f"{name} ({label})", share.to_numpy())


def _scaled(values: np.ndarray) -> np.ndarray:
    """Centre and scale; compress long tails; fill missing values with the median."""
    known = values[~np.isnan(values)].astype(np.float64)
    if known.size == 0:
        return np.zeros(values.shape, dtype=np.float32)
    filled = np.where(np.isnan(values), np.median(known), values).astype(np.float64)
    spread = filled.std()
    if spread > 0 and np.abs(filled - filled.mean()).max() > 8 * spread:
        filled = np.sign(filled) * np.log1p(np.abs(filled))
        spread = filled.std()
    if spread == 0:
        return np.zeros(values.shape, dtype=np.float32)
    return np.asarray(np.clip((filled - filled.mean()) / spread, -10, 10), dtype=np.float32)
