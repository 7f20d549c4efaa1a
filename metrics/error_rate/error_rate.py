"""Error rate: the share of rows whose predicted label is not the true label."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np
import numpy.typing as npt

from .direct_metric import DirectMetric
from .validation import MetricInputError, label_vector, require_rows, require_same_shape


def error_rate(references: Any, predictions: Any, *, first_of_list: bool = False) -> float:
    """Share of rows whose predicted label differs from the true label.

    One minus accuracy; the top-1 error of classification. Lower is better.

    Parameters
    ----------
    references : array-like of shape (n,)
        True labels, all text or all numbers (integers, booleans, finite floats).
    predictions : array-like of shape (n,)
        Predicted labels, text if the references are text, else numbers.
    first_of_list : bool
        Both sides are text that holds whole numbers with whitespace between them. The first number
        of a row is its label, and the rest is not looked at.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    MetricInputError
        If an argument is empty, not one-dimensional, or holds missing or mixed labels; if the
        lengths differ; if one side is text and the other numbers; with `first_of_list`, if a row
        does not begin with a whole number.

    References
    ----------
    scikit-learn, ``1 - sklearn.metrics.accuracy_score``.

    Examples
    --------
    >>> references = ["0", "1", "2", "1"]
    >>> predictions = ["0", "1", "1", "1"]
    >>> error_rate(references, predictions)
    0.25
    >>> error_rate([0, 1], [0, 2])
    0.5
    >>> error_rate(["7", "12"], ["7 3 12", "3 12 7"], first_of_list=True)
    0.5
    """
    truth = label_vector("references", references)
    predicted = label_vector("predictions", predictions)
    require_same_shape(truth, predicted)
    if first_of_list:
        truth = _first_numbers("references", truth)
        predicted = _first_numbers("predictions", predicted)
    kinds = ["text" if isinstance(labels[0], str) else "numbers" for labels in (truth, predicted)]
    if kinds[0] != kinds[1]:
        raise MetricInputError(
            "predictions", f"must be {kinds[0]} like the references; got {kinds[1]}"
        )
    return float(1 - np.mean(truth == predicted))


def _first_numbers(argument: str, cells: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Read the first token of each text as a whole number."""
    if not isinstance(cells[0], str):
        raise MetricInputError(argument, f"must be text; row 0 holds {cells.tolist()[0]!r}", 0)
    numbers = np.empty(len(cells), dtype=object)
    numbers[:] = [_whole_number(cell) for cell in cells]
    good = np.fromiter((number is not None for number in numbers), np.bool_, len(numbers))
    require_rows(argument, "must begin with a whole number", cells, good)
    return numbers


def _whole_number(cell: str) -> int | None:
    try:
        return int(cell.split(maxsplit=1)[0])
    except (IndexError, ValueError):
        return None


class ErrorRate(DirectMetric):
    """Error rate for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=error_rate.__doc__,
            features=[
                datasets.Features(
                    {"predictions": datasets.Value(label), "references": datasets.Value(label)}
                )
                for label in ("int64", "float64", "bool", "string")
            ],
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"error_rate": error_rate(references, predictions, **parameters)}
