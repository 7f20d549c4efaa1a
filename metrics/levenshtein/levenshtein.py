"""Levenshtein distance: the least number of insertions, deletions and replacements."""

from __future__ import annotations

import reprlib
from typing import Any, Literal

import datasets
import evaluate
import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein as RapidfuzzLevenshtein

from .direct_metric import DirectMetric
from .token_groups import text_cells
from .validation import MetricInputError, arrow_text, require_same_shape


def levenshtein(
    references: Any,
    predictions: Any,
    *,
    unit: Literal["characters", "integers"] = "characters",
    normalization: Literal["rows", "reference_length"] = "rows",
) -> float:
    """Levenshtein distance of predicted and true sequences, as a mean.

    The distance of two sequences is the least number of elements to insert, delete or replace that
    turns one into the other. Lower is better.

    Parameters
    ----------
    references : array-like of shape (n,)
        True texts.
    predictions : array-like of shape (n,)
        Predicted texts.
    unit : {"characters", "integers"}
        What the elements of a sequence are: the characters (code points) of the text, or whole
        numbers that blanks separate, which are compared by value.
    normalization : {"rows", "reference_length"}
        What the sum of all distances is divided by: the number of rows, or the number of all
        elements of the references.

    Returns
    -------
    float
        Not below 0.

    Raises
    ------
    MetricInputError
        If an argument is empty, not one-dimensional or holds anything but text; if the lengths
        differ; if a text is to hold whole numbers and does not; if the distance is to be divided
        by the length of the references and all of them are empty.

    References
    ----------
    V. I. Levenshtein: Binary codes capable of correcting deletions, insertions, and reversals.
    Soviet Physics Doklady 10 (1966). Distances are those of the library RapidFuzz.

    Examples
    --------
    >>> references = ["kitten", "12 7", "C2H6O"]
    >>> predictions = ["sitting", "12 7", "C2H4O2"]
    >>> levenshtein(references, predictions)
    1.6666666666666667
    >>> levenshtein(["1 2 3 4", "5"], ["1 3 4", "05"], unit="integers")
    0.5
    >>> levenshtein(["abcd", ""], ["abd", "x"], normalization="reference_length")
    0.5
    """
    if unit not in ("characters", "integers"):
        raise MetricInputError("unit", f"must be 'characters' or 'integers'; got {unit!r}")
    if normalization not in ("rows", "reference_length"):
        raise MetricInputError(
            "normalization", f"must be 'rows' or 'reference_length'; got {normalization!r}"
        )
    if unit == "characters" and normalization == "rows":
        true_text, text = arrow_text(references), arrow_text(predictions)
        if true_text is not None and text is not None and len(true_text) == len(text):
            # Only what differs becomes Python's text.
            differ = pc.not_equal(true_text, text)
            pairs = [column.filter(differ).to_pylist() for column in (true_text, text)]
            return int(_distances(*pairs).sum()) / len(text)
    truth = text_cells("references", references)
    predicted = text_cells("predictions", predictions)
    require_same_shape(truth, predicted)
    true_sequences: list[Any] = truth.tolist()
    sequences: list[Any] = predicted.tolist()
    if unit == "integers":
        codes: dict[int, int] = {}
        true_sequences = _integers("references", truth, codes)
        sequences = _integers("predictions", predicted, codes)
    total = int(_distances(true_sequences, sequences).sum())
    if normalization == "rows":
        return total / len(truth)
    length = sum(map(len, true_sequences))
    if length == 0:
        raise MetricInputError("references", "must not all be empty; the distance is per element")
    return total / length


def _distances(references: list[Any], predictions: list[Any]) -> npt.NDArray[np.int64]:
    """Return the distance of each pair."""
    return np.asarray(
        process.cpdist(
            references,
            predictions,
            scorer=RapidfuzzLevenshtein.distance,
            dtype=np.int64,
            workers=-1,
        )
    )


def _integers(
    argument: str, cells: npt.NDArray[np.object_], codes: dict[int, int]
) -> list[list[int]]:
    """Read lists of whole numbers, each number replaced by its place in `codes`.

    RapidFuzz compares elements by their hash, and Python's -1 and -2 have the same one.
    """
    sequences = []
    for row, cell in enumerate(cells):
        try:
            numbers = list(map(int, cell.split()))
        except ValueError:
            raise MetricInputError(
                argument,
                f"must be whole numbers with blanks between them; row {row} holds "
                f"{reprlib.repr(cell)}",
                row,
            ) from None
        sequences.append([codes.setdefault(number, len(codes)) for number in numbers])
    return sequences


class Levenshtein(DirectMetric):
    """Levenshtein distance for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=levenshtein.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("string"),
                    "references": datasets.Value("string"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"levenshtein": levenshtein(references, predictions, **parameters)}
