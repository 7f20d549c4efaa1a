"""How wide a CSV file would become, found out before it is read whole.

A parser fills short rows up to the width of the header, and takes its time for each column: a file
of some hundred kilobytes can ask for all of the memory, or for hours.
"""

from __future__ import annotations

import mmap
import re
from pathlib import Path

from mlebench_data.grading.columns import InvalidSubmissionError

#: The widest known format of a submission has some hundred columns.
MAX_COLUMNS = 10_000
#: Cells that a table may have for each byte of its file. A row in which nothing is left out has a
#: byte for each at least; line breaks within quotes look like rows.
_CELLS_PER_BYTE = 8
#: Cells that need no such reason.
_FREE_CELLS = 10_000_000

_BLANK = re.compile(rb"[ \t\r\n]*")
_PLAIN = re.compile(rb"[^,\r\n]*")
_MARK = b"\xef\xbb\xbf"


def check_shape(path: Path) -> None:
    """Refuse a CSV file whose table would be out of all proportion.

    The width is that of the header or, where it is longer, of the first row: a parser refuses
    later rows that are longer still.

    Parameters
    ----------
    path : pathlib.Path
        A file that is not empty.

    Raises
    ------
    InvalidSubmissionError
        If it has too many columns, or rows that are far too short for them.
    """
    with (
        path.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        size = len(content)
        begin = len(_MARK) if content[: len(_MARK)] == _MARK else 0
        header, end = _cells(content, begin)
        first, _ = _cells(content, end)
        width = max(header, first)
        stream.seek(0)
        lines = sum(
            block.count(b"\n") + block.count(b"\r")
            for block in iter(lambda: stream.read(1 << 20), b"")
        )
    if width > MAX_COLUMNS:
        place = "header" if header > MAX_COLUMNS else "first row"
        raise InvalidSubmissionError(f"the {place} has more than {MAX_COLUMNS:,} columns")
    if lines * width > _CELLS_PER_BYTE * size + _FREE_CELLS:
        raise InvalidSubmissionError(
            f"the file has rows for {width:,} columns, but too few bytes to fill them"
        )


def _cells(content: mmap.mmap, place: int) -> tuple[int, int]:
    """Count the cells of the record that begins at a place, up to one too many.

    Returns
    -------
    count : int
        Cells; 0 at the end of the file.
    end : int
        Where the record ends.
    """
    # Blank lines are no records. Blanks before a cell belong to it: a quote after them is plain.
    end = _after(_BLANK, content, place)
    if end < len(content):
        last = max(content.rfind(b"\n", place, end), content.rfind(b"\r", place, end))
        place = max(place, last + 1)
    else:
        place = end
    count = 0
    while place < len(content):
        count += 1
        place = _end_of_cell(content, place)
        if count > MAX_COLUMNS or content[place : place + 1] != b",":
            break
        place += 1
    return count, place


def _end_of_cell(content: mmap.mmap, place: int) -> int:
    if content[place : place + 1] == b'"':
        place += 1
        while True:
            quote = content.find(b'"', place)
            if quote < 0:
                return len(content)
            place = quote + 1
            if content[place : place + 1] != b'"':
                break
            place += 1
    # What follows a closing quote belongs to the cell; a quote in there means nothing.
    return _after(_PLAIN, content, place)


def _after(pattern: re.Pattern[bytes], content: mmap.mmap, place: int) -> int:
    match = pattern.match(content, place)
    # Both patterns match nothing too.
    assert match is not None
    return match.end()
