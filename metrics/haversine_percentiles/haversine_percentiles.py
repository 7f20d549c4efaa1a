"""Percentiles of the great-circle distance between places, averaged over groups of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import datasets
import evaluate
import numpy as np

from .direct_metric import DirectMetric
from .groups import rows_by_group
from .validation import (
    MetricInputError,
    finite_numbers,
    label_vector,
    require_rows,
    require_same_shape,
)


def haversine_percentiles(
    references: Any,
    predictions: Any,
    *,
    groups: Any = None,
    percentiles: Sequence[float] = (50.0, 95.0),
    radius: float = 6_371_000.0,
    places: Literal["on_earth", "any"] = "on_earth",
) -> float:
    """Mean over groups of the mean of percentiles of the distance between two places.

    Lower is better.

    Parameters
    ----------
    references : array-like of shape (n, 2)
        True latitude and longitude in degrees.
    predictions : array-like of shape (n, 2)
        Predicted latitude and longitude in degrees.
    groups : array-like of shape (n,), optional
        Group of each row, text or numbers; all rows are one group by default.
    percentiles : sequence of float
        Percentiles, 0 to 100, interpolated linearly, whose mean is a group's score.
    radius : float
        Radius of the sphere; its unit is that of the score.
    places : {"on_earth", "any"}
        With ``"on_earth"`` latitudes lie in [-90, 90]; longitudes are periodic. With ``"any"`` all
        predictions go into the formula as they are, also missing ones, and the score is NaN where
        it has no value.

    Returns
    -------
    float
        In [0, pi * radius].

    Raises
    ------
    MetricInputError
        If an argument is empty, of wrong shape, not finite or no place on earth, the lengths
        differ, or a parameter makes no sense.

    References
    ----------
    Kaggle, *Google Smartphone Decimeter Challenge*.

    Examples
    --------
    >>> references = [[37.0, -122.0], [37.0, -122.0], [37.0, -122.0], [0.0, 9.0], [0.0, 9.0]]
    >>> predictions = [[37.0, -122.0], [37.001, -122.0], [37.002, -122.0], [0.0, 9.1], [0.0, 9.1]]
    >>> round(haversine_percentiles(references, predictions), 6)
    5670.941259
    """
    levels = np.asarray(percentiles, dtype=np.float64)
    if levels.ndim != 1 or not levels.size or not ((levels >= 0) & (levels <= 100)).all():
        raise MetricInputError("percentiles", f"must lie in [0, 100]; got {percentiles!r}")
    if not 0 < radius < np.inf:
        raise MetricInputError("radius", f"must be a finite positive number; got {radius!r}")
    if places not in ("on_earth", "any"):
        raise MetricInputError("places", f"must be 'on_earth' or 'any'; got {places!r}")
    truth = finite_numbers("references", references, dimensions=(2,))
    predicted = finite_numbers(
        "predictions", predictions, dimensions=(2,), finite=places == "on_earth"
    )
    if truth.shape[1] != 2:
        raise MetricInputError(
            "references", f"must have two columns, latitude and longitude; got {truth.shape}"
        )
    require_same_shape(truth, predicted)
    checked = [("references", truth)]
    if places == "on_earth":
        checked.append(("predictions", predicted))
    for argument, table in checked:
        latitude = table[:, 0]
        rule = "latitudes must lie in [-90, 90]"
        require_rows(argument, rule, latitude, np.abs(latitude) <= 90)
    distances = _distances(np.radians(truth), np.radians(predicted), clip=places == "on_earth")
    if groups is None:
        parts = [distances]
    else:
        labels = label_vector("groups", groups)
        if len(labels) != len(distances):
            raise MetricInputError(
                "groups", f"must have one label per row, {len(distances)}; got {len(labels)}"
            )
        parts = [distances[rows] for rows in rows_by_group(labels)]
    return float(radius * np.mean([np.mean(np.percentile(part, levels)) for part in parts]))


def _distances(truth: Any, predicted: Any, *, clip: bool) -> Any:
    """Return great-circle distances on the unit sphere."""
    with np.errstate(invalid="ignore"):
        half = np.sin((predicted - truth) / 2) ** 2
        square = half[:, 0] + np.cos(truth[:, 0]) * np.cos(predicted[:, 0]) * half[:, 1]
        if clip:
            # Rounding may carry opposite points past 1.
            square = np.clip(square, 0.0, 1.0)
        return 2 * np.arcsin(np.sqrt(square))


class HaversinePercentiles(DirectMetric):
    """Percentiles of the great-circle distance for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=haversine_percentiles.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Sequence(datasets.Value("float64")),
                    "references": datasets.Sequence(datasets.Value("float64")),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {
            "haversine_percentiles": haversine_percentiles(references, predictions, **parameters)
        }
