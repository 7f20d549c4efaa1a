"""Mean angular error: the mean angle between predicted and true directions."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np

from .direct_metric import DirectMetric
from .validation import MetricInputError, finite_numbers, require_same_shape


def angular_error(references: Any, predictions: Any) -> float:
    """Mean angle between two directions in space.

    Lower is better.

    Parameters
    ----------
    references : array-like of shape (n, 2)
        True azimuth and zenith in radians, finite.
    predictions : array-like of shape (n, 2)
        Predicted azimuth and zenith in radians, finite. Angles are periodic.

    Returns
    -------
    float
        In [0, pi], in radians.

    Raises
    ------
    MetricInputError
        If an argument is empty, has not two columns or is not finite, or the lengths differ.

    References
    ----------
    Kaggle, *IceCube - Neutrinos in Deep Ice*.

    Examples
    --------
    >>> references = [[0.0, 1.0], [1.0, 2.0], [3.0, 0.5]]
    >>> predictions = [[0.1, 1.0], [1.0, 1.5], [0.0, 0.5]]
    >>> round(angular_error(references, predictions), 12)
    0.527133629219
    """
    truth = finite_numbers("references", references, dimensions=(2,))
    predicted = finite_numbers("predictions", predictions, dimensions=(2,))
    if truth.shape[1] != 2:
        raise MetricInputError(
            "references", f"must have two columns, azimuth and zenith; got {truth.shape}"
        )
    require_same_shape(truth, predicted)
    (azimuth, zenith), (other_azimuth, other_zenith) = truth.T, predicted.T
    cosine = np.sin(zenith) * np.sin(other_zenith) * (
        np.cos(azimuth) * np.cos(other_azimuth) + np.sin(azimuth) * np.sin(other_azimuth)
    ) + np.cos(zenith) * np.cos(other_zenith)
    # Rounding may carry equal or opposite directions past 1.
    return float(np.mean(np.arccos(np.clip(cosine, -1.0, 1.0))))


class AngularError(DirectMetric):
    """Mean angular error for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=angular_error.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Sequence(datasets.Value("float64")),
                    "references": datasets.Sequence(datasets.Value("float64")),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"angular_error": angular_error(references, predictions, **parameters)}
