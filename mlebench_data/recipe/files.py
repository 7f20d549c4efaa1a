"""Operations that bring files of the raw data into the prepared tree, bytes unchanged."""

from __future__ import annotations

import fnmatch
import re
import string
from collections.abc import Iterator
from typing import Literal

from mlebench_data.errors import PrepareError
from mlebench_data.paths import RelativePath
from mlebench_data.recipe.context import Context
from mlebench_data.recipe.operation import Name, Operation, OutputPath


def expand(context: Context, table: str, *patterns: str) -> Iterator[tuple[str, ...]]:
    """Fill `{column}` in patterns with the values of each row of a table.

    Parameters
    ----------
    context : Context
        The running recipe.
    table : str
        Name of the table.
    *patterns : str
        Format strings over the table's columns; `{column[0]}` stands for the first character.

    Yields
    ------
    tuple of str
        The filled patterns, row by row.

    Raises
    ------
    PrepareError
        If a pattern names a column that the table lacks.
    """
    places: dict[str, int] = {}
    numbered = [_numbered(pattern, places) for pattern in patterns]
    values = [context.column(table, column).tolist() for column in places]
    if not values:
        yield from [tuple(numbered)] * len(context.table(table))
        return
    yield from zip(*(map(pattern.format, *values) for pattern in numbered), strict=True)


def _numbered(pattern: str, places: dict[str, int]) -> str:
    """Name the fields of a pattern by numbers, which are filled in faster than names.

    `places` gets the number of each column.
    """
    result = ""
    for literal, field, specification, conversion in string.Formatter().parse(pattern):
        result += literal.replace("{", "{{").replace("}", "}}")
        if field is not None:
            # `{column[0]}` is a character of the value.
            column, bracket, index = field.partition("[")
            number = places.setdefault(column, len(places))
            result += f"{{{number}{bracket}{index}"
            result += (f"!{conversion}" if conversion else "") + f":{specification}}}"
    return result


class ListFiles(Operation):
    """Make a table of the raw files that a pattern matches, one row each, sorted by path.

    The fields of the pattern become columns, as text: `train/{species}/{file}` gives `species` and
    `file`. A field matches within one folder level. The column `path` holds the whole path.
    """

    op: Literal["list_files"]
    pattern: RelativePath
    into: Name

    def makes(self) -> list[str]:  # noqa: D102
        return [self.into]

    def run(self, context: Context) -> None:  # noqa: D102
        import pandas as pd

        expression, fields = compile_pattern(self.pattern)
        rows = [
            [*match.groups(), path]
            for path in context.raw.paths()
            if (match := expression.fullmatch(path))
        ]
        if not rows:
            raise PrepareError(f"No raw file matches '{self.pattern}'.")
        context.values[self.into] = pd.DataFrame(rows, columns=[*fields, "path"])


def compile_pattern(pattern: str) -> tuple[re.Pattern[str], list[str]]:
    """Turn a path pattern with fields into a regular expression and the names of its fields."""
    expression = ""
    fields = []
    for literal, field, _, _ in string.Formatter().parse(pattern):
        expression += re.escape(literal)
        if field is not None:
            fields.append(field)
            expression += "([^/]+)"
    return re.compile(expression), fields


class CopyFile(Operation):
    """Copy one raw file, bytes unchanged."""

    op: Literal["copy_file"]
    source: RelativePath
    path: OutputPath

    def writes(self) -> list[str]:  # noqa: D102
        return [self.path]

    def run(self, context: Context) -> None:  # noqa: D102
        context.copy(self.source, self.path)
        context.advance(1)


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
        pairs = expand(context, self.table, self.source, self.path)
        context.copy_all((source, target) for source, target in pairs)


class CopyFolder(Operation):
    """Copy a whole raw folder; `exclude` names files (by glob on their bare name) left out."""

    op: Literal["copy_folder"]
    source: RelativePath
    path: OutputPath
    exclude: list[str] = []

    def writes(self) -> list[str]:  # noqa: D102
        return [self.path]

    def run(self, context: Context) -> None:  # noqa: D102
        context.copy_all(folder_pairs(context, self.source, self.path, self.exclude))


class CopyFolders(Operation):
    """Copy one raw folder for each row of a table, as `copy_folder`; equal rows count once."""

    op: Literal["copy_folders"]
    table: Name
    source: RelativePath
    path: OutputPath
    exclude: list[str] = []

    def uses(self) -> list[str]:  # noqa: D102
        return [self.table]

    def writes(self) -> list[str]:  # noqa: D102
        return [self.path]

    def run(self, context: Context) -> None:  # noqa: D102
        pairs = dict.fromkeys(expand(context, self.table, self.source, self.path))
        for source, target in pairs:
            context.copy_all(folder_pairs(context, source, target, self.exclude))


def folder_pairs(
    context: Context, source: str, target: str, exclude: list[str]
) -> Iterator[tuple[str, str]]:
    """Pair the files of a raw folder with their output paths."""
    paths = context.raw.paths_below(source)
    if not paths:
        raise PrepareError(f"Raw folder '{source}' is missing or empty.")
    for path in paths:
        name = path.rpartition("/")[2]
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in exclude):
            yield path, target + path[len(source) :]


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
