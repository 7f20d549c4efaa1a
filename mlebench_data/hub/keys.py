"""The master key and its files: made, found, read, and turned into the key of one version."""

from __future__ import annotations

import hmac
import os
import re
import secrets
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mlebench_data.errors import KeyFileError
from mlebench_data.hub.derived_keys import KEY_SIZE, VersionKey, checksum, derive_key
from mlebench_data.hub.grants import GRANT_PREFIX, Grant, parse_grant

KEY_VARIABLE = "MLEBENCH_KEY"
KEY_FILE_VARIABLE = "MLEBENCH_KEY_FILE"
PREFIX = "mlebench-key-1:"
_FORM = re.compile(r"mlebench-key-1:([0-9a-f]{64})-([0-9a-f]{8})")


@dataclass(frozen=True)
class MasterKey:
    """A 32-byte secret from which all keys are derived.

    From it comes one key for each version of each competition, and from that the key of each
    sealed file.

    Attributes
    ----------
    secret : bytes
        The secret itself, 32 bytes. It is left out of `repr`, so that no log line shows it.
    """

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_SIZE:
            raise KeyFileError(f"A master key has {KEY_SIZE} bytes, not {len(self.secret)}.")

    @property
    def key_id(self) -> str:
        """Public fingerprint (16 hex digits) from which the key cannot be told."""
        return self.derive("fingerprint")[:8].hex()

    def derive(self, purpose: str, *context: str) -> bytes:
        """Derive a 32-byte key. Parameters as in `derived_keys.derive_key`."""
        return derive_key(self.secret, b"mlebench-data key 1", purpose, *context)

    def for_version(self, competition: str, version: str) -> VersionKey:
        """Return the key of one version of one competition."""
        secret = self.derive("version", competition, version)
        return VersionKey(competition, version, self.key_id, secret)

    def grant(self, names: Iterable[tuple[str, str]]) -> Grant:
        """Return a grant of some versions of some competitions.

        Parameters
        ----------
        names : iterable of tuple of str and str
            Competition and version.

        Raises
        ------
        KeyFileError
            If there are none, or one stands twice.
        """
        return Grant(tuple(self.for_version(*name) for name in names))

    def to_text(self) -> str:
        """Return the key as it stands in a key file. Whoever sees this text has the key."""
        digits = self.secret.hex()
        return f"{PREFIX}{digits}-{checksum(PREFIX + digits)}"


AnyKey = MasterKey | Grant
"""What opens sealed files: all of them, or those granted."""

KeySource = MasterKey | Grant | Path | str | None
"""A key, the name of a key file, or None to look for it where `find_key` does."""


def parse_key(text: str, where: str) -> AnyKey:
    """Parse the text of a master key or a grant.

    Parameters
    ----------
    text : str
        ``mlebench-key-1:<64 hex digits>-<8 hex digits of checksum>``, or the lines that
        `grants.parse_grant` describes.
    where : str
        Where it was found, for error messages; they never show the text itself.

    Raises
    ------
    KeyFileError
        If the text has another form or its checksum does not fit.
    """
    if text.lstrip().startswith(GRANT_PREFIX):
        return parse_grant(text, where)
    match = _FORM.fullmatch(text.strip().lower())
    if match is None:
        raise KeyFileError(
            f"{where} holds no master key. It must be one line, {PREFIX} and then 64 hex digits, "
            "a hyphen and a checksum of 8 hex digits. `mlebench keys new` makes one."
        )
    digits, given = match.groups()
    if not hmac.compare_digest(checksum(PREFIX + digits), given):
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
    key = MasterKey(secrets.token_bytes(KEY_SIZE))
    write_key_file(path or default_key_path(), key)
    return key


def write_key_file(path: Path, key: AnyKey) -> None:
    """Write a key or a grant into a new file that only its owner can read.

    Raises
    ------
    KeyFileError
        If the file exists or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise KeyFileError(
            f"{path} exists. A key file is never overwritten; name another file, or move it away."
        ) from error
    except OSError as error:
        raise KeyFileError(f"{path} cannot be written: {error.strerror}.") from error
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        os.fchmod(stream.fileno(), 0o600)
        stream.write(key.to_text().rstrip("\n") + "\n")
        stream.flush()
        # A key that a power failure empties would lose all that it sealed by then.
        os.fsync(stream.fileno())


def read_key(path: Path) -> AnyKey:
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
    if str(path).startswith((PREFIX, GRANT_PREFIX)):
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


def find_key(path: Path | None = None) -> AnyKey:
    """Find the master key, or the grant that is used in its place.

    Looked for, in this order: the file named here; `MLEBENCH_KEY`, which holds the key itself;
    `MLEBENCH_KEY_FILE`, which names a key file; `default_key_path()`.

    Parameters
    ----------
    path : pathlib.Path, optional
        A key file.

    Returns
    -------
    MasterKey or Grant
        The key.

    Raises
    ------
    KeyFileError
        If there is no key, or what is found first is unusable.
    """
    found = key_path(path)
    if found is None:
        return parse_key(os.environ[KEY_VARIABLE], f"The environment variable {KEY_VARIABLE}")
    if path is None and not os.environ.get(KEY_FILE_VARIABLE) and not found.is_file():
        raise KeyFileError(
            f"There is no master key: {KEY_VARIABLE} and {KEY_FILE_VARIABLE} are not set and "
            f"{found} does not exist. Get the key from whoever keeps it and put it there "
            "(mode 0600); `mlebench keys new` makes one for data of your own."
        )
    return read_key(found)


def key_path(path: Path | None = None) -> Path | None:
    """Return the file that `find_key` reads, or None if `MLEBENCH_KEY` holds the key itself."""
    if path is not None:
        return path
    if os.environ.get(KEY_VARIABLE):
        return None
    name = os.environ.get(KEY_FILE_VARIABLE)
    return Path(name) if name else default_key_path()


def find_master_key(path: Path | None = None) -> MasterKey:
    """Find the master key, for what no grant can do. Parameters as in `find_key`.

    Raises
    ------
    KeyFileError
        As `find_key`, and if a grant is found first.
    """
    key = find_key(path)
    if isinstance(key, Grant):
        raise KeyFileError(
            f"{key.where} is a grant of {', '.join(key.names())}. This needs the master key, "
            f"with the fingerprint {key.key_id}: name its file with --key-file."
        )
    return key


def as_key(key: KeySource) -> AnyKey:
    """Return the key itself, or read it from the file named, or find it."""
    if isinstance(key, MasterKey | Grant):
        return key
    return find_key(None if key is None else Path(key))
