"""What a table is to packing: rows in batches, and evidence of their types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

from mlebench_data.hub.column_types import Evidence

if TYPE_CHECKING:
    import pyarrow as pa

Types = dict[str, "pa.DataType"]
Texts = dict[str, list[str | None]]


class Table(Protocol):
    """Rows that come in batches, of which the column types are known once all were looked at."""

    def evidence(self) -> dict[str, Evidence]:
        """Look at all rows, and return what each column holds, by column in order."""

    def batches(
        self, types: Types, texts: Iterable[str] = ()
    ) -> Iterator[tuple[pa.RecordBatch, Texts]]:
        """Give the rows anew, typed, and besides the values of some columns as they are written.

        Parameters
        ----------
        types : dict of str to pyarrow.DataType
            Columns wanted, in order. One that the table lacks is null in every row.
        texts : iterable of str
            Columns whose text is wanted.
        """


def make_batch(columns: dict[str, pa.Array], types: Types, length: int) -> pa.RecordBatch:
    """Return the columns in the wanted order, null where there is none.

    Parameters
    ----------
    columns : dict of str to pyarrow.Array
        What there is, each of its wanted type.
    types : dict of str to pyarrow.DataType
        What is wanted.
    length : int
        Number of rows.
    """
    import pyarrow as pa

    arrays = [
        columns[name] if name in columns else pa.nulls(length, kind) for name, kind in types.items()
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(list(types.items())))


def merge_types(*tables: Table) -> Types:
    """Return the columns of several tables and the types that hold the cells of all of them."""
    merged: dict[str, Evidence] = {}
    for table in tables:
        for name, evidence in table.evidence().items():
            merged[name] = merged[name].merge(evidence) if name in merged else evidence
    return {name: evidence.type() for name, evidence in merged.items()}
