"""Ids of rows: compared, sorted and looked up, text in Arrow's memory instead of Python's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    import pyarrow as pa

    Positions = npt.NDArray[np.intp]


class RowIds:
    """The ids of a table's rows, all numbers or all text.

    Both ways of going about them give the same results. Millions of Python strings are compared one
    by one, though, and those of pandas 3 would have to be made first; Arrow does it in a fraction
    of the time.

    Parameters
    ----------
    series : pandas.Series
        Numbers, which may be missing, or text, which may not.
    """

    def __init__(self, series: pd.Series[Any]) -> None:
        self.series = series
        self._text = _arrow_text(series)

    def __len__(self) -> int:
        return len(self.series)

    def values(self) -> pd.Series[Any]:
        """Return numbers as they are, and text as Python's strings."""
        import pandas as pd

        is_text = isinstance(self.series.dtype, pd.StringDtype)
        return self.series.astype("object") if is_text else self.series

    def equals(self, other: RowIds) -> bool:
        """Tell whether the same ids stand in the same order; missing ones equal nothing."""
        import numpy as np

        if self._text is not None and other._text is not None:
            return bool(self._text.equals(other._text))
        return len(self) == len(other) and np.array_equal(
            self.values().to_numpy(), other.values().to_numpy()
        )

    def order(self) -> Positions:
        """Return the positions that sort the ids; equal ones keep their order."""
        import numpy as np

        if self._text is None:
            return np.argsort(self.values().to_numpy(), kind="stable")
        import pyarrow.compute as pc

        # The bytes of UTF-8 go in the order of the characters, as Python's strings do.
        return np.asarray(pc.sort_indices(self._text).to_numpy(), dtype=np.intp)

    def repeated(self, order: Positions) -> bool:
        """Tell whether an id is there twice; `order` is what `order()` returns."""
        if self._text is None:
            in_order = self.values().to_numpy()[order]
            return bool((in_order[1:] == in_order[:-1]).any())
        import pyarrow.compute as pc

        in_order = self._text.take(order)
        before = in_order.slice(0, max(len(order) - 1, 0))
        return bool(pc.any(pc.equal(in_order.slice(1), before)).as_py())

    def find(self, wanted: RowIds) -> Positions:
        """Return the position of each wanted id among these, -1 where there is none.

        The ids of this table must be distinct.
        """
        import numpy as np
        import pandas as pd

        if self._text is not None and wanted._text is not None:
            import pyarrow.compute as pc

            found = pc.index_in(wanted._text, value_set=self._text)
            return np.asarray(found.fill_null(-1).to_numpy(), dtype=np.intp)
        index = pd.Index(self.values())
        return np.asarray(index.get_indexer(pd.Index(wanted.values())), dtype=np.intp)


def _arrow_text(series: pd.Series[Any]) -> pa.Array | None:
    """Return text as an Arrow array, or None for numbers and for what is not Unicode."""
    from pandas.api.types import is_numeric_dtype

    if is_numeric_dtype(series.dtype):
        return None
    import pyarrow as pa

    try:
        text = pa.array(series, type=pa.large_string())
    except (UnicodeEncodeError, pa.ArrowTypeError):
        # Half a surrogate pair, or numpy's own kind of text, is text for Python alone.
        return None
    if isinstance(text, pa.ChunkedArray):
        text = text.combine_chunks()
    return None if text.null_count else text
