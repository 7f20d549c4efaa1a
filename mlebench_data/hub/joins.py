"""Tables made of others: with columns joined or added, and with some of the rows only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mlebench_data.catalogue.dataset import Join
from mlebench_data.hub.column_types import Evidence
from mlebench_data.hub.errors import PackError
from mlebench_data.hub.patterns import fill, pattern_fields
from mlebench_data.hub.table import Table, Texts, Types, make_batch

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

_SEPARATOR = "\x1f"
"""Stands between the parts of a key; no file of the catalogue's holds it."""


def check_columns(used: Iterable[str], available: Iterable[str], what: str) -> None:
    """Refuse a declaration that uses columns that there are not."""
    known = list(available)
    for name in used:
        if name not in known:
            raise PackError(
                f"dataset: '{what}' uses the column '{name}'. Columns: {', '.join(known)}."
            )


def _keys(patterns: Iterable[str], texts: Texts, length: int) -> list[str | None]:
    """Return the key of each row, None where a part of it is missing."""
    patterns = list(patterns)
    used = sorted({name for pattern in patterns for name in pattern_fields(pattern)})
    keys: list[str | None] = []
    for row in range(length):
        cells = {name: text for name in used if (text := texts[name][row]) is not None}
        complete = len(cells) == len(used)
        keys.append(
            _SEPARATOR.join(fill(pattern, cells) for pattern in patterns) if complete else None
        )
    return keys


class JoinedTable:
    """A table with columns of another one. The other one is held in memory.

    Parameters
    ----------
    table, other : Table
        The tables.
    join : Join
        The key, and what is taken over.
    """

    def __init__(self, table: Table, other: Table, join: Join) -> None:
        self._table = table
        self._other = other
        self._join = join
        self._patterns = join.keys()
        self._columns: dict[str, str] = {}
        self._found: dict[str, Evidence] = {}
        self._loaded: _Lookup | None = None
        self._loaded_for: tuple[Types, list[str]] | None = None

    def evidence(self) -> dict[str, Evidence]:
        """Look at both tables."""
        found = self._table.evidence()
        other = self._other.evidence()
        columns = self._join.chosen(list(other))
        check_columns([*self._patterns, *columns.values()], other, f"join {self._join.table}")
        used = [name for pattern in self._patterns.values() for name in pattern_fields(pattern)]
        check_columns(used, found, f"join {self._join.table}")
        new = {name: other[source] for name, source in columns.items()}
        if self._join.nest_as is not None:
            new = {self._join.nest_as: Evidence(items=Evidence(fields=new))}
        taken = sorted(new.keys() & found.keys())
        if taken:
            raise PackError(
                f"dataset: join {self._join.table}: there is a column '{taken[0]}' already. "
                "Name another with 'columns'."
            )
        self._columns = columns
        self._found = new
        return found | new

    def batches(
        self, types: Types, texts: Iterable[str] = ()
    ) -> Iterator[tuple[pa.RecordBatch, Texts]]:
        """Give the rows of the first table with what belongs to them; null where nothing does."""
        wanted = list(texts)
        own = {name: kind for name, kind in types.items() if name not in self._found}
        new = {name: kind for name, kind in types.items() if name in self._found}
        new_texts = [name for name in wanted if name in self._found]
        own_texts = [name for name in wanted if name not in self._found]
        key_texts = [
            name for pattern in self._patterns.values() for name in pattern_fields(pattern)
        ]
        lookup = self._lookup(new, new_texts)
        both = list(dict.fromkeys([*own_texts, *key_texts]))
        for batch, values in self._table.batches(own, both):
            keys = _keys(self._patterns.values(), values, batch.num_rows)
            columns, joined_texts = lookup.find(keys)
            columns |= {name: batch.column(name) for name in own}
            yield (
                make_batch(columns, types, batch.num_rows),
                {name: values[name] for name in own_texts} | joined_texts,
            )

    def _lookup(self, types: Types, texts: list[str]) -> _Lookup:
        if self._loaded is None or self._loaded_for != (types, texts):
            self._loaded = _Lookup(self._other, self._join, self._columns, types, texts)
            self._loaded_for = (types, texts)
        return self._loaded


class _Lookup:
    """The rows of a table by key, with the columns that are wanted of it."""

    def __init__(
        self, table: Table, join: Join, columns: dict[str, str], types: Types, texts: list[str]
    ) -> None:
        import pyarrow as pa

        self._join = join
        self._types = types
        nested = join.nest_as is not None
        if nested and texts:
            raise PackError(f"dataset: a pattern uses '{texts[0]}', which is a list.")
        if nested:
            kind = types.get(join.nest_as or "")
            self._fields: Types = (
                {} if kind is None else {part.name: part.type for part in kind.value_type}
            )
        else:
            self._fields = types
        sources = {name: columns[name] for name in self._fields}
        # A column may be taken over twice, by two names.
        wanted: Types = {source: self._fields[name] for name, source in sources.items()}
        keys = list(join.keys())
        key_patterns = [f"{{{name}}}" for name in keys]
        text_sources = {name: columns[name] for name in texts}
        all_keys: list[Any] = []
        parts: list[pa.RecordBatch] = []
        text_parts: dict[str, list[pa.Array]] = {name: [] for name in texts}
        for batch, values in table.batches(wanted, [*keys, *text_sources.values()]):
            all_keys.append(
                pa.array(_keys(key_patterns, values, batch.num_rows), pa.large_string())
            )
            parts.append(batch)
            for name, source in text_sources.items():
                text_parts[name].append(pa.array(values[source], pa.large_string()))
        self._columns = pa.Table.from_batches(parts, pa.schema(list(wanted.items())))
        self._columns = pa.table(
            {name: self._columns.column(source) for name, source in sources.items()}
        ).combine_chunks()
        self._texts = {
            name: pa.chunked_array(part, pa.large_string()).combine_chunks()
            for name, part in text_parts.items()
        }
        self._index(pa.chunked_array(all_keys, pa.large_string()).combine_chunks(), nested)

    def _index(self, keys: pa.Array, nested: bool) -> None:
        """Find out where the rows of each key are."""
        import numpy as np

        encoded = keys.dictionary_encode()
        self._keys = encoded.dictionary
        # Rows without a key belong to none.
        codes = encoded.indices.fill_null(len(self._keys)).to_numpy(zero_copy_only=False)
        self._order: npt.NDArray[np.int64] = np.argsort(codes, kind="stable")
        counts = np.bincount(codes, minlength=len(self._keys) + 1)
        self._starts: npt.NDArray[np.int64] = np.concatenate([[0], np.cumsum(counts)])
        self._counts: npt.NDArray[np.int64] = counts
        if not nested:
            self._check_single()

    def _check_single(self) -> None:
        """Refuse keys of several rows, unless these are equal."""
        for code in (self._counts[:-1] > 1).nonzero()[0]:
            places = self._order[self._starts[code] : self._starts[code + 1]]
            rows = self._columns.take(places).to_pylist() if self._columns.num_columns else []
            texts = [part.take(places).to_pylist() for part in self._texts.values()]
            same = all(row == rows[0] for row in rows) and all(
                text == column[0] for column in texts for text in column
            )
            if not same:
                name = self._keys[int(code)].as_py().replace(_SEPARATOR, ", ")
                raise PackError(
                    f"dataset: join {self._join.table}: the key '{name}' stands there in "
                    f"{len(places)} different rows. Take all of them with 'nest_as'."
                )

    def find(self, keys: list[str | None]) -> tuple[dict[str, pa.Array], Texts]:
        """Return the columns, and the texts, that belong to some keys."""
        import pyarrow as pa
        import pyarrow.compute as pc

        codes = pc.index_in(pa.array(keys, pa.large_string()), self._keys, skip_nulls=True)
        if self._join.nest_as is not None:
            return self._find_lists(codes), {}
        places = pc.take(pa.array(self._order), pc.take(pa.array(self._starts), codes))
        columns = {name: _flat(self._columns.column(name).take(places)) for name in self._types}
        texts = {name: part.take(places).to_pylist() for name, part in self._texts.items()}
        return columns, texts

    def _find_lists(self, codes: pa.Array) -> dict[str, pa.Array]:
        import numpy as np
        import pyarrow as pa

        name = self._join.nest_as
        assert name is not None
        if name not in self._types:
            return {}
        # A row that nothing belongs to takes the list of a key without rows: the empty one.
        nothing = len(self._counts)
        found = codes.fill_null(nothing).to_numpy(zero_copy_only=False)
        counts = np.append(self._counts, 0)[found]
        starts = np.append(self._starts[: len(self._counts)], 0)[found]
        offsets = np.concatenate([[0], np.cumsum(counts)])
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
        rows = self._order[np.repeat(starts, counts) + within]
        chosen = self._columns.take(pa.array(rows, pa.int64()))
        kind = self._types[name]
        items = pa.StructArray.from_arrays(
            [_flat(chosen.column(field)) for field in self._fields], fields=list(kind.value_type)
        )
        return {name: pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), items, type=kind)}


def _flat(column: pa.ChunkedArray) -> pa.Array:
    import pyarrow as pa

    combined = column.combine_chunks()
    return pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined


class AddedTable:
    """A table with further text columns made of its own by patterns.

    Parameters
    ----------
    table : Table
        The table.
    added : mapping of str to str
        Pattern of each new column.
    """

    def __init__(self, table: Table, added: Mapping[str, str]) -> None:
        self._table = table
        self._added = dict(added)

    def evidence(self) -> dict[str, Evidence]:
        """Look at the table; what is added is text."""
        found = self._table.evidence()
        for name, pattern in self._added.items():
            check_columns(pattern_fields(pattern), found, pattern)
            if name in found:
                raise PackError(f"dataset: add: there is a column '{name}' already.")
        return {name: Evidence({"text"}) for name in self._added} | found

    def batches(
        self, types: Types, texts: Iterable[str] = ()
    ) -> Iterator[tuple[pa.RecordBatch, Texts]]:
        """Give the rows with the new columns."""
        import pyarrow as pa

        wanted = list(texts)
        own = {name: kind for name, kind in types.items() if name not in self._added}
        used = [name for pattern in self._added.values() for name in pattern_fields(pattern)]
        own_texts = list(dict.fromkeys([*(n for n in wanted if n not in self._added), *used]))
        for batch, values in self._table.batches(own, own_texts):
            for name, pattern in self._added.items():
                values[name] = _keys([pattern], values, batch.num_rows)
            columns = {name: batch.column(name) for name in own} | {
                name: pa.array(values[name], types[name]) for name in self._added if name in types
            }
            yield make_batch(columns, types, batch.num_rows), {n: values[n] for n in wanted}


class FilteredTable:
    """The rows of a table in which some columns have certain texts.

    Parameters
    ----------
    table : Table
        The table.
    where : mapping of str to str
        The texts by column.
    """

    def __init__(self, table: Table, where: Mapping[str, str]) -> None:
        self._table = table
        self._where = dict(where)

    def evidence(self) -> dict[str, Evidence]:
        """Look at all rows of the table, those left out too."""
        found = self._table.evidence()
        check_columns(self._where, found, "where")
        return found

    def batches(
        self, types: Types, texts: Iterable[str] = ()
    ) -> Iterator[tuple[pa.RecordBatch, Texts]]:
        """Give the rows."""
        import pyarrow as pa

        wanted = list(texts)
        for batch, values in self._table.batches(types, [*wanted, *self._where]):
            keep = [
                all(values[name][row] == text for name, text in self._where.items())
                for row in range(batch.num_rows)
            ]
            kept = {
                name: [text for text, is_kept in zip(values[name], keep, strict=True) if is_kept]
                for name in wanted
            }
            yield batch.filter(pa.array(keep, pa.bool_())), kept
