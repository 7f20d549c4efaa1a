"""Rows made of the names of files, and patterns over the columns of a row."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mlebench_data.hub.column_types import Evidence
from mlebench_data.hub.errors import PackError
from mlebench_data.hub.tables import RecordsTable, Texts, Types

if TYPE_CHECKING:
    import pyarrow as pa


def pattern_fields(pattern: str) -> list[str]:
    """Return the names of the columns that a pattern such as `train/{label}/{id}.png` uses."""
    fields = (name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None)
    return [name.partition("[")[0] for name in fields]


def fill(pattern: str, row: Mapping[str, str]) -> str:
    """Fill a pattern with the texts of a row.

    `{id:05d}` takes the column as a whole number, `{id[0]}` the first character of the text.

    Raises
    ------
    PackError
        If a whole number is asked for and the text is none.
    """
    parts = []
    for literal, name, form, _ in string.Formatter().parse(pattern):
        parts.append(literal)
        if name is not None:
            column, _, place = name.partition("[")
            try:
                text = row[column][int(place[:-1])] if place else row[column]
                parts.append(format(int(text), form) if form else text)
            except (IndexError, ValueError) as error:
                raise PackError(
                    f"'{pattern}' cannot be filled with {column} = '{row[column]}': {error}."
                ) from error
    return "".join(parts)


def match_names(pattern: str, paths: Iterable[str]) -> list[dict[str, str]]:
    """Return the fields of all paths that a pattern matches, in the order of the sorted paths.

    Parameters
    ----------
    pattern : str
        Path with fields, such as `train/{label}/{id}.png`. A field is as short as possible, at
        least one character, and never crosses a `/`. A field that stands twice matches the same
        text.
    paths : iterable of str
        The paths.

    Returns
    -------
    list of dict of str to str
        One row for each path that matches.
    """
    expression = ""
    seen: list[str] = []
    for literal, name, form, _ in string.Formatter().parse(pattern):
        expression += re.escape(literal)
        if name is None:
            continue
        if form or not name.isidentifier():
            raise PackError(f"'{pattern}': a field must be a plain name, not '{name}:{form}'.")
        expression += f"(?P={name})" if name in seen else f"(?P<{name}>[^/]+?)"
        seen.append(name)
    compiled = re.compile(expression)
    matches = (compiled.fullmatch(path) for path in sorted(paths))
    return [match.groupdict() for match in matches if match is not None]


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
