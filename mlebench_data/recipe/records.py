"""Operations on JSON records (lists of flat objects)."""

from __future__ import annotations

import codecs
import json
from typing import IO, Any, Literal

from mlebench_data.errors import PrepareError
from mlebench_data.paths import RelativePath
from mlebench_data.recipe.context import Context
from mlebench_data.recipe.operation import Name, Operation, OutputPath


class ReadRecords(Operation):
    """Read a JSON array of objects of the raw data.

    With `first_only` only its first object is read, for large files of which nothing but the names
    of the fields is wanted.
    """

    op: Literal["read_records"]
    path: RelativePath
    first_only: bool = False
    into: Name

    def makes(self) -> list[str]:  # noqa: D102
        return [self.into]

    def run(self, context: Context) -> None:  # noqa: D102
        with context.raw.open(self.path) as stream:
            try:
                records = [_first_item(stream)] if self.first_only else json.load(stream)
            except ValueError as error:
                raise PrepareError(f"Raw file '{self.path}' is not JSON: {error}.") from error
        if not isinstance(records, list) or not all(isinstance(item, dict) for item in records):
            raise PrepareError(f"Raw file '{self.path}' is not a JSON array of objects.")
        context.values[self.into] = records


def _first_item(stream: IO[bytes]) -> Any:
    """Read the first item of a JSON array and no more of the file than that takes."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    text = ""
    while True:
        block = stream.read(1 << 20)
        text += decoder.decode(block, final=not block)
        try:
            return json.JSONDecoder().raw_decode(text.lstrip().removeprefix("[").lstrip())[0]
        except ValueError:
            if not block:
                raise


class SelectFields(Operation):
    """Keep the fields, in the order, that the first record of another list has."""

    op: Literal["select_fields"]
    records: Name
    fields_of: Name
    into: Name

    def uses(self) -> list[str]:  # noqa: D102
        return [self.records, self.fields_of]

    def makes(self) -> list[str]:  # noqa: D102
        return [self.into]

    def run(self, context: Context) -> None:  # noqa: D102
        model = context.records(self.fields_of)
        if not model:
            raise PrepareError(f"'{self.fields_of}' is empty, so it has no fields to follow.")
        selected = []
        for number, record in enumerate(context.records(self.records), start=1):
            missing = [field for field in model[0] if field not in record]
            if missing:
                raise PrepareError(
                    f"Record {number} of '{self.records}' lacks {', '.join(missing)}."
                )
            selected.append({field: record[field] for field in model[0]})
        context.values[self.into] = selected


class RecordsToTable(Operation):
    """Make a table of some fields of records; `as_integers` turns true/false into 1/0."""

    op: Literal["records_to_table"]
    records: Name
    fields: list[str]
    as_integers: list[str] = []
    into: Name

    def uses(self) -> list[str]:  # noqa: D102
        return [self.records]

    def makes(self) -> list[str]:  # noqa: D102
        return [self.into]

    def run(self, context: Context) -> None:  # noqa: D102
        import pandas as pd

        records = context.records(self.records)
        try:
            table = pd.DataFrame({field: [row[field] for row in records] for field in self.fields})
        except KeyError as error:
            raise PrepareError(f"A record of '{self.records}' lacks the field {error}.") from error
        for field in self.as_integers:
            table[field] = table[field].astype("int64")
        context.values[self.into] = table


class WriteRecords(Operation):
    """Write records as one JSON array, ASCII with escapes.

    Indented by `indent` spaces; `indent: null` writes a single line.
    """

    op: Literal["write_records"]
    records: Name
    indent: int | None = 4
    path: OutputPath

    def uses(self) -> list[str]:  # noqa: D102
        return [self.records]

    def writes(self) -> list[str]:  # noqa: D102
        return [self.path]

    def run(self, context: Context) -> None:  # noqa: D102
        records = context.records(self.records)
        with context.target(self.path).open("w", encoding="ascii", newline="\n") as stream:
            json.dump(records, stream, indent=self.indent)
        context.rows[self.path] = len(records)
        context.advance(1)
