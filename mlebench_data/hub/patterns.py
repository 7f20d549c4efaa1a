"""Patterns over the columns of a row, such as `train/{label}/{id}.png`."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping
from functools import cache

from mlebench_data.hub.errors import PackError


@cache
def _parsed(pattern: str) -> tuple[tuple[str, str | None, str | None], ...]:
    """Return the parts of a pattern: text, then the name and form of a field. Rows are many."""
    return tuple((text, name, form) for text, name, form, _ in string.Formatter().parse(pattern))


def pattern_fields(pattern: str) -> list[str]:
    """Return the names of the columns that a pattern such as `train/{label}/{id}.png` uses."""
    return [name.partition("[")[0] for _, name, _ in _parsed(pattern) if name is not None]


def fill(pattern: str, row: Mapping[str, str]) -> str:
    """Fill a pattern with the texts of a row.

    `{id:05d}` takes the column as a whole number, `{id[0]}` the first character of the text, and
    `{id:+}` the text as it is, as in the pattern that it was taken from.

    Raises
    ------
    PackError
        If a whole number is asked for and the text is none.
    """
    parts = []
    for literal, name, form in _parsed(pattern):
        parts.append(literal)
        if name is not None:
            column, _, place = name.partition("[")
            try:
                text = row[column][int(place[:-1])] if place else row[column]
                parts.append(text if not form or form == "+" else format(int(text), form))
            except (IndexError, ValueError) as error:
                raise PackError(
                    f"'{pattern}' cannot be filled with {column} = '{row[column]}': {error}."
                ) from error
    return "".join(parts)


def match_names(pattern: str, paths: Iterable[str]) -> list[dict[str, str]]:
    """Return the fields of all paths that a pattern matches, in the order of the sorted paths.

    Parameters
    ----------
    pattern : str
        Path with fields, such as `train/{label}/{id}.png`. A field is as short as possible, at
        least one character, and never crosses a `/`; `{id:+}` is as long as possible. A field that
        stands twice matches the same text.
    paths : iterable of str
        The paths.

    Returns
    -------
    list of dict of str to str
        One row for each path that matches.
    """
    expression = ""
    seen: list[str] = []
    for literal, name, form, _ in string.Formatter().parse(pattern):
        expression += re.escape(literal)
        if name is None:
            continue
        if form not in ("", "+") or not name.isidentifier():
            raise PackError(f"'{pattern}': a field must be a plain name, not '{name}:{form}'.")
        lazy = "" if form else "?"
        expression += f"(?P={name})" if name in seen else f"(?P<{name}>[^/]+{lazy})"
        seen.append(name)
    compiled = re.compile(expression)
    matches = (compiled.fullmatch(path) for path in sorted(paths))
    return [match.groupdict() for match in matches if match is not None]
