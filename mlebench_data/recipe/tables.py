"""Operations that read and write tables."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from mlebench_data.errors import PrepareError
from mlebench_data.paths import RelativePath
from mlebench_data.recipe.context import Context
from mlebench_data.recipe.operation import Name, Operation, OutputPath, Scalar
from mlebench_data.tables import FloatParser, MissingTokens, Quoting, read_csv, write_csv


class ReadTable(Operation):
    """Read a CSV file of the raw data into a table.

    `missing_tokens` says which cells count as missing: `empty` only empty ones, `pandas` also the
    tokens that `pandas.read_csv` takes for missing by default ("NA", "null", ...), as the published
    benchmark does.
    """

    op: Literal["read_table"]
    path: RelativePath
    into: Name
    missing_tokens: MissingTokens = "empty"
    text_columns: list[str] = []
    """Columns that stay text whatever their cells look like (ids with leading zeros)."""
    types: dict[str, str] = {}
    """numpy types of columns, where they decide what is written."""
    separator: str = ","
    encoding: str = "utf-8"
    float_parser: FloatParser = "exact"
    """`fast`: numbers of more than 15 digits are read as pandas did before it became exact."""

    def makes(self) -> list[str]:  # noqa: D102
        return [self.into]

    def run(self, context: Context) -> None:  # noqa: D102
        with context.raw.open(self.path) as stream:
            try:
                table = read_csv(
                    stream,
                    missing_tokens=self.missing_tokens,
                    columns_as_text=self.text_columns,
                    types=self.types,
                    separator=self.separator,
                    encoding=self.encoding,
                    float_parser=self.float_parser,
                )
            except ValueError as error:
                raise PrepareError(f"Raw file '{self.path}' is not CSV: {error}.") from error
        context.values[self.into] = table


class SampleSubmission(Operation):
    """Write a sample submission: some columns of a table, the others filled with constants.

    `keep` names the columns taken over. The rest is given either column by column in `values`, or
    as one number `fill` for all remaining columns of the table.
    """

    op: Literal["sample_submission"]
    table: Name
    keep: list[str]
    values: dict[str, Scalar] | None = None
    fill: Scalar | None = None
    path: OutputPath

    @model_validator(mode="after")
    def _one_of_both(self) -> SampleSubmission:
        if (self.values is None) == (self.fill is None):
            raise ValueError("needs exactly one of 'values' and 'fill'")
        return self

    def uses(self) -> list[str]:  # noqa: D102
        return [self.table]

    def writes(self) -> list[str]:  # noqa: D102
        return [self.path]

    def run(self, context: Context) -> None:  # noqa: D102
        import pandas as pd

        for column in self.keep:
            context.column(self.table, column)
        table = context.table(self.table)
        if self.values is not None:
            values = self.values
        else:
            assert self.fill is not None
            values = {name: self.fill for name in table.columns if name not in self.keep}
        if set(values) & set(self.keep):
            raise PrepareError(f"'{self.path}' would hold a column twice: {', '.join(self.keep)}.")
        # All columns at once: many insertions would leave a table in pieces.
        constants = pd.DataFrame(values, index=table.index)
        sample = pd.concat([table[self.keep], constants], axis=1)
        write_csv(sample, context.target(self.path))
        context.rows[self.path] = len(sample)
        context.advance(1)


class WriteTable(Operation):
    """Write a table as CSV: UTF-8, line feed, header, no row index, shortest floats.

    `keep` names the columns that are written, in that order; `drop` those that are not.
    """

    op: Literal["write_table"]
    table: Name
    keep: list[str] | None = None
    drop: list[str] = []
    separator: str = ","
    float_format: str | None = None
    quoting: Quoting = "minimal"
    path: OutputPath

    @model_validator(mode="after")
    def _not_both(self) -> WriteTable:
        if self.keep is not None and self.drop:
            raise ValueError("takes 'keep' or 'drop', not both")
        return self

    def uses(self) -> list[str]:  # noqa: D102
        return [self.table]

    def writes(self) -> list[str]:  # noqa: D102
        return [self.path]

    def run(self, context: Context) -> None:  # noqa: D102
        for column in [*(self.keep or []), *self.drop]:
            context.column(self.table, column)
        table = context.table(self.table)
        table = table[self.keep] if self.keep is not None else table.drop(columns=self.drop)
        write_csv(
            table,
            context.target(self.path),
            separator=self.separator,
            float_format=self.float_format,
            quoting=self.quoting,
        )
        context.rows[self.path] = len(table)
        context.advance(1)
