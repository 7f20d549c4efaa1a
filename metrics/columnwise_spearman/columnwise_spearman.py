"""Column-wise Spearman correlation: the plain mean of the columns' rank correlations."""

from __future__ import annotations

import math
from typing import Any, Literal

import datasets
import evaluate
import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from .direct_metric import DirectMetric
from .validation import MetricInputError, finite_numbers, require_same_shape


def columnwise_spearman(
    references: Any, predictions: Any, *, undefined: Literal["refuse", "nan"] = "refuse"
) -> float:
    """Mean over columns of the Spearman rank correlation.

    Equal values share the mean of their ranks. Higher is better.

    Parameters
    ----------
    references : array-like of shape (n,) or (n, k)
        True values, finite; a vector is one column.
    predictions : array-like of the shape of `references`
        Predicted values, finite.
    undefined : {"refuse", "nan"}
        What becomes of predictions without a correlation, because those of a column are all equal
        or one of them is missing: an error, or the score NaN. With "nan", infinite predictions are
        let in and ranked as the largest or smallest ones.

    Returns
    -------
    float
        In [-1, 1], or NaN.

    Raises
    ------
    MetricInputError
        If an argument is empty or of wrong shape; if the shapes differ; if a column of the
        references, or, unless `undefined` is "nan", of the predictions has no correlation with
        anything.

    References
    ----------
    SciPy, ``scipy.stats.spearmanr``, column by column.

    Examples
    --------
    >>> references = [[0.0, 1.0], [0.5, 0.3], [0.2, 0.3], [1.0, 0.6]]
    >>> predictions = [[0.1, 0.9], [0.2, 0.2], [0.3, 0.4], [0.4, 0.5]]
    >>> round(columnwise_spearman(references, predictions), 12)
    0.874341649025
    """
    if undefined not in ("refuse", "nan"):
        raise MetricInputError("undefined", f"must be 'refuse' or 'nan'; got {undefined!r}")
    truth = finite_numbers("references", references, dimensions=(1, 2))
    predicted = _numbers(predictions) if undefined == "nan" else None
    if predicted is None:
        predicted = finite_numbers("predictions", predictions, dimensions=(1, 2))
    require_same_shape(truth, predicted)
    if np.isnan(predicted).any():
        return math.nan
    true_ranks, ranks = _centered_ranks(truth), _centered_ranks(predicted)
    true_squares, squares = (true_ranks**2).sum(axis=1), (ranks**2).sum(axis=1)
    if not true_squares.all():
        raise MetricInputError(
            "references",
            f"must not all be equal; column {int(true_squares.argmin())} has no correlation",
        )
    if not squares.all():
        if undefined == "nan":
            return math.nan
        raise MetricInputError(
            "predictions",
            f"must not all be equal; column {int(squares.argmin())} has no correlation",
        )
    correlations = (true_ranks * ranks).sum(axis=1) / np.sqrt(true_squares * squares)
    return float(np.mean(np.clip(correlations, -1.0, 1.0)))


def _numbers(predictions: Any) -> npt.NDArray[np.float64] | None:
    """Return an array of floats, of which some may be missing or infinite; None for all else."""
    array = np.asarray(predictions)
    if array.dtype.kind != "f":
        return None
    finite_numbers("predictions", np.zeros(array.shape), dimensions=(1, 2))
    return array.astype(np.float64)


def _centered_ranks(table: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the ranks of each column minus their mean, columns as rows."""
    columns = np.ascontiguousarray(table.reshape(len(table), -1).T)
    if np.isinf(columns).any():
        # scipy 1.11 takes infinities of both signs for a missing value; ranks know only order.
        columns = np.stack([np.unique(column, return_inverse=True)[1] for column in columns])
    centered: npt.NDArray[np.float64] = rankdata(columns, axis=1) - (len(table) + 1) / 2
    return centered


class ColumnwiseSpearman(DirectMetric):
    """Column-wise Spearman correlation for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=columnwise_spearman.__doc__,
            features=[
                datasets.Features({"predictions": value, "references": value})
                for value in (
                    datasets.Sequence(datasets.Value("float64")),
                    datasets.Value("float64"),
                )
            ],
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"columnwise_spearman": columnwise_spearman(references, predictions, **parameters)}
