"""Build every kind of features that the data offer, for train and test rows together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from clock import Clock
from discover import DataFolder, find_images
from features_files import file_features, files_of_rows
from features_images import image_column, image_features
from features_table import table_features
from features_text import TextFeatures, text_features
from journal import Journal
from models import Candidate, Setting, image_candidates, table_candidates, text_candidates


@dataclass
class Features:
    """Features of the train rows followed by the test rows; None where there are none.

    Attributes
    ----------
    train_rows : int
        How many of the rows are train rows.
    trees, linear
        The table, for trees (matrix and mask of categories) and for linear models.
    text : TextFeatures or None
        Sparse matrices.
    images : numpy.ndarray or None
        One row per row; NaN where an image is missing.
    is_mostly_text : bool
        Whether the table holds little more than lengths of the texts.
    """

    train_rows: int
    trees: tuple[np.ndarray, np.ndarray] | None
    linear: np.ndarray | None
    text: TextFeatures | None
    images: np.ndarray | None
    is_mostly_text: bool = False

    def candidates(self, rows: np.ndarray, setting: Setting) -> list[Candidate]:
        """Return the models to try for a problem whose truth is known in some train rows.

        Parameters
        ----------
        rows
            Numbers of those train rows.
        setting
            The problem.
        """
        # The rows to learn from, then the test rows.
        total = self._row_count()
        chosen = np.concatenate([rows, np.arange(self.train_rows, total)])
        count = len(rows)
        found: list[Candidate] = []
        if self.text is not None:
            counts, words = self.text.counts[chosen], self.text.words[chosen]
            found += text_candidates(counts, words, self.text.all[chosen], count, setting)
        if self.trees is not None and self.linear is not None:
            trees = (self.trees[0][chosen], self.trees[1])
            found += table_candidates(
                trees, self.linear[chosen], count, setting, only_boosting=self.is_mostly_text
            )
        if self.images is not None:
            # Rows without an image get the mean of those that have one.
            mean = np.nanmean(self.images, axis=0)
            filled = np.where(np.isnan(self.images[chosen]), mean, self.images[chosen])
            found += image_candidates(filled, count, setting)
        return found

    def _row_count(self) -> int:
        everything: list[Any] = [self.linear, self.images, self.text.all if self.text else None]
        known = [int(matrix.shape[0]) for matrix in everything if matrix is not None]
        return max([self.train_rows, *known])


def build_features(
    folder: DataFolder,
    train: pd.DataFrame,
    test: pd.DataFrame,
    ids: list[str],
    clock: Clock,
    processors: int,
    journal: Journal,
) -> Features:
    """Build the features; says in the journal what they are.

    Parameters
    ----------
    folder
        The data, for images and files of single rows.
    train, test
        Tables with the same columns (features and ids) in the same order.
    ids
        Columns that name rows.
    clock, processors, journal
        Time, threads, log.
    """
    both = pd.concat([train, test], ignore_index=True)
    table = table_features(both, ids)
    found: dict[str, Any] = {"columns": table.kinds}
    row_ids = [train[ids[0]].astype(str).tolist(), test[ids[0]].astype(str).tolist()]
    images = _images(folder, train, test, clock, processors, journal)
    if images is not None:
        found["images"] = {"rows": int((~np.isnan(images).any(axis=1)).sum()),
                           "features": images.shape[1]}  # fmt: skip
    by_part = [files_of_rows(folder.files, part, rows)
               for part, rows in zip(("train", "test"), row_ids, strict=True)]  # fmt: skip
    for kind in sorted(set(by_part[0]) & set(by_part[1])):
        rows = by_part[1][kind] + by_part[0][kind]
        # The test rows first: if time runs out, train rows can be spared.
        summed = file_features(folder, rows, clock, clock.remaining() * 0.3)
        for name, values in summed.items():
            table.add(f"{kind}: {name}", np.roll(values, len(train)))
        found.setdefault("files of rows", {})[kind] = len(summed)
    text = text_features(table.texts) if table.texts and clock.remaining() > 1.5 else None
    if text is not None:
        found["text"] = {"columns": [str(column.name) for column in table.texts],
                         "features": text.all.shape[1]}  # fmt: skip
    trees = linear = None
    if table.columns:
        trees, linear = table.for_trees(), table.for_linear_models()
        found["table"] = {"for trees": trees[0].shape[1], "for linear models": linear.shape[1]}
    journal.note(features=found)
    counts = {key: value for key, value in found.items() if key != "columns"}
    journal.say(f"features: {counts or 'none'}; columns: {table.kinds}")
    of_texts = sum(kind in ("text", "list") for kind in table.kinds.values())
    is_mostly_text = text is not None and of_texts == len(table.kinds)
    return Features(len(train), trees, linear, text, images, is_mostly_text)


def _images(
    folder: DataFolder,
    train: pd.DataFrame,
    test: pd.DataFrame,
    clock: Clock,
    processors: int,
    journal: Journal,
) -> np.ndarray | None:
    images = find_images(folder.files)
    found = image_column(images, train, test) if images else None
    if found is None:
        if images:
            journal.say(f"{len(images)} images, but no column of the table names them")
        return None
    column, of_train, of_test = found
    try:
        import PIL
    except ImportError:
        journal.warn("Pillow is not installed: the images are left out")
        return None
    journal.say(f"reading {len(of_train) + len(of_test)} images named by {column!r} "
                f"with Pillow {PIL.__version__}")  # fmt: skip
    # The test rows first: if time runs out, train rows can be spared.
    described = image_features(
        folder, of_test + of_train, clock, clock.remaining() * 0.4, processors, journal
    )
    if np.isnan(described).all():
        journal.warn("no image could be read")
        return None
    return np.roll(described, len(of_train), axis=0)
