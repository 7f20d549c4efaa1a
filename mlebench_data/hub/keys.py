"""The master key: made, found, read, and turned into the key of one sealed file."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from mlebench_data.errors import KeyFileError

KEY_VARIABLE = "MLEBENCH_KEY"
KEY_FILE_VARIABLE = "MLEBENCH_KEY_FILE"
PREFIX = "mlebench-key-1:"
_FORM = re.compile(r"mlebench-key-1:([0-9a-f]{64})-([0-9a-f]{8})")


@dataclass(frozen=True)
class MasterKey:
    """A 32-byte secret from which the key of every sealed file is derived.

    Attributes
    ----------
    secret : bytes
        The secret itself, 32 bytes. It is left out of `repr`, so that no log line shows it.
    """

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != 32:
            raise KeyFileError(f"A master key has 32 bytes, not {len(self.secret)}.")

    @property
    def key_id(self) -> str:
        """Public fingerprint (16 hex digits) from which the key cannot be told."""
        return self.derive("fingerprint")[:8].hex()

    def derive(self, purpose: str, *context: str) -> bytes:
        """Derive a 32-byte key by HKDF-SHA256 (RFC 5869).

        Parameters
        ----------
        purpose : str
            What the key is for.
        *context : str
            What it is bound to, such as competition, version and file.

        Returns
        -------
        bytes
            32 bytes that tell nothing about the master key or other derived keys.
        """
        # Each part is preceded by its length: ("a", "bc") and ("ab", "c") must not meet.
        parts = [part.encode() for part in (purpose, *context)]
        info = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        extracted = hmac.digest(b"mlebench-data key 1", self.secret, "sha256")
        # One block of HKDF-Expand is all that 32 bytes need.
        return hmac.digest(extracted, info + b"\x01", "sha256")

    def to_text(self) -> str:
        """Return the key as it stands in a key file. Whoever sees this text has the key."""
        digits = self.secret.hex()
        return f"{PREFIX}{digits}-{_checksum(digits)}"


def _checksum(digits: str) -> str:
    return hashlib.sha256(f"{PREFIX}{digits}".encode()).hexdigest()[:8]


def parse_key(text: str, where: str) -> MasterKey:
    """Parse the text of a master key.

    Parameters
    ----------
    text : str
        ``mlebench-key-1:<64 hex digits>-<8 hex digits of checksum>``.
    where : str
        Where it was found, for error messages; they never show the text itself.

    Raises
    ------
    KeyFileError
        If the text has another form or its checksum does not fit.
    """
    match = _FORM.fullmatch(text.strip().lower())
    if match is None:
        raise KeyFileError(
            f"{where} holds no master key. It must be one line, {PREFIX} and then 64 hex digits, "
            "a hyphen and a checksum of 8 hex digits. `mlebench keys new` makes one."
        )
    digits, checksum = match.groups()
    if not hmac.compare_digest(_checksum(digits), checksum):
        raise KeyFileError(
            f"{where} holds a master key with a typing error: its checksum does not fit. "
            "Copy the key again."
        )
    return MasterKey(bytes.fromhex(digits))


def default_key_path() -> Path:
    """Return where the key file lies by default: `mlebench/key` in the user's config folder."""
    from platformdirs import user_config_path

    return user_config_path("mlebench") / "key"


def new_key(path: Path | None = None) -> MasterKey:
    """Make a master key and write it into a file that only its owner can read.

    Parameters
    ----------
    path : pathlib.Path, optional
        The file, which must not exist; `default_key_path()` by default.

    Returns
    -------
    MasterKey
        The new key.

    Raises
    ------
    KeyFileError
        If the file exists or cannot be written. A key is never overwritten: with it all that it
        sealed would be lost.
    """
    path = path or default_key_path()
    key = MasterKey(secrets.token_bytes(32))
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise KeyFileError(
            f"{path} exists. A master key is never overwritten; name another file, or move it away."
        ) from error
    except OSError as error:
        raise KeyFileError(f"{path} cannot be written: {error.strerror}.") from error
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        os.fchmod(stream.fileno(), 0o600)
        stream.write(key.to_text() + "\n")
    return key


def read_key(path: Path) -> MasterKey:
    """Read a key file.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Raises
    ------
    KeyFileError
        If it is missing, readable by others than its owner, or holds no key.
    """
    if str(path).startswith(PREFIX):
        # Not to be shown in the message: it is the key.
        raise KeyFileError(
            f"A key was given where a key file's name was expected. Set {KEY_VARIABLE}."
        )
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise KeyFileError(f"{path} is no regular file.")
        if mode & 0o077:
            raise KeyFileError(
                f"{path} can be read by others than its owner (mode {mode & 0o777:04o}). "
                f"Run `chmod 600 {path}`, and make a new key if it may have been seen."
            )
        text = path.read_text(encoding="ascii")
    except OSError as error:
        raise KeyFileError(
            f"The key file {path} cannot be read: {error.strerror}. "
            "`mlebench keys new` makes a key."
        ) from error
    except UnicodeDecodeError:
        # Without its cause: a UnicodeDecodeError shows the content.
        raise KeyFileError(f"{path} holds no master key.") from None
    return parse_key(text, str(path))


def find_key(path: Path | None = None) -> MasterKey:
    """Find the master key.

    Looked for, in this order: the file named here; `MLEBENCH_KEY`, which holds the key itself;
    `MLEBENCH_KEY_FILE`, which names a key file; `default_key_path()`.

    Parameters
    ----------
    path : pathlib.Path, optional
        A key file.

    Returns
    -------
    MasterKey
        The key.

    Raises
    ------
    KeyFileError
        If there is no key, or what is found first is unusable.
    """
    if path is not None:
        return read_key(path)
    if text := os.environ.get(KEY_VARIABLE):
        return parse_key(text, f"The environment variable {KEY_VARIABLE}")
    if name := os.environ.get(KEY_FILE_VARIABLE):
        return read_key(Path(name))
    default = default_key_path()
    if not default.is_file():
        raise KeyFileError(
            f"There is no master key: {KEY_VARIABLE} and {KEY_FILE_VARIABLE} are not set and "
            f"{default} does not exist. Get the key from whoever keeps it and put it there "
            "(mode 0600); `mlebench keys new` makes one for data of your own."
        )
    return read_key(default)


def as_key(key: MasterKey | Path | str | None) -> MasterKey:
    """Return the key itself, or read it from the file named, or find it."""
    return key if isinstance(key, MasterKey) else find_key(None if key is None else Path(key))
