"""Grants: key files that open some versions of some competitions and no others."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from mlebench_data.errors import KeyFileError
from mlebench_data.hub.derived_keys import VersionKey, checksum

GRANT_PREFIX = "mlebench-grant-1:"
_LINE = re.compile(
    r"mlebench-grant-1:(?P<key_id>[0-9a-f]{16}):(?P<competition>[A-Za-z0-9-]+)"
    r":(?P<version>v[0-9]+):(?P<secret>[0-9a-f]{64})-(?P<checksum>[0-9a-f]{8})"
)
_NAMED = 8
"""How many competitions an error message names."""


@dataclass(frozen=True)
class Grant:
    """The derived keys of some versions of some competitions.

    Neither the master key nor any other competition's key can be computed from it.

    Attributes
    ----------
    keys : tuple of VersionKey
        What it opens, at least one, all derived from the same master key.
    where : str
        Where it was found, for error messages.
    """

    keys: tuple[VersionKey, ...]
    where: str = field(default="The grant in use", compare=False)

    def __post_init__(self) -> None:
        if not self.keys:
            raise KeyFileError(f"{self.where} grants nothing.")
        if len({key.key_id for key in self.keys}) > 1:
            raise KeyFileError(
                f"{self.where} mixes grants of several master keys. Keep one file for each."
            )
        names = [(key.competition, key.version) for key in self.keys]
        if len(set(names)) < len(names):
            raise KeyFileError(f"{self.where} grants the same competition and version twice.")

    @property
    def key_id(self) -> str:
        """Fingerprint (16 hex digits) of the master key that it was derived from."""
        return self.keys[0].key_id

    def names(self) -> list[str]:
        """Return what it opens, as "ID VERSION"."""
        return [f"{key.competition} {key.version}" for key in self.keys]

    def for_version(self, competition: str, version: str) -> VersionKey:
        """Return the key of one version of one competition.

        Raises
        ------
        KeyFileError
            If it is not granted.
        """
        for key in self.keys:
            if (key.competition, key.version) == (competition, version):
                return key
        names = self.names()
        shown = ", ".join(names[:_NAMED])
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        raise KeyFileError(
            f"{self.where} grants {shown}{more}; not {competition} {version}. "
            "Whoever keeps the master key can grant it with `mlebench keys grant`."
        )

    def to_text(self) -> str:
        """Return the content of a key file. Whoever sees this text has the grant."""
        return "".join(_line(key) + "\n" for key in self.keys)


def _line(key: VersionKey) -> str:
    content = f"{GRANT_PREFIX}{key.key_id}:{key.competition}:{key.version}:{key.secret.hex()}"
    return f"{content}-{checksum(content)}"


def parse_grant(text: str, where: str) -> Grant:
    """Parse the text of a grant.

    Parameters
    ----------
    text : str
        A line for each competition and version,
        ``mlebench-grant-1:<fingerprint>:<competition>:<version>:<64 hex digits>-<checksum>``.
    where : str
        Where it was found, for error messages; they never show the text itself.

    Raises
    ------
    KeyFileError
        If a line has another form, or its checksum does not fit.
    """
    return Grant(tuple(_keys(text.strip().splitlines(), where)), where)


def _keys(lines: Iterable[str], where: str) -> Iterable[VersionKey]:
    for number, line in enumerate(lines, start=1):
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise KeyFileError(
                f"{where} holds a malformed grant: line {number} is not {GRANT_PREFIX}"
                "FINGERPRINT:COMPETITION:VERSION: with 64 hex digits, a hyphen and 8 more. "
                "Copy the file again."
            )
        content = line.strip()[: -len("-") - len(match["checksum"])]
        if not hmac.compare_digest(checksum(content), match["checksum"]):
            raise KeyFileError(
                f"{where} holds a grant with a typing error: the checksum of line {number} does "
                "not fit. Copy the file again."
            )
        yield VersionKey(
            match["competition"],
            match["version"],
            match["key_id"],
            bytes.fromhex(match["secret"]),
        )
