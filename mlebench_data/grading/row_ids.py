"""Ids of rows: compared, sorted and looked up, text in Arrow's memory instead of Python's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    import pyarrow as pa

    Positions = npt.NDArray[np.intp]


# Of so many ids it is seen whether their first bytes tell them apart.
SAMPLE = 10_000


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
        return _text_order(self._text)

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


def _text_order(text: pa.Array) -> Positions:
    """Return the positions that sort text, by its first eight bytes where these mostly suffice."""
    import numpy as np
    import pyarrow.compute as pc

    # The bytes of UTF-8 go in the order of the characters, as Python's strings do.
    if _many(_equal_neighbours(np.sort(_first_bytes(text.slice(0, SAMPLE))))):
        return np.asarray(pc.sort_indices(text).to_numpy(), dtype=np.intp)
    keys = _first_bytes(text)
    order = np.argsort(keys, kind="stable")
    tied = _equal_neighbours(keys[order])
    if _many(tied):
        return np.asarray(pc.sort_indices(text).to_numpy(), dtype=np.intp)
    # They lie where they must, but for the order among those of one beginning.
    among = order[tied]
    order[tied] = among[pc.sort_indices(text.take(among)).to_numpy()]
    return order


def _first_bytes(text: pa.Array) -> npt.NDArray[np.uint64]:
    """Return the first eight bytes of each text as a number; shorter ones end in zeros."""
    import numpy as np

    begins = np.frombuffer(text.buffers()[1], np.int64)[text.offset :][: len(text) + 1]
    first, last = int(begins[0]), int(begins[-1])
    characters = np.zeros(last - first + 8, dtype=np.uint8)
    if last > first:
        characters[:-8] = np.frombuffer(text.buffers()[2], np.uint8)[first:last]
    starts, lengths = begins[:-1] - first, np.diff(begins)
    keys = np.zeros(len(text), dtype=np.uint64)
    for place in range(8):
        character = np.where(place < lengths, characters[starts + place], 0).astype(np.uint64)
        keys = keys << np.uint64(8) | character
    return keys


def _equal_neighbours(in_order: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Tell of each number whether it is there more than once."""
    import numpy as np

    same = in_order[1:] == in_order[:-1]
    either: npt.NDArray[np.bool_] = np.r_[same, False] | np.r_[False, same]
    return either[: len(in_order)]


def _many(flags: npt.NDArray[np.bool_]) -> bool:
    return 10 * int(flags.sum()) > len(flags)


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
