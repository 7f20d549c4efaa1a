"""The proxy's log: of limited size, and without keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

#: Characters that one proxy writes at most.
_MAX_CHARACTERS = 20_000_000


class QuietStream:
    """A text stream that hands on to another what may be told.

    Parameters
    ----------
    stream : text stream
        Where it goes.
    hidden : iterable of str
        What is replaced by `***`.
    """

    encoding = "utf-8"

    def __init__(self, stream: TextIO, hidden: Iterable[str]) -> None:
        self._stream = stream
        self._hidden = [text for text in hidden if text]
        self._left = _MAX_CHARACTERS

    def write(self, text: str) -> int:
        """Write a text."""
        size = len(text)
        for word in self._hidden:
            text = text.replace(word, "***")
        if self._left > 0:
            self._left -= size
            self._stream.write(text if self._left > 0 else "\n[the log is full]\n")
        return size

    def flush(self) -> None:
        """Hand on what is buffered."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Tell that nobody watches."""
        return False

    def fileno(self) -> int:
        """Return the number of the underlying file."""
        return self._stream.fileno()
