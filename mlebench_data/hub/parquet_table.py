"""Parquet files of the prepared tree as tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.hub.column_types import Evidence
from mlebench_data.hub.errors import PackError
from mlebench_data.hub.table import Texts, Types, make_batch

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 1 << 16
"""Rows in one batch."""


class ParquetTable:
    """A Parquet file: numbers, true/false and text keep their types, all else becomes text.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        self._path = path
        try:
            self._schema = parquet.read_schema(path)
        except (pa.ArrowException, OSError) as error:
            raise PackError(f"{path} is no Parquet file: {error}") from error

    def evidence(self) -> dict[str, Evidence]:
        """Return the types that the file declares."""
        import pyarrow as pa

        tests = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating)
        return {
            part.name: Evidence(
                given=part.type if any(test(part.type) for test in tests) else pa.string()
            )
            for part in self._schema
        }

    def batches(
        self, types: Types, texts: Iterable[str] = ()
    ) -> Iterator[tuple[pa.RecordBatch, Texts]]:
        """Give the rows in the wanted types."""
        import pyarrow as pa
        from pyarrow import parquet

        wanted = list(texts)
        used = [name for name in self._schema.names if name in types or name in wanted]
        with parquet.ParquetFile(self._path) as file:
            try:
                for batch in file.iter_batches(batch_size=_ROWS, columns=used):
                    columns = {
                        name: batch.column(name).cast(types[name]) for name in used if name in types
                    }
                    values = {
                        name: batch.column(name).cast(pa.string()).to_pylist() for name in wanted
                    }
                    yield make_batch(columns, types, batch.num_rows), values
            except pa.ArrowException as error:
                raise PackError(f"{self._path} cannot be read as a table: {error}") from error
