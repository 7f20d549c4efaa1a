"""Operations on tables."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mlebench_data.errors import PrepareError
from mlebench_data.recipe.context import Context
from mlebench_data.recipe.files import expand
from mlebench_data.recipe.operation import Name, Operation, OutputPath, RelativePath
from mlebench_data.tables import FloatParser, MissingTokens, Quoting, read_csv, write_csv

Scalar = bool | int | float | str


class ColumnReference(BaseModel):
    """A column of a table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: Name
    column: str


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


class DistinctRows(Operation):
    """Keep the first row of each value of a column, or of each combination of several columns.

    The result has these columns only.
    """

    op: Literal["distinct_rows"]
    table: Name
    columns: list[str] = Field(min_length=1)
    into: Name

    def uses(self) -> list[str]:  # noqa: D102
        return [self.table]

    def makes(self) -> list[str]:  # noqa: D102
        return [self.into]

    def run(self, context: Context) -> None:  # noqa: D102
        for column in self.columns:
            context.column(self.table, column)
        table = context.table(self.table)[self.columns]
        context.values[self.into] = table.drop_duplicates(ignore_index=True)


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


class RenameColumns(Operation):
    """Give columns of a table other names."""

    op: Literal["rename_columns"]
    table: Name
    columns: dict[str, str] = Field(min_length=1)
    into: Name

    def uses(self) -> list[str]:  # noqa: D102
        return [self.table]

    def makes(self) -> list[str]:  # noqa: D102
        return [self.into]

    def run(self, context: Context) -> None:  # noqa: D102
        for column in self.columns:
            context.column(self.table, column)
        context.values[self.into] = context.table(self.table).rename(columns=self.columns)


class SetColumns(Operation):
    """Set columns to constants, or to text made of the row's other columns.

    A text value may hold `{column}`, which stands for the row's value; columns are set in order, so
    that a later one may use an earlier one. New columns come last.
    """

    op: Literal["set_columns"]
    table: Name
    values: dict[str, Scalar] = Field(min_length=1)
    into: Name

    def uses(self) -> list[str]:  # noqa: D102
        return [self.table]

    def makes(self) -> list[str]:  # noqa: D102
        return [self.into]

    def run(self, context: Context) -> None:  # noqa: D102
        table = context.table(self.table).copy()
        context.values[self.into] = table
        for column, value in self.values.items():
            if isinstance(value, str) and "{" in value:
                table[column] = [text for (text,) in expand(context, self.into, value)]
            else:
                table[column] = value


class SortRows(Operation):
    """Sort the rows of a table by columns; rows that are equal in them keep their order."""

    op: Literal["sort_rows"]
    table: Name
    by: list[str] = Field(min_length=1)
    into: Name

    def uses(self) -> list[str]:  # noqa: D102
        return [self.table]

    def makes(self) -> list[str]:  # noqa: D102
        return [self.into]

    def run(self, context: Context) -> None:  # noqa: D102
        for column in self.by:
            context.column(self.table, column)
        table = context.table(self.table)
        context.values[self.into] = table.sort_values(self.by, kind="stable", ignore_index=True)


class FilterRows(Operation):
    """Keep the rows whose value in a column is among given ones, in their present order.

    The values are listed in `values`, or are those of the column `values_in.column` of the table
    `values_in.table`. With `keep: others` the rows with other values are kept instead.
    """

    op: Literal["filter_rows"]
    table: Name
    column: str
    values: list[Scalar] | None = None
    values_in: ColumnReference | None = None
    keep: Literal["these", "others"] = "these"
    into: Name

    @model_validator(mode="after")
    def _one_of_both(self) -> FilterRows:
        if (self.values is None) == (self.values_in is None):
            raise ValueError("needs exactly one of 'values' and 'values_in'")
        return self

    def uses(self) -> list[str]:  # noqa: D102
        return [self.table, *([self.values_in.table] if self.values_in else [])]

    def makes(self) -> list[str]:  # noqa: D102
        return [self.into]

    def run(self, context: Context) -> None:  # noqa: D102
        wanted = (
            self.values or []
            if self.values_in is None
            else context.column(self.values_in.table, self.values_in.column).unique()
        )
        found = context.column(self.table, self.column).isin(wanted)
        chosen = found if self.keep == "these" else ~found
        context.values[self.into] = context.table(self.table)[chosen].reset_index(drop=True)


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


class NumberGroups(Operation):
    """Replace the values of a column by consecutive numbers, in the order of their appearance.

    Rows with equal values get equal numbers. Each of several tables is numbered by itself.
    """

    op: Literal["number_groups"]
    tables: list[Name] = Field(min_length=1)
    column: str
    start: int = 0

    def uses(self) -> list[str]:  # noqa: D102
        return self.tables

    def run(self, context: Context) -> None:  # noqa: D102
        import pandas as pd

        for name in self.tables:
            codes, _ = pd.factorize(context.column(name, self.column))
            table = context.table(name).copy()
            table[self.column] = codes + self.start
            context.values[name] = table


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
        import pandas as pd

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
        kept = context.table(self.table)[self.keep]
        # All columns at once: many insertions would leave a table in pieces.
        columns = {name: (labels == name).astype("int64") for name in classes}
        context.values[self.into] = pd.concat([kept, pd.DataFrame(columns, kept.index)], axis=1)


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
