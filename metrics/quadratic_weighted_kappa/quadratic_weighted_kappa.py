"""Quadratic weighted kappa: agreement of two ratings on an ordinal scale, beyond chance."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np
import numpy.typing as npt

from .direct_metric import DirectMetric
from .validation import MetricInputError, finite_numbers, require_rows, require_same_shape


def quadratic_weighted_kappa(
    references: Any, predictions: Any, *, labels: list[int] | None = None
) -> float:
    """Cohen's kappa with disagreements weighted by the square of their distance.

    The distance of two labels is that of their positions on the scale. Higher is better.

    Parameters
    ----------
    references : array-like of shape (n,)
        True labels, whole numbers.
    predictions : array-like of shape (n,)
        Predicted labels, whole numbers.
    labels : list of int, optional
        The scale, in ascending order; other labels are refused. Without it the scale is made of the
        labels that occur in either argument, so that their distance is a difference of ranks: of
        1, 2 and 9, the last two are as near as the first two.

    Returns
    -------
    float
        In [-1, 1]: 1 for full agreement, 0 for agreement by chance. nan if one and the same label
        stands everywhere in both arguments, where chance agrees as fully as anything can.

    Raises
    ------
    MetricInputError
        If an argument is empty, not one-dimensional or not whole; if the lengths differ; if a label
        is not on the scale given.

    References
    ----------
    J. Cohen (1968). Weighted kappa. Psychological Bulletin 70(4), 213-220.

    scikit-learn, ``sklearn.metrics.cohen_kappa_score(weights="quadratic")``, with which the value
    agrees.

    Examples
    --------
    >>> references = [0, 1, 2, 3, 4, 2]
    >>> predictions = [0, 2, 2, 3, 3, 1]
    >>> round(quadratic_weighted_kappa(references, predictions), 12)
    0.823529411765
    """
    truth = _whole_numbers("references", references)
    predicted = _whole_numbers("predictions", predictions)
    require_same_shape(truth, predicted)
    count = len(truth)
    if labels is None:
        scale, ranks = np.unique(np.concatenate([truth, predicted]), return_inverse=True)
        first, second = ranks[:count], ranks[count:]
    else:
        scale = _scale(labels)
        first = _positions("references", truth, scale)
        second = _positions("predictions", predicted, scale)

    # With positions i and j: the sum of (i - j)^2 over the rows, and over all pairs of a row here
    # and a row there, which is what chance would give. Whole numbers throughout, so exact.
    places = np.arange(len(scale)).tolist()
    ones = np.bincount(first, minlength=len(scale)).tolist()
    twos = np.bincount(second, minlength=len(scale)).tolist()
    observed = int(((first - second) ** 2).sum())
    squares = sum(p * p * (a + b) for p, a, b in zip(places, ones, twos, strict=True))
    sum_of_ones = sum(p * a for p, a in zip(places, ones, strict=True))
    sum_of_twos = sum(p * b for p, b in zip(places, twos, strict=True))
    by_chance = count * squares - 2 * sum_of_ones * sum_of_twos
    return 1 - count * observed / by_chance if by_chance else float("nan")


def _whole_numbers(argument: str, values: Any) -> npt.NDArray[np.float64]:
    array = finite_numbers(argument, values)
    require_rows(argument, "must be whole numbers", array, array == np.floor(array))
    return array


def _scale(labels: list[int]) -> npt.NDArray[np.float64]:
    scale = _whole_numbers("labels", labels)
    if len(scale) < 2 or (np.diff(scale) <= 0).any():
        raise MetricInputError("labels", f"must be two or more, in ascending order; got {labels}")
    return scale


def _positions(
    argument: str, values: npt.NDArray[np.float64], scale: npt.NDArray[np.float64]
) -> npt.NDArray[np.intp]:
    positions = np.searchsorted(scale, values).clip(max=len(scale) - 1)
    rule = f"must be one of {', '.join(f'{label:g}' for label in scale)}"
    require_rows(argument, rule, values, scale[positions] == values)
    return positions


class QuadraticWeightedKappa(DirectMetric):
    """Quadratic weighted kappa for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=quadratic_weighted_kappa.__doc__,
            features=datasets.Features(
                {"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        score = quadratic_weighted_kappa(references, predictions, **parameters)
        return {"quadratic_weighted_kappa": score}
