"""Tables of JSON objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench_data.hub.column_types import Evidence, value_to_type
from mlebench_data.hub.errors import PackError
from mlebench_data.hub.json_records import NotRecordsError, read_records
from mlebench_data.hub.python_values import array_of, evidence_of
from mlebench_data.hub.table import Texts, Types, make_batch

if TYPE_CHECKING:
    import pyarrow as pa

_RECORDS = 10_000
"""Records in one batch, at most."""

_BATCH_LENGTH = 8 << 20
"""Characters of JSON after which a batch ends."""

Records = Callable[[], Iterator[tuple[dict[str, Any], int]]]
"""Gives the records anew, each with its length in characters."""


class RecordsTable:
    """JSON objects, or values of that kind: one row for each object.

    A field that is a number in one record and text or true/false in another becomes text, JSON as
    in the file.

    Parameters
    ----------
    records : list of dict, or callable
        The rows, or what gives them anew with their lengths.
    """

    def __init__(self, records: list[dict[str, Any]] | Records) -> None:
        self._read: Records = (
            records if callable(records) else lambda: ((row, 0) for row in records)
        )

    @classmethod
    def read(cls, path: Path, key: str | None = None) -> RecordsTable:
        """Read a JSON array of objects, or objects one after the other, such as one in each line.

        The latter end in `.jsonl` or `.ndjson`; files that end in `.json` may be either. With `key`
        the array is what a JSON object holds under it. No more than a batch is held in memory.

        Raises
        ------
        PackError
            If the file is malformed or holds something else.
        """

        def records() -> Iterator[tuple[dict[str, Any], int]]:
            try:
                yield from read_records(path, key)
            except NotRecordsError as error:
                place = path if key is None else f"{path} under '{key}'"
                raise PackError(f"{place} is no JSON array of objects.") from error
            except ValueError as error:
                raise PackError(f"{path} cannot be read as JSON: {error}.") from error

        # So that a file of another kind is refused at once.
        next(records(), None)
        return cls(records)

    def evidence(self) -> dict[str, Evidence]:
        """Look at all records, and return what each field holds."""
        found: dict[str, Evidence] = {}
        for part in self._parts():
            for name in dict.fromkeys(name for record in part for name in record):
                evidence = evidence_of([record.get(name) for record in part])
                found[name] = found[name].merge(evidence) if name in found else evidence
        return found

    def batches(
        self, types: Types, texts: Iterable[str] = ()
    ) -> Iterator[tuple[pa.RecordBatch, Texts]]:
        """Give the records typed, with some fields as text."""
        import pyarrow as pa

        wanted = list(texts)
        for part in self._parts():
            columns = {
                name: array_of([row.get(name) for row in part], kind)
                for name, kind in types.items()
            }
            values = {
                name: [value_to_type(row.get(name), pa.string()) for row in part] for name in wanted
            }
            yield make_batch(columns, types, len(part)), values

    def _parts(self) -> Iterator[list[dict[str, Any]]]:
        part: list[dict[str, Any]] = []
        size = 0
        for record, length in self._read():
            part.append(record)
            size += length
            if len(part) >= _RECORDS or size >= _BATCH_LENGTH:
                yield part
                part, size = [], 0
        if part:
            yield part
