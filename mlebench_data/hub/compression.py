"""Which columns of a shard are worth compressing: most images are compressed already."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

_VALUES = 64
_PART = 1 << 16
"""How many values are tried, and how many bytes of each."""


def leaves(path: str, kind: pa.DataType) -> list[str]:
    """Return the paths, as Parquet names them, of the columns that it makes of a typed column."""
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return [leaf for part in kind for leaf in leaves(f"{path}.{part.name}", part.type)]
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        return leaves(f"{path}.list.element", kind.value_type)
    return [path]


def leaf_arrays(path: str, values: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    """Give the columns that Parquet makes of a column: their paths as in `leaves`, and values."""
    import pyarrow as pa

    kind = values.type
    if pa.types.is_struct(kind):
        for part, inner in zip(kind, values.flatten(), strict=True):
            yield from leaf_arrays(f"{path}.{part.name}", inner)
    elif pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        yield from leaf_arrays(f"{path}.list.element", values.flatten())
    else:
        yield path, values


def shrinks(values: pa.Array) -> bool:
    """Tell whether compression saves a tenth or more of the first values; true if there are none.

    Parameters
    ----------
    values : pyarrow.Array
        Values of any type; numbers are taken to shrink.
    """
    import pyarrow as pa

    if not (pa.types.is_binary(values.type) or pa.types.is_string(values.type)):
        return True
    present = (value.as_buffer() for value in values if value.is_valid)
    sample = b"".join(memoryview(content)[:_PART] for content in islice(present, _VALUES))
    return not sample or len(pa.compress(sample, "zstd")) <= 0.9 * len(sample)
