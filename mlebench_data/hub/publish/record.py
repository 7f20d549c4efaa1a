"""The record of a publish under way, beside the files that it sends."""

from __future__ import annotations

from dataclasses import dataclass

from mlebench_data.hub.publish.errors import PublishError

RECORD = ".publishing.json"
"""Its name. It is there only while the repository beside it is not complete."""


@dataclass(frozen=True)
class Record:
    """Which files a publish sends, and which it has found.

    Attributes
    ----------
    expected : dict of str to str
        SHA-256 of each file that shall be there in the end, by path.
    stale : tuple of str
        Paths that were there with other bytes and are being removed. Until they are, what is there
        under these names is not what is expected, whatever its size.
    """

    expected: dict[str, str]
    stale: tuple[str, ...] = ()

    def digests(self) -> dict[str, str]:
        """Return the digests of what is there, by path."""
        return {path: sha256 for path, sha256 in self.expected.items() if path not in self.stale}

    def paths(self) -> set[str]:
        """Return every path that this publish may have found or left."""
        return self.expected.keys() | set(self.stale)

    def to_json(self) -> bytes:
        """Return the content of the file."""
        import json

        content = {"expected": self.expected, "stale": list(self.stale)}
        return json.dumps(content, indent=1).encode() + b"\n"

    @classmethod
    def from_json(cls, content: bytes, place: str) -> Record:
        """Read the content of the file.

        Raises
        ------
        PublishError
            If it is malformed.
        """
        import json

        try:
            fields = json.loads(content)
            expected = {str(path): str(digest) for path, digest in fields["expected"].items()}
            return cls(expected, tuple(str(path) for path in fields["stale"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PublishError(
                f"{place}/{RECORD} is damaged, so that nobody knows what is there. Remove that "
                "folder and publish again."
            ) from error
