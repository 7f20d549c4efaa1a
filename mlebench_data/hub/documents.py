"""BSON files as tables (https://bsonspec.org): a document is a row, bytes stay where they are."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from mlebench_data.hub.errors import PackError
from mlebench_data.hub.records import RecordsTable

_LARGEST_DOCUMENT = 1 << 28
_BUFFER = 1 << 20

_NUMBERS = {0x01: "<d", 0x09: "<q", 0x10: "<i", 0x11: "<Q", 0x12: "<q"}
_TEXTS = (0x02, 0x0D, 0x0E)
_DOCUMENT, _ARRAY, _BINARY, _OBJECT_ID, _BOOLEAN, _NULL = 0x03, 0x04, 0x05, 0x07, 0x08, 0x0A


@dataclass(frozen=True)
class Span:
    """Where bytes stand in a file."""

    offset: int
    size: int


def read_documents(path: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """Give the documents of a BSON file and their lengths; bytes are given as their places.

    Raises
    ------
    PackError
        If the file is malformed, or holds values of kinds that have no place in a table.
    """
    with path.open("rb", _BUFFER) as stream:
        offset = 0
        while header := stream.read(4):
            document = header + _rest(stream, header, path, offset)
            try:
                value, _ = _document(document, 0, offset)
            except (struct.error, IndexError, ValueError, UnicodeDecodeError) as error:
                raise PackError(
                    f"{path}: the document at byte {offset} is no BSON that can be read: {error}."
                ) from error
            yield value, len(document)
            offset += len(document)


def _rest(stream: IO[bytes], header: bytes, path: Path, offset: int) -> bytes:
    length = struct.unpack("<i", header)[0] if len(header) == 4 else -1
    rest = stream.read(length - 4) if 5 <= length <= _LARGEST_DOCUMENT else b""
    if not rest or len(rest) != length - 4:
        raise PackError(f"{path}: no BSON document begins at byte {offset}, or it is cut off.")
    return rest


def _document(data: bytes, start: int, base: int) -> tuple[dict[str, Any], int]:
    """Decode the document at a place of the data, whose first byte is at `base` of the file."""
    (length,) = struct.unpack_from("<i", data, start)
    end = start + length
    if length < 5 or end > len(data) or data[end - 1]:
        raise ValueError("a document is longer than what holds it")
    found: dict[str, Any] = {}
    position = start + 4
    while position < end - 1:
        kind = data[position]
        name_end = data.index(0, position + 1)
        name = data[position + 1 : name_end].decode()
        found[name], position = _value(data, kind, name_end + 1, base)
    if position != end - 1:
        raise ValueError("a value is longer than what holds it")
    return found, end


def _value(data: bytes, kind: int, at: int, base: int) -> tuple[Any, int]:
    """Decode a value, and return where the next one begins."""
    if kind in _NUMBERS:
        (number,) = struct.unpack_from(_NUMBERS[kind], data, at)
        return number, at + struct.calcsize(_NUMBERS[kind])
    if kind == _NULL:
        return None, at
    if kind == _BOOLEAN:
        return bool(data[at]), at + 1
    if kind == _OBJECT_ID:
        return data[at : at + 12].hex(), at + 12
    if kind in (_DOCUMENT, _ARRAY):
        value, end = _document(data, at, base)
        return (list(value.values()) if kind == _ARRAY else value), end
    if kind not in (*_TEXTS, _BINARY):
        raise ValueError(f"values of type {kind:#04x} have no place in a table")
    (length,) = struct.unpack_from("<i", data, at)
    if length < 0 or at + 4 + length > len(data):
        raise ValueError("a value is longer than what holds it")
    if kind == _BINARY:
        return Span(base + at + 5, length), at + 5 + length
    return data[at + 4 : at + 3 + length].decode(), at + 4 + length


def _spans(value: Any, path: list[str]) -> list[Span]:
    """Return the bytes at a place of a document, through all lists on the way."""
    if isinstance(value, list):
        return [span for item in value for span in _spans(item, path)]
    if path:
        return _spans(value.get(path[0]), path[1:]) if isinstance(value, dict) else []
    return [value] if isinstance(value, Span) else []


def _holds_bytes(value: Any) -> bool:
    if isinstance(value, (list, dict)):
        return any(
            _holds_bytes(item) for item in (value.values() if isinstance(value, dict) else value)
        )
    return isinstance(value, Span)


def documents_table(path: Path, bytes_of: Collection[str]) -> DocumentsTable:
    """Open a BSON file as a table.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    bytes_of : collection of str
        Places of bytes in the documents, such as `imgs.picture`. The fields that lead to them are
        no columns of the table; `DocumentsTable.batches` gives where the bytes are as text.
    """
    return DocumentsTable(path, bytes_of)


def read_spans(text: str) -> list[Span]:
    """Return the places of bytes from the text that stands for them."""
    pairs = (pair.split("+") for pair in text.split())
    return [Span(int(offset), int(size)) for offset, size in pairs]


class DocumentsTable(RecordsTable):
    """The documents of a BSON file. See `documents_table`."""

    def __init__(self, path: Path, bytes_of: Collection[str]) -> None:
        places = {name: name.split(".") for name in bytes_of}
        leading = {place[0] for place in places.values()}

        def records() -> Iterator[tuple[dict[str, Any], int]]:
            for document, length in read_documents(path):
                row = {name: value for name, value in document.items() if name not in leading}
                for name, value in row.items():
                    if _holds_bytes(value):
                        raise PackError(
                            f"{path}: '{name}' holds bytes: declare a media column with its field."
                        )
                # Fields of no document: the names of places stand for the bytes there.
                for name, place in places.items():
                    spans = _spans(document, place)
                    row[name] = " ".join(f"{span.offset}+{span.size}" for span in spans)
                yield row, length

        super().__init__(records)
        self._hidden = set(places)

    def evidence(self) -> dict[str, Any]:
        """Look at all documents, and return what each field holds, bytes left out."""
        found = super().evidence()
        return {name: seen for name, seen in found.items() if name not in self._hidden}
