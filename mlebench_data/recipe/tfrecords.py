"""Reading of one feature out of TFRecord files, without TensorFlow.

Format: https://www.tensorflow.org/tutorials/load_data/tfrecord and the protocol buffer
`tensorflow.train.Example`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO, Literal

from mlebench_data.errors import PrepareError
from mlebench_data.paths import RelativePath
from mlebench_data.recipe.context import Context
from mlebench_data.recipe.files import expand
from mlebench_data.recipe.operation import Name, Operation

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LARGEST_RECORD = 1 << 30


class ReadTfrecords(Operation):
    """Make a table of one text feature of TFRecord files: a row for each record, in their order.

    One file is read for each row of `table`; `{column}` in `source` stands for its value. The
    feature's name is the name of the column. Checksums are not verified.
    """

    op: Literal["read_tfrecords"]
    table: Name
    source: RelativePath
    feature: str
    into: Name

    def uses(self) -> list[str]:  # noqa: D102
        return [self.table]

    def makes(self) -> list[str]:  # noqa: D102
        return [self.into]

    def run(self, context: Context) -> None:  # noqa: D102
        import pandas as pd

        values = []
        for (path,) in expand(context, self.table, self.source):
            with context.raw.open(path) as stream:
                try:
                    for record in records(stream):
                        values.append(bytes_feature(record, self.feature).decode())
                except (ValueError, KeyError, IndexError, struct.error) as error:
                    raise PrepareError(
                        f"Raw file '{path}' is no TFRecord file of examples with the text feature "
                        f"'{self.feature}': record {len(values)}: {error}."
                    ) from error
        context.values[self.into] = pd.DataFrame({self.feature: values}, dtype="object")


def records(stream: IO[bytes]) -> Iterator[memoryview]:
    """Yield the payloads of a TFRecord file.

    Raises
    ------
    ValueError
        If the file ends within a record.
    """
    while header := stream.read(12):
        (length,) = struct.unpack("<Q", header[:8])
        if len(header) != 12 or length > _LARGEST_RECORD:
            raise ValueError("no record begins here")
        payload = stream.read(length)
        if len(payload) != length or len(stream.read(4)) != 4:
            raise ValueError("the file ends within it")
        yield memoryview(payload)


def bytes_feature(example: memoryview, name: str) -> bytes:
    """Return the first value of a bytes feature of a serialised `tensorflow.train.Example`.

    Raises
    ------
    KeyError
        If there is no such feature.
    """
    wanted = name.encode()
    for features in _fields(example, 1):
        for entry in _fields(features, 1):
            if any(bytes(key) == wanted for key in _fields(entry, 1)):
                for feature in _fields(entry, 2):
                    for values in _fields(feature, 1):
                        for value in _fields(values, 1):
                            return bytes(value)
    raise KeyError(f"there is no bytes feature '{name}'")


def _fields(message: memoryview, number: int) -> Iterator[memoryview]:
    """Yield the length-delimited fields of this number of a protocol buffer message."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        kind = key & 7
        if kind == _BYTES:
            length, position = _varint(message, position)
            if position + length > len(message):
                raise ValueError("a field is longer than its message")
            if key >> 3 == number:
                yield message[position : position + length]
            position += length
        elif kind == _VARINT:
            _, position = _varint(message, position)
        elif kind == _FIXED64:
            position += 8
        elif kind == _FIXED32:
            position += 4
        else:
            raise ValueError(f"field kind {kind} is unknown")


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """Return a variable-length integer and the position behind it."""
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
