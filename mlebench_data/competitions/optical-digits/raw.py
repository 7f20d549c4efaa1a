"""Build the raw data from the file that comes with scikit-learn."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits

HIGHEST_COUNT = 16


def _chunk(kind: bytes, data: bytes) -> bytes:
    """Return one chunk of a PNG file: length, kind, data, checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def encode_png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Encode a small grey picture as PNG, the same bytes everywhere.

    An image library would compress, and compressors change: another version of zlib, or a
    replacement such as zlib-ng, gives other bytes for the same picture. So the lines go, without a
    filter, into one stored (uncompressed) deflate block that is put together here.

    Parameters
    ----------
    pixels : array of uint8, shape (height, width)
        Brightness from 0 (black) to 255 (white).

    Returns
    -------
    bytes
        A PNG file of 8 bits per pixel (PNG specification, W3C; RFC 1950 and 1951).

    Raises
    ------
    ValueError
        If the picture does not fit into one stored block of 65535 bytes.
    """
    height, width = pixels.shape
    # Each line begins with its filter type, 0 for none.
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)
    if len(lines) > 0xFFFF:
        raise ValueError(f"picture of {width} x {height} pixels is too large for one stored block")
    block = b"\x01" + struct.pack("<HH", len(lines), len(lines) ^ 0xFFFF) + lines
    stream = b"\x78\x01" + block + struct.pack(">I", zlib.adler32(lines))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", stream)
        + _chunk(b"IEND", b"")
    )


def build_raw(folder: Path) -> None:
    """Write `images/<id>.png`, one digit each, and `labels.csv` that tells which."""
    bunch = load_digits()
    (folder / "images").mkdir()
    labels = ["id,label"]
    for number, (counts, label) in enumerate(zip(bunch.images, bunch.target, strict=True), start=1):
        pixels = np.round(counts * 255 / HIGHEST_COUNT).astype(np.uint8)
        (folder / "images" / f"{number}.png").write_bytes(encode_png(pixels))
        labels.append(f"{number},{label}")
    (folder / "labels.csv").write_bytes("\n".join([*labels, ""]).encode())
