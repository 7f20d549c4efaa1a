"""Operations on tables."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from mlebench_data.errors import PrepareError
from mlebench_data.recipe.context import Context
from mlebench_data.recipe.operation import Name, Operation, OutputPath, RelativePath
from mlebench_data.tables import MissingTokens, read_csv, write_csv

Scalar = bool | int | float | str


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

    def makes(self) -> list[str]:  # noqa: D102
        return [self.into]

    def run(self, context: Context) -> None:  # noqa: D102
        with context.raw.open(self.path) as stream:
            try:
                table = read_csv(stream, missing_tokens=self.missing_tokens)
            except ValueError as error:
                raise PrepareError(f"Raw file '{self.path}' is not CSV: {error}.") from error
        context.values[self.into] = table


class SelectColumns(Operation):
    """Keep some columns of a table, in the order given, or drop some."""

    op: Literal["select_columns"]
    table: Name
    keep: list[str] | None = None
    drop: list[str] | None = None
    into: Name

    @model_validator(mode="after")
    def _one_of_both(self) -> SelectColumns:
        if (self.keep is None) == (self.drop is None):
            raise ValueError("needs exactly one of 'keep' and 'drop'")
        return self

    def uses(self) -> list[str]:  # noqa: D102
        return [self.table]

    def makes(self) -> list[str]:  # noqa: D102
        return [self.into]

    def run(self, context: Context) -> None:  # noqa: D102
        for column in self.keep or self.drop or []:
            context.column(self.table, column)
        table = context.table(self.table)
        context.values[self.into] = (
            table[self.keep] if self.keep is not None else table.drop(columns=self.drop or [])
        )


class NumberRows(Operation):
    """Give the rows of one or several tables new consecutive ids, in their present order.

    Several tables are numbered on from each other. A new column comes first; an existing one keeps
    its place. With `keep_old_as` the former values stay in a column of that name, at the end, for
    finding the files that belong to a row.
    """

    op: Literal["number_rows"]
    tables: list[Name] = Field(min_length=1)
    column: str
    start: int = 1
    keep_old_as: str | None = None

    def uses(self) -> list[str]:  # noqa: D102
        return self.tables

    def run(self, context: Context) -> None:  # noqa: D102
        first = self.start
        for name in self.tables:
            table = context.table(name).copy()
            if self.keep_old_as is not None:
                table[self.keep_old_as] = context.column(name, self.column)
            numbers = range(first, first + len(table))
            if self.column in table.columns:
                table[self.column] = numbers
            else:
                table.insert(0, self.column, numbers)
            context.values[name] = table
            first += len(table)


class OneHot(Operation):
    """Turn a column of class names into one 0/1 column per class.

    The result holds the columns `keep`, then one integer column per class. `classes` gives their
    order; without it they are the sorted distinct values of the column in the table `classes_of`.
    """

    op: Literal["one_hot"]
    table: Name
    column: str
    keep: list[str]
    classes: list[str] | None = None
    classes_of: Name | None = None
    into: Name

    @model_validator(mode="after")
    def _one_of_both(self) -> OneHot:
        if (self.classes is None) == (self.classes_of is None):
            raise ValueError("needs exactly one of 'classes' and 'classes_of'")
        return self

    def uses(self) -> list[str]:  # noqa: D102
        return [self.table, *([self.classes_of] if self.classes_of else [])]

    def makes(self) -> list[str]:  # noqa: D102
        return [self.into]

    def run(self, context: Context) -> None:  # noqa: D102
        for name in self.keep:
            context.column(self.table, name)
        labels = context.column(self.table, self.column)
        if self.classes_of is not None:
            classes = sorted(context.column(self.classes_of, self.column).unique())
        else:
            classes = list(self.classes or [])
        unknown = sorted(set(labels) - set(classes))
        if unknown:
            raise PrepareError(
                f"Column '{self.column}' of '{self.table}' holds classes that are not listed: "
                f"{', '.join(map(str, unknown[:5]))}."
            )
        result = context.table(self.table)[self.keep].copy()
        for name in classes:
            result[name] = (labels == name).astype("int64")
        context.values[self.into] = result


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
        for column in self.keep:
            context.column(self.table, column)
        table = context.table(self.table)
        if self.values is not None:
            values = self.values
        else:
            assert self.fill is not None
            values = {name: self.fill for name in table.columns if name not in self.keep}
        sample = table[self.keep].assign(**values)
        write_csv(sample, context.target(self.path))
        context.rows[self.path] = len(sample)
        context.advance(1)


class WriteTable(Operation):
    """Write a table as CSV: comma, UTF-8, line feed, header, no row index, shortest floats."""

    op: Literal["write_table"]
    table: Name
    drop: list[str] = []
    path: OutputPath

    def uses(self) -> list[str]:  # noqa: D102
        return [self.table]

    def writes(self) -> list[str]:  # noqa: D102
        return [self.path]

    def run(self, context: Context) -> None:  # noqa: D102
        for column in self.drop:
            context.column(self.table, column)
        table = context.table(self.table).drop(columns=self.drop)
        write_csv(table, context.target(self.path))
        context.rows[self.path] = len(table)
        context.advance(1)
