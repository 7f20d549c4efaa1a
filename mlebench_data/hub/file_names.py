"""Rows made of the names of files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from mlebench_data.hub.column_types import Evidence
from mlebench_data.hub.errors import PackError
from mlebench_data.hub.patterns import match_names, pattern_fields
from mlebench_data.hub.records import RecordsTable
from mlebench_data.hub.table import Texts, Types

if TYPE_CHECKING:
    import pyarrow as pa


class NamesTable:
    """Rows made of the fields of file names.

    Parameters
    ----------
    pattern : str
        As in `match_names`.
    paths : iterable of str
        All files there are.
    integers : iterable of str
        Fields that are whole numbers; the others are text.

    Raises
    ------
    PackError
        If no path matches, or a field that should be a whole number is none.
    """

    def __init__(self, pattern: str, paths: Iterable[str], integers: Iterable[str]) -> None:
        self._fields = list(dict.fromkeys(pattern_fields(pattern)))
        self._integers = set(integers)
        self._rows = match_names(pattern, paths)
        if not self._rows:
            raise PackError(f"No public file matches '{pattern}'.")
        for name in sorted(self._integers):
            if name not in self._fields:
                raise PackError(f"'{pattern}' has no field '{name}', which shall be an integer.")
            for row in self._rows:
                if re.fullmatch(r"-?[0-9]{1,18}", row[name]) is None:
                    raise PackError(f"'{pattern}': {name} = '{row[name]}' is no whole number.")

    def evidence(self) -> dict[str, Evidence]:
        """Return what each field holds."""
        return {
            name: Evidence({"integer" if name in self._integers else "text"})
            for name in self._fields
        }

    def batches(
        self, types: Types, texts: Iterable[str] = ()
    ) -> Iterator[tuple[pa.RecordBatch, Texts]]:
        """Give the rows typed, with some fields as they are written."""
        import pyarrow as pa

        numbers = [
            name
            for name, kind in types.items()
            if name in self._integers and not pa.types.is_string(kind)
        ]
        wanted = list(texts)
        rows: list[dict[str, Any]] = [
            {**row, **{name: int(row[name]) for name in numbers}} for row in self._rows
        ]
        start = 0
        for batch, _ in RecordsTable(rows).batches(types):
            part = self._rows[start : start + batch.num_rows]
            start += batch.num_rows
            yield batch, {name: [row[name] for row in part] for name in wanted}
