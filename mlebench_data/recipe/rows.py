"""Operations on the rows of tables."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mlebench_data.recipe.context import Context
from mlebench_data.recipe.operation import Name, Operation, Scalar, TableOperation


class ColumnReference(BaseModel):
    """A column of a table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: Name
    column: str


class SortRows(TableOperation):
    """Sort the rows of a table by columns; rows that are equal in them keep their order."""

    op: Literal["sort_rows"]
    by: list[str] = Field(min_length=1)

    def run(self, context: Context) -> None:  # noqa: D102
        for column in self.by:
            context.column(self.table, column)
        table = context.table(self.table)
        context.values[self.into] = table.sort_values(self.by, kind="stable", ignore_index=True)


class FilterRows(TableOperation):
    """Keep the rows whose value in a column is among given ones, in their present order.

    The values are listed in `values`, or are those of the column `values_in.column` of the table
    `values_in.table`. With `keep: others` the rows with other values are kept instead.
    """

    op: Literal["filter_rows"]
    column: str
    values: list[Scalar] | None = None
    values_in: ColumnReference | None = None
    keep: Literal["these", "others"] = "these"

    @model_validator(mode="after")
    def _one_of_both(self) -> FilterRows:
        if (self.values is None) == (self.values_in is None):
            raise ValueError("needs exactly one of 'values' and 'values_in'")
        return self

    def uses(self) -> list[str]:  # noqa: D102
        return [*super().uses(), *([self.values_in.table] if self.values_in else [])]

    def run(self, context: Context) -> None:  # noqa: D102
        wanted = (
            self.values or []
            if self.values_in is None
            else context.column(self.values_in.table, self.values_in.column).unique()
        )
        found = context.column(self.table, self.column).isin(wanted)
        chosen = found if self.keep == "these" else ~found
        context.values[self.into] = context.table(self.table)[chosen].reset_index(drop=True)


class DistinctRows(TableOperation):
    """Keep the first row of each value of a column, or of each combination of several columns.

    The result has these columns only.
    """

    op: Literal["distinct_rows"]
    columns: list[str] = Field(min_length=1)

    def run(self, context: Context) -> None:  # noqa: D102
        for column in self.columns:
            context.column(self.table, column)
        table = context.table(self.table)[self.columns]
        context.values[self.into] = table.drop_duplicates(ignore_index=True)


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
