"""Sums along ranked lists, many lists at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def counted_within(groups: npt.NDArray[np.int64], flags: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Count flags from the start of each group up to and including each place.

    Parameters
    ----------
    groups : ndarray of int64, shape (n,)
        Group of each place; places of one group stand together.
    flags : ndarray of bool, shape (n,)
        What is counted.

    Returns
    -------
    ndarray of int64, shape (n,)
        The counts.
    """
    total = np.cumsum(flags, dtype=np.int64)
    if not len(groups):
        return total
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    before = total[starts] - flags[starts]
    lengths = np.diff(np.r_[starts, len(groups)])
    return np.asarray(total - np.repeat(before, lengths), dtype=np.int64)


def maximum_from_here(
    groups: npt.NDArray[np.int64], values: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the largest value from each place to the end of its group.

    Parameters
    ----------
    groups : ndarray of int64, shape (n,)
        Group of each place; places of one group stand together.
    values : ndarray of float64, shape (n,)
        The values.

    Returns
    -------
    ndarray of float64, shape (n,)
        The maxima.
    """
    result = values.copy()
    step = 1
    # Windows of twice the length in each round, until none is shorter than its group.
    while step < len(groups):
        inside = np.flatnonzero(groups[step:] == groups[:-step])
        if not len(inside):
            break
        result[inside] = np.maximum(result[inside], result[inside + step])
        step *= 2
    return result
