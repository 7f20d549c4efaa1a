"""Where data came from, as records keep it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from urllib.parse import urlsplit, urlunsplit


@dataclass(frozen=True)
class Origin:
    """Which state of which repository some data is.

    Attributes
    ----------
    source : str
        The place: a folder or an address, of the repository itself.
    revision : str
        What was asked for: a version tag such as "v1".
    commit : str or None
        What that was at the time: a commit, or the digest that stands for one where there is no
        version control.
    manifest_sha256 : str
        Digest of the repository's manifest, which covers every public byte.
    """

    source: str
    revision: str
    commit: str | None
    manifest_sha256: str

    def to_record(self) -> dict[str, str | None]:
        """Return the fields for a record that travels: folders of this machine are not named."""
        is_address = "://" in self.source and not self.source.startswith(("file://", "local://"))
        return {**asdict(self), "source": self.source if is_address else "folder"}


def without_secrets(address: str) -> str:
    """Return an address without user, password and query, which may hold keys."""
    if "://" not in address:
        return address
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
