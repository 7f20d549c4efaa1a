"""Division of the products: BSON documents, far too many for memory, copied one by one.

Only the outermost keys of a document are looked at (https://bsonspec.org), so that its pictures
need not be decoded.
"""

from __future__ import annotations

import io
import struct
from array import array
from collections.abc import Iterator
from typing import IO

from mlebench_data.errors import PrepareError
from mlebench_data.recipe import Context

# Types of values that have always the same size, and that size: double, ObjectId, boolean, date,
# null, int32, timestamp, int64, decimal.
_SIZES = {0x01: 8, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8, 0x13: 16}
_INTEGERS = {0x10: "<i", 0x12: "<q"}
_TEXT, _DOCUMENT, _ARRAY, _BINARY = 0x02, 0x03, 0x04, 0x05
_LARGEST_DOCUMENT = 1 << 28
_BUFFER = 1 << 20


def read_products(context: Context, source: str, into: str) -> None:
    """Make a table of all products: `_id`, `category_id` and `place`, their place in the file."""
    import numpy as np
    import pandas as pd

    ids, categories = array("q"), array("q")
    with context.raw.open(source) as stream:
        for document in documents(stream, source):
            values = elements(document, source, len(ids))
            ids.append(_integer(document, values, "_id", source, len(ids)))
            categories.append(_integer(document, values, "category_id", source, len(categories)))
    context.values[into] = pd.DataFrame(
        {
            "_id": np.array(ids, dtype=np.int64),
            "category_id": np.array(categories, dtype=np.int64),
            "place": np.arange(len(ids)),
        }
    )


def write_products(
    context: Context, source: str, test: str, examples: int, paths: dict[str, str]
) -> None:
    """Write the documents of both parts in the order of the raw file.

    Those of `test` lose their category. The first `examples` documents of the training part are
    written to a file of their own besides.
    """
    import numpy as np

    places = context.column(test, "place").to_numpy()
    last = int(places.max(initial=-1))
    is_test = np.zeros(last + 1, dtype=np.bool_)
    is_test[places] = True
    with (
        context.raw.open(source) as stream,
        context.target(paths["train"]).open("wb", _BUFFER) as train,
        context.target(paths["test"]).open("wb", _BUFFER) as held_out,
        context.target(paths["examples"]).open("wb") as example,
    ):
        for place, document in enumerate(documents(stream, source)):
            if place <= last and is_test[place]:
                held_out.write(rewrite(document, elements(document, source, place), "category_id"))
                continue
            if document[5:9] != b"_id\0":
                document = rewrite(document, elements(document, source, place))
            train.write(document)
            if examples > 0:
                example.write(document)
                examples -= 1
    context.advance(3)


def documents(stream: IO[bytes], source: str) -> Iterator[bytes]:
    """Yield the documents of a BSON file."""
    # Members of archives read slowly in small pieces.
    buffered = io.BufferedReader(stream, _BUFFER)  # type: ignore[type-var]
    count = 0
    while header := buffered.read(4):
        length = struct.unpack("<i", header)[0] if len(header) == 4 else -1
        if not 5 <= length <= _LARGEST_DOCUMENT:
            raise PrepareError(f"Raw file '{source}': no BSON document begins at number {count}.")
        document = header + buffered.read(length - 4)
        if len(document) != length or document[-1]:
            raise PrepareError(f"Raw file '{source}' ends within document {count}, or is damaged.")
        yield document
        count += 1


def elements(document: bytes, source: str, number: int) -> dict[str, tuple[int, int, int]]:
    """Return where the elements of a document begin, where their values do, and where they end."""
    found = {}
    position, last = 4, len(document) - 1
    try:
        while position < last:
            start = position
            kind = document[start]
            name_end = document.index(0, start + 1)
            value = name_end + 1
            if kind in _SIZES:
                position = value + _SIZES[kind]
            else:
                (length,) = struct.unpack_from("<i", document, value)
                # Lengths of texts and of bytes do not count themselves; bytes have a subtype.
                position = value + length + {_TEXT: 4, _DOCUMENT: 0, _ARRAY: 0, _BINARY: 5}[kind]
                if length < 0:
                    raise ValueError("negative length")
            found[document[start + 1 : name_end].decode()] = (start, value, position)
    except (ValueError, KeyError, struct.error) as error:
        raise PrepareError(
            f"Raw file '{source}': document {number} is no BSON that can be read: {error!r}."
        ) from error
    if position != last:
        raise PrepareError(f"Raw file '{source}': document {number} is damaged.")
    return found


def rewrite(document: bytes, places: dict[str, tuple[int, int, int]], drop: str = "") -> bytes:
    """Return a document without one of its elements, and with its id in the first place."""
    names = sorted((name for name in places if name != drop), key=lambda name: name != "_id")
    body = b"".join(document[places[name][0] : places[name][2]] for name in names)
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def _integer(
    document: bytes, places: dict[str, tuple[int, int, int]], name: str, source: str, number: int
) -> int:
    if name not in places or document[places[name][0]] not in _INTEGERS:
        raise PrepareError(f"Raw file '{source}': document {number} has no whole number '{name}'.")
    start, value, _ = places[name]
    (found,) = struct.unpack_from(_INTEGERS[document[start]], document, value)
    return int(found)
