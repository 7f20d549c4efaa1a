"""Compressing files for zip archives, read from disk or from members of other zip archives."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

STORED = 0
DEFLATED = 8
METHODS = (STORED, DEFLATED)
"""How members are compressed that can be read here."""

# A member's local header, of which only the lengths of its two last fields are needed.
_HEADER = struct.Struct("<4s22xHH")
_SIGNATURE = b"PK\3\4"
# Read with the header: name and extra fields are nearly always shorter.
_AHEAD = 256


class Member(NamedTuple):
    """Where the bytes of a file lie: in a file of their own, or in a zip archive.

    Attributes
    ----------
    path : str
        The file or the archive.
    size : int
        Bytes of the file itself.
    name : str
        Name of the member; empty for a file of its own.
    offset, compressed, method, crc : int
        Place of the member's header, and what the archive's directory says of it.
    """

    path: str
    size: int
    name: str = ""
    offset: int = 0
    compressed: int = 0
    method: int = STORED
    crc: int = 0


class Deflated(NamedTuple):
    """A file ready to be put into a zip archive: CRC-32, size in bytes, its bytes there."""

    crc: int
    size: int
    data: bytes


def deflate_all(members: list[Member]) -> list[Deflated]:
    """Compress several small files as `zipfile` does.

    Parameters
    ----------
    members : list of Member
        The files; all are held in memory.

    Raises
    ------
    zipfile.BadZipFile, zlib.error
        If an archive is damaged.
    """
    return [_deflate(content) for content in _contents(members)]


def store_all(members: list[Member]) -> list[Deflated]:
    """Read several small files for an archive that does not compress them.

    Parameters and errors are those of `deflate_all`.
    """
    return [Deflated(zlib.crc32(content), len(content), content) for content in _contents(members)]


def _deflate(content: bytes) -> Deflated:
    compressor = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -zlib.MAX_WBITS)
    data = compressor.compress(content) + compressor.flush()
    return Deflated(zlib.crc32(content), len(content), data)


def _contents(members: list[Member]) -> Iterator[bytes]:
    """Read files, each archive opened once for those that follow each other."""
    path = None
    descriptor = -1
    try:
        for member in members:
            if member.path != path:
                if descriptor >= 0:
                    os.close(descriptor)
                descriptor, path = os.open(member.path, os.O_RDONLY | os.O_CLOEXEC), member.path
            yield (
                _inflate(descriptor, member)
                if member.name
                else os.read(descriptor, member.size + 1)
            )
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _inflate(descriptor: int, member: Member) -> bytes:
    """Read a member of an archive."""
    read = os.pread(descriptor, _HEADER.size + _AHEAD + member.compressed, member.offset)
    if len(read) < _HEADER.size or not read.startswith(_SIGNATURE):
        raise _damaged(member, "has no header")
    _, name, extra = _HEADER.unpack_from(read)
    start = _HEADER.size + name + extra
    data = read[start : start + member.compressed]
    if len(data) < member.compressed:
        data = os.pread(descriptor, member.compressed, member.offset + start)
    if member.method == DEFLATED:
        # No more than the directory promises: a forged member must not fill the memory.
        data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, member.size + 1)
    if len(data) != member.size or zlib.crc32(data) != member.crc:
        raise _damaged(member, "has a bad CRC-32 or size")
    return data


def _damaged(member: Member, what: str) -> Exception:
    import zipfile

    return zipfile.BadZipFile(f"'{member.name}' in {member.path} {what}")
