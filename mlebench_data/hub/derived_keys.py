"""Keys derived from other keys: that of one version of one competition, those of its files."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

KEY_SIZE = 32
"""Bytes of every key."""


def derive_key(secret: bytes, salt: bytes, purpose: str, *context: str) -> bytes:
    """Derive a 32-byte key by HKDF-SHA256 (RFC 5869).

    Parameters
    ----------
    secret : bytes
        The key to derive from.
    salt : bytes
        Which kind of key `secret` is.
    purpose : str
        What the derived key is for.
    *context : str
        What it is bound to, such as competition and version.

    Returns
    -------
    bytes
        32 bytes that tell nothing about `secret` or other keys derived from it.
    """
    # Each part is preceded by its length: ("a", "bc") and ("ab", "c") must not meet.
    parts = [part.encode() for part in (purpose, *context)]
    info = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    extracted = hmac.digest(salt, secret, "sha256")
    # One block of HKDF-Expand is all that 32 bytes need.
    return hmac.digest(extracted, info + b"\x01", "sha256")


def checksum(text: str) -> str:
    """Return 8 hex digits that find typing errors in the text of a key."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


@dataclass(frozen=True)
class VersionKey:
    """The secret that opens one version of one competition, and nothing else.

    Attributes
    ----------
    competition, version : str
        Which data.
    key_id : str
        Fingerprint of the master key that it was derived from.
    secret : bytes
        The secret itself, 32 bytes. It is left out of `repr`, so that no log line shows it.
    """

    competition: str
    version: str
    key_id: str
    secret: bytes = field(repr=False)

    def derive(self, purpose: str, *context: str) -> bytes:
        """Derive a 32-byte key, such as that of one file. Parameters as in `derive_key`."""
        return derive_key(self.secret, b"mlebench-data version key 1", purpose, *context)
