"""Label ranking average precision: how far up the true labels stand in each row's ranking."""

from __future__ import annotations

from typing import Any, Literal

import datasets
import evaluate
import numpy as np

from .direct_metric import DirectMetric
from .validation import MetricInputError, finite_numbers, require_rows, require_same_shape


def label_ranking_average_precision(
    references: Any, predictions: Any, *, weights: Literal["rows", "labels"] = "rows"
) -> float:
    """Mean precision of the ranking of labels, at the place of each true label.

    Higher is better.

    Parameters
    ----------
    references : array-like of shape (n, k)
        1 where a label applies, 0 elsewhere.
    predictions : array-like of shape (n, k)
        Scores, finite; a higher one ranks further up.
    weights : {"rows", "labels"}
        What counts the same: each row, or each true label (a row then counts as often as it has
        labels; rows without any are left out).

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    MetricInputError
        If an argument is empty, of wrong shape or not finite, the shapes differ, a reference is
        neither 0 nor 1, or no label applies at all with ``weights="labels"``.

    References
    ----------
    scikit-learn, ``sklearn.metrics.label_ranking_average_precision_score``; with label weights
    known as lwlrap.

    Examples
    --------
    >>> references = [[1, 0, 0], [0, 1, 1], [0, 0, 1]]
    >>> predictions = [[0.75, 0.5, 1.0], [1.0, 0.2, 0.1], [0.1, 0.2, 0.9]]
    >>> round(label_ranking_average_precision(references, predictions), 12)
    0.694444444444
    >>> round(label_ranking_average_precision(references, predictions, weights="labels"), 12)
    0.666666666667
    """
    if weights not in ("rows", "labels"):
        raise MetricInputError("weights", f"must be 'rows' or 'labels'; got {weights!r}")
    truth = finite_numbers("references", references, dimensions=(2,))
    require_rows("references", "must be 0 or 1", truth, (truth == 0) | (truth == 1))
    scores = finite_numbers("predictions", predictions, dimensions=(2,))
    require_same_shape(truth, scores)
    order = np.argsort(-scores, axis=1, kind="stable")
    ranked = np.take_along_axis(scores, order, axis=1)
    relevant = np.take_along_axis(truth, order, axis=1)
    # A label among equals ranks as low as the last of them.
    columns = ranked.shape[1]
    last = np.full(ranked.shape, columns - 1)
    last[:, :-1] = np.where(ranked[:, :-1] != ranked[:, 1:], np.arange(columns - 1), columns - 1)
    last = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]
    precision = np.take_along_axis(np.cumsum(relevant, axis=1), last, axis=1) / (last + 1)
    found = (precision * relevant).sum(axis=1)
    labels = truth.sum(axis=1)
    if weights == "labels":
        if not labels.any():
            raise MetricInputError("references", "must hold a 1; no label applies anywhere")
        return float(found.sum() / labels.sum())
    # As in scikit-learn: a row without labels cannot be ranked wrongly.
    return float(np.mean(np.where(labels > 0, found / np.maximum(labels, 1), 1.0)))


class LabelRankingAveragePrecision(DirectMetric):
    """Label ranking average precision for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=label_ranking_average_precision.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Sequence(datasets.Value("float64")),
                    "references": datasets.Sequence(datasets.Value("float64")),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {
            "label_ranking_average_precision": label_ranking_average_precision(
                references, predictions, **parameters
            )
        }
