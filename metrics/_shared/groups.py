"""Rows that belong together."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd


def rows_by_group(labels: npt.NDArray[Any]) -> list[npt.NDArray[np.intp]]:
    """Return the rows of each group.

    Parameters
    ----------
    labels : ndarray, shape (n,)
        Group of each row, at least one, none missing.

    Returns
    -------
    list of ndarray of int
        Positions of the rows in ascending order, groups as they first occur.
    """
    codes, _ = pd.factorize(labels)
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.cumsum(np.bincount(codes))[:-1])
