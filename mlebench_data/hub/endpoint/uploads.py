"""Large files on their way into a repository: each is uploaded before the commit that uses it."""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from mlebench_data.hub.endpoint.messages import RefusedError

OBJECT = re.compile(r"[0-9a-f]{64}")
"""Names of such files: the SHA-256 of their content."""

BESIDE = 100 << 20
"""Bytes from which a client that asks for it uploads a file by itself, before the commit."""

ASKS_FOR_IT = {"X-Large-Files": "lfs"}
"""Header of clients that can do so.

The Hub's own client cannot be told from its requests: it uploads what does not come within a commit
by a protocol of the Hub's storage, unless it is told not to, and has nothing to fall back on."""

WEEK = 7 * 24 * 3600
"""Seconds after which a file that no commit took is removed when the server starts."""

DAY = 24 * 3600
"""Seconds for which an address to upload to is good."""


class Uploads:
    """A folder of complete files by their SHA-256.

    They survive a restart of the server, so that an upload that broke off goes on where it was.

    Parameters
    ----------
    folder : pathlib.Path
        The folder; made with the first file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Addresses carry no token, for the client sends none there. They die with this process.
        self._secret = secrets.token_bytes(32)

    def path(self, oid: str) -> Path | None:
        """Return where a file is; None if it was not uploaded."""
        path = self._folder / oid
        return path if OBJECT.fullmatch(oid) and path.is_file() else None

    def receive(self, oid: str, size: int, body: Iterable[bytes]) -> None:
        """Take in a file.

        Parameters
        ----------
        oid : str
            SHA-256 (hex) of the content.
        size : int
            Its bytes.
        body : iterable of bytes
            The content.

        Raises
        ------
        RefusedError
            If the content is another one.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = self._folder / f".{oid}.{secrets.token_hex(8)}.partial"
        digest = hashlib.sha256()
        received = 0
        try:
            with partial.open("xb") as file:
                for piece in body:
                    received += len(piece)
                    if received > size:
                        raise RefusedError(400, f"More than the announced {size} bytes came.")
                    digest.update(piece)
                    file.write(piece)
            if received != size or digest.hexdigest() != oid:
                raise RefusedError(
                    400, f"{received} bytes came that are not the announced ones. Send them again."
                )
            partial.replace(self._folder / oid)
        finally:
            partial.unlink(missing_ok=True)

    def discard(self, oids: Iterable[str]) -> None:
        """Remove files that a commit has taken."""
        for oid in oids:
            (self._folder / oid).unlink(missing_ok=True)

    def clean(self) -> None:
        """Remove what broke off, and what nobody came back for."""
        if not self._folder.is_dir():
            return
        for path in self._folder.iterdir():
            if not OBJECT.fullmatch(path.name) or path.stat().st_mtime < time.time() - WEEK:
                path.unlink()

    def sign(self, oid: str, size: int) -> str:
        """Return the query of an address that allows one file to be uploaded, for a day."""
        # Not the time of day: that may jump.
        until = int(time.monotonic()) + DAY
        return f"size={size}&until={until}&signature={self._signature(oid, size, until)}"

    def check(self, oid: str, parameters: dict[str, list[str]]) -> int:
        """Check such a query and return the size it allows.

        Raises
        ------
        RefusedError
            If it was not made here, or not for this file, or too long ago.
        """
        numbers = [parameters.get(name, [""])[-1] for name in ("size", "until")]
        signature = parameters.get("signature", [""])[-1]
        if all(re.fullmatch(r"[0-9]{1,18}", number) for number in numbers):
            size, until = map(int, numbers)
            good = self._signature(oid, size, until)
            if hmac.compare_digest(good.encode(), signature.encode("utf-8", "replace")):
                if until < time.monotonic():
                    raise RefusedError(403, "This address is too old. Start the upload again.")
                return size
        raise RefusedError(
            403, "This address was not given out by the running server. Start the upload again."
        )

    def _signature(self, oid: str, size: int, until: int) -> str:
        text = f"{oid} {size} {until}".encode()
        return hmac.new(self._secret, text, "sha256").hexdigest()


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name, or a copy where the disk knows no second names."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError as error:
        # Not a full disk: the copy would fail as well, and later.
        if error.errno not in (errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP):
            raise
        shutil.copy2(source, target)
