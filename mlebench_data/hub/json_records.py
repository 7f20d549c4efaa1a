"""JSON objects read one by one from a file of any size."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

_CHARACTERS = 1 << 20
"""Characters read at a time."""

_SPACE = " \t\n\r"
_NUMBER = "0123456789.eE+-"
_DECODER = json.JSONDecoder()


class NotRecordsError(ValueError):
    """A file that is JSON, but no list of objects."""


class _Reader:
    """The values of a JSON text, as much of it in memory as the largest of them needs."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._text = ""
        self._at = 0
        self._ended = False

    def _more(self) -> None:
        """Read on: as much again as is left, so that a long value is not tried too often."""
        rest = self._text[self._at :]
        more = self._stream.read(max(_CHARACTERS, len(rest)))
        self._ended = not more
        self._text = rest + more
        self._at = 0

    def peek(self) -> str:
        """Return the next character that is no space, or nothing at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _SPACE:
                    return self._text[self._at]
                self._at += 1
            if self._ended:
                return ""
            self._more()

    def take(self, wanted: str) -> None:
        """Step over a character that must come next."""
        found = self.peek()
        if found != wanted:
            raise ValueError(f"'{wanted}' expected, found '{found}'")
        self._at += 1

    def value(self) -> tuple[Any, int]:
        """Return the next value and the number of its characters."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
                # A number at the edge of what is read may go on, also where "1e" was read of "1e5".
                if self._text[end : end + 4].strip(_NUMBER) or self._ended:
                    length = end - self._at
                    self._at = end
                    return value, length
            except ValueError:
                if self._ended:
                    raise
            self._more()

    def array(self) -> Iterator[tuple[Any, int]]:
        """Give the values of an array, one by one."""
        self.take("[")
        if self.peek() == "]":
            self.take("]")
            return
        while True:
            yield self.value()
            if self.peek() == "]":
                self.take("]")
                return
            self.take(",")

    def skip(self) -> None:
        """Step over a value; of an array no more than one value is held."""
        if self.peek() == "[":
            for _ in self.array():
                pass
        else:
            self.value()


def read_records(path: Path, key: str | None = None) -> Iterator[tuple[dict[str, Any], int]]:
    """Give the objects of an array, or objects that stand one after the other, such as in lines.

    Parameters
    ----------
    path : pathlib.Path
        The file, in UTF-8.
    key : str, optional
        The array is what an object holds under this key.

    Yields
    ------
    tuple of dict and int
        An object, and the number of its characters in the file.

    Raises
    ------
    ValueError
        If the file is no JSON, or holds something else.
    """
    with path.open(encoding="utf-8-sig") as stream:
        reader = _Reader(stream)
        values = _separate(reader, path) if key is None else _below(reader, key)
        for value, length in values:
            if not isinstance(value, dict):
                raise NotRecordsError
            yield value, length
        if reader.peek():
            raise ValueError("there is more than one value")


def _separate(reader: _Reader, path: Path) -> Iterator[tuple[Any, int]]:
    if reader.peek() == "[":
        yield from reader.array()
        return
    # One object alone is a row only where the name says that lines are rows.
    count = 0
    while reader.peek():
        value = reader.value()
        count += 1
        if count == 1 and path.suffix == ".json" and not reader.peek():
            raise NotRecordsError
        yield value


def _below(reader: _Reader, key: str) -> Iterator[tuple[Any, int]]:
    if reader.peek() != "{":
        raise NotRecordsError
    reader.take("{")
    found = False
    while reader.peek() != "}":
        name, _ = reader.value()
        reader.take(":")
        if name == key and not found:
            found = True
            if reader.peek() != "[":
                raise NotRecordsError
            yield from reader.array()
        else:
            reader.skip()
        if reader.peek() != "}":
            reader.take(",")
    reader.take("}")
    if not found:
        raise NotRecordsError
