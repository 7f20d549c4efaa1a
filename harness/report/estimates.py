"""Mean and standard error over seeds, and the chance of a success in k attempts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds.

    Attributes
    ----------
    mean : float
        The mean.
    standard_error : float or None
        Sample standard deviation (ddof 1) over the square root of the number of seeds; None with
        one seed, which says nothing about the spread.
    """

    mean: float
    standard_error: float | None


def estimate(values: Sequence[float]) -> Estimate | None:
    """Return mean and standard error of one value a seed; None without values."""
    if not values:
        return None
    count = len(values)
    if count == 1:
        return Estimate(values[0], None)
    if all(value == values[0] for value in values):
        # Exactly: rounding must not look like a spread.
        return Estimate(values[0], 0.0)
    mean = sum(values) / count
    if not math.isfinite(mean):
        return Estimate(mean, math.nan)
    # In units of the largest, for squares of a score that ran away have no place in a float.
    scale = max(abs(value - mean) for value in values)
    squares = math.fsum(((value - mean) / scale) ** 2 for value in values)
    return Estimate(mean, scale * math.sqrt(squares / (count - 1) / count))


def pass_at_k(attempts: int, successes: int, k: int) -> float:
    """Estimate the chance that at least one of k attempts succeeds.

    The unbiased estimator ``1 - C(n - c, k) / C(n, k)`` from n attempts with c successes
    (Chen et al. 2021, arXiv 2107.03374).

    Parameters
    ----------
    attempts : int
        n, at least k.
    successes : int
        c, from 0 to n.
    k : int
        At least 1.
    """
    return 1.0 - math.comb(attempts - successes, k) / math.comb(attempts, k)
