"""Cases of the reading of TFRecord files."""

from __future__ import annotations

from operation_case import Case

from mlebench_data.errors import PrepareError, RawDataError


def _nested(*path: bytes | int) -> bytes:
    """A value inside protocol buffer fields of these numbers, the innermost last."""
    *numbers, value = path
    assert isinstance(value, bytes)
    for number in reversed(numbers):
        assert isinstance(number, int)
        value = bytes([number << 3 | 2, len(value)]) + value
    return value


def tfrecords(*names: bytes, feature: bytes = b"image_name") -> bytes:
    """A TFRecord file of examples that have a number and one text feature."""
    content = b""
    for name in names:
        number = _nested(1, _nested(1, b"target") + _nested(2, 3, 1, b"\x01"))
        text = _nested(1, _nested(1, feature) + _nested(2, 1, 1, name))
        example = _nested(1, number + text)
        content += len(example).to_bytes(8, "little") + b"crc1" + example + b"crc2"
    return content


USE = {"table": "t", "source": "{id}.tfrec", "feature": "image_name", "into": "u"}

CASES = [
    Case(
        "a row for each record, file by file",
        "read_tfrecords",
        USE,
        raw={"b.tfrec": tfrecords(b"x", "é".encode()), "a.tfrec": tfrecords(b"y"), "c.tfrec": b""},
        given={"t": "id\nb\nc\na\n"},
        values={"u": "image_name\nx\né\ny\n"},
    ),
    Case(
        "file is missing",
        "read_tfrecords",
        USE,
        given={"t": "id\na\n"},
        error=(RawDataError, "Raw file 'a.tfrec' is missing"),
    ),
    Case(
        "feature is not there",
        "read_tfrecords",
        USE,
        raw={"a.tfrec": tfrecords(b"x", feature=b"file_name")},
        given={"t": "id\na\n"},
        error=(PrepareError, "with the text feature 'image_name': record 0: "),
    ),
    Case(
        "feature is no text",
        "read_tfrecords",
        USE | {"feature": "target"},
        raw={"a.tfrec": tfrecords(b"x")},
        given={"t": "id\na\n"},
        error=(PrepareError, "with the text feature 'target': record 0: "),
    ),
    Case(
        "file ends within a record",
        "read_tfrecords",
        USE,
        raw={"a.tfrec": tfrecords(b"x", b"y")[:-6]},
        given={"t": "id\na\n"},
        error=(PrepareError, "Raw file 'a.tfrec' is no TFRecord file"),
    ),
]
