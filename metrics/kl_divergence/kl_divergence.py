"""Kullback-Leibler divergence of true from predicted distributions over classes."""

from __future__ import annotations

from typing import Any, Literal

import datasets
import evaluate
import numpy as np

from .direct_metric import DirectMetric
from .validation import MetricInputError, finite_numbers, require_rows, require_same_shape


def kl_divergence(
    references: Any,
    predictions: Any,
    *,
    eps: float = 1e-15,
    sum_tolerance: float | None = 1.1e-5,
    missing: Literal["refuse", "skip"] = "refuse",
) -> float:
    """Mean over rows of the divergence of the true from the predicted distribution.

    Lower is better.

    Parameters
    ----------
    references : array-like of shape (n, k)
        True probabilities, or counts such as votes: each row is divided by its sum. Not negative.
    predictions : array-like of shape (n, k)
        Predicted probabilities in [0, 1].
    eps : float
        Predictions are clipped to [eps, 1 - eps].
    sum_tolerance : float, optional
        How far the sum of a row of predictions may be from 1; None for any sum.
    missing : {"refuse", "skip"}
        With ``"skip"``, a missing prediction costs nothing.

    Returns
    -------
    float
        In [0, -ln(eps)] where rows add up to 1; a little below 0 where they exceed it.

    Raises
    ------
    MetricInputError
        If an argument is empty, of wrong shape, not finite or out of bounds, the shapes differ, a
        row of references is all zero, or a row of predictions does not add up to 1.

    References
    ----------
    Kaggle, *HMS - Harmful Brain Activity Classification*.

    Examples
    --------
    >>> references = [[1, 1, 0], [0, 3, 1], [2, 0, 2]]
    >>> predictions = [[0.4, 0.4, 0.2], [0.1, 0.7, 0.2], [0.5, 0.1, 0.4]]
    >>> round(kl_divergence(references, predictions), 12)
    0.147415289472
    """
    if not 0 < eps < 0.5:
        raise MetricInputError("eps", f"must lie between 0 and 0.5; got {eps!r}")
    if missing not in ("refuse", "skip"):
        raise MetricInputError("missing", f"must be 'refuse' or 'skip'; got {missing!r}")
    truth = finite_numbers("references", references, dimensions=(2,), low=0)
    skip = missing == "skip"
    predicted = finite_numbers("predictions", predictions, dimensions=(2,), finite=not skip)
    require_same_shape(truth, predicted)
    present = ~np.isnan(predicted)
    inside = ~present | ((predicted >= 0) & (predicted <= 1))
    require_rows("predictions", "must lie in [0, 1]", predicted, inside)
    totals = truth.sum(axis=1, keepdims=True)
    rule = "rows must not be all zero"
    require_rows("references", rule, totals[:, 0], totals[:, 0] > 0, verb="sums to")
    if sum_tolerance is not None:
        sums = np.nansum(predicted, axis=1)
        good = np.abs(sums - 1) <= sum_tolerance
        rule = f"rows must sum to 1 within {sum_tolerance:g}"
        require_rows("predictions", rule, sums, good, verb="sums to")
    share = truth / totals
    counts = present & (share > 0)
    costs = np.zeros_like(share)
    clipped = np.clip(predicted[counts], eps, 1 - eps)
    costs[counts] = share[counts] * np.log(share[counts] / clipped)
    return float(np.mean(costs.sum(axis=1)))


class KlDivergence(DirectMetric):
    """Kullback-Leibler divergence for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=kl_divergence.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Sequence(datasets.Value("float64")),
                    "references": datasets.Sequence(datasets.Value("float64")),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"kl_divergence": kl_divergence(references, predictions, **parameters)}
