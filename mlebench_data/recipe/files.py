"""Operations that bring files of the raw data into the prepared tree, bytes unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from mlebench_data.errors import PrepareError
from mlebench_data.recipe.context import Context
from mlebench_data.recipe.operation import Name, Operation, OutputPath, RelativePath


def expand(context: Context, table: str, *patterns: str) -> Iterator[tuple[str, ...]]:
    """Fill `{column}` in patterns with the values of each row of a table.

    Parameters
    ----------
    context : Context
        The running recipe.
    table : str
        Name of the table.
    *patterns : str
        Format strings over the table's columns.

    Yields
    ------
    tuple of str
        The filled patterns, row by row.

    Raises
    ------
    PrepareError
        If a pattern names a column that the table lacks.
    """
    import string

    columns = sorted(
        {
            field
            for pattern in patterns
            for _, field, _, _ in string.Formatter().parse(pattern)
            if field is not None
        }
    )
    values = [context.column(table, column) for column in columns]
    for row in zip(*values, strict=True):
        filling = dict(zip(columns, row, strict=True))
        yield tuple(pattern.format_map(filling) for pattern in patterns)


class CopyFiles(Operation):
    """Copy one file for each row of a table; `{column}` in both paths stands for its value."""

    op: Literal["copy_files"]
    table: Name
    source: RelativePath
    path: OutputPath

    def uses(self) -> list[str]:  # noqa: D102
        return [self.table]

    def writes(self) -> list[str]:  # noqa: D102
        return [self.path]

    def run(self, context: Context) -> None:  # noqa: D102
        for source, target in expand(context, self.table, self.source, self.path):
            context.raw.copy(source, context.target(target))
            context.advance(1)


class MakeFolder(Operation):
    """Make a folder that may stay empty."""

    op: Literal["make_folder"]
    path: OutputPath

    def writes(self) -> list[str]:  # noqa: D102
        return [self.path]

    def run(self, context: Context) -> None:  # noqa: D102
        target = context.output / self.path
        if target.exists() and not target.is_dir():
            raise PrepareError(f"'{self.path}' is a file already.")
        target.mkdir(parents=True, exist_ok=True)
