"""Operations on the columns of tables."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from mlebench_data.errors import PrepareError
from mlebench_data.recipe.context import Context
from mlebench_data.recipe.files import expand
from mlebench_data.recipe.operation import Name, Scalar, TableOperation


class SelectColumns(TableOperation):
    """Keep some columns of a table, in the order given, or drop some."""

    op: Literal["select_columns"]
    keep: list[str] | None = None
    drop: list[str] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> SelectColumns:
        if (self.keep is None) == (self.drop is None):
            raise ValueError("needs exactly one of 'keep' and 'drop'")
        return self

    def run(self, context: Context) -> None:  # noqa: D102
        for column in self.keep or self.drop or []:
            context.column(self.table, column)
        table = context.table(self.table)
        context.values[self.into] = (
            table[self.keep] if self.keep is not None else table.drop(columns=self.drop or [])
        )


class RenameColumns(TableOperation):
    """Give columns of a table other names."""

    op: Literal["rename_columns"]
    columns: dict[str, str] = Field(min_length=1)

    def run(self, context: Context) -> None:  # noqa: D102
        for column in self.columns:
            context.column(self.table, column)
        context.values[self.into] = context.table(self.table).rename(columns=self.columns)


class SetColumns(TableOperation):
    """Set columns to constants, or to text made of the row's other columns.

    A text value may hold `{column}`, which stands for the row's value; columns are set in order, so
    that a later one may use an earlier one. New columns come last.
    """

    op: Literal["set_columns"]
    values: dict[str, Scalar] = Field(min_length=1)

    def run(self, context: Context) -> None:  # noqa: D102
        table = context.table(self.table).copy()
        context.values[self.into] = table
        for column, value in self.values.items():
            if isinstance(value, str) and "{" in value:
                table[column] = [text for (text,) in expand(context, self.into, value)]
            else:
                table[column] = value


class OneHot(TableOperation):
    """Turn a column of class names into one 0/1 column per class.

    The result holds the columns `keep`, then one integer column per class. `classes` gives their
    order; without it they are the sorted distinct values of the column in the table `classes_of`.
    """

    op: Literal["one_hot"]
    column: str
    keep: list[str]
    classes: list[str] | None = None
    classes_of: Name | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> OneHot:
        if (self.classes is None) == (self.classes_of is None):
            raise ValueError("needs exactly one of 'classes' and 'classes_of'")
        return self

    def uses(self) -> list[str]:  # noqa: D102
        return [*super().uses(), *([self.classes_of] if self.classes_of else [])]

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
