"""Picking rows of a table by position."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# Smaller tables are picked from in less time than threads are started.
_WORTH_THREADS = 1 << 20


def take_rows(table: pd.DataFrame, positions: list[int] | np.ndarray[Any, Any]) -> pd.DataFrame:
    """Return some rows of a table, renumbered from zero: `table.iloc[positions].reset_index()`.

    Each column is picked by itself, those of large tables by several threads: what takes the time
    is that the system hands out new memory, which it does for each thread apart.

    Parameters
    ----------
    table : pandas.DataFrame
        The table.
    positions : list of int or numpy.ndarray
        Which rows, in which order; 0 is the first.

    Returns
    -------
    pandas.DataFrame
        New rows, with the columns and types of the table, indexed 0, 1, ...
    """
    import numpy as np
    import pandas as pd

    order = np.asarray(positions, dtype=np.intp)

    def pick(place: int) -> Any:
        column = table.iloc[:, place]
        # Its type is said, else a mixture of which text alone is picked would become text.
        return pd.Series(column.array.take(order), dtype=column.dtype, copy=False)

    places = range(table.shape[1])
    if len(order) * len(places) < _WORTH_THREADS:
        columns = [pick(place) for place in places]
    else:
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            columns = list(threads.map(pick, places))
    # By number, for names may occur twice.
    picked = pd.DataFrame(dict(enumerate(columns)), index=range(len(order)), copy=False)
    picked.columns = table.columns
    return picked
