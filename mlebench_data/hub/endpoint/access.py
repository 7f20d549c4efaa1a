"""Who may read what is not for everyone, and who may write."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, cast

from mlebench_data.errors import MlebenchError
from mlebench_data.hub.endpoint.messages import RefusedError
from mlebench_data.hub.endpoint.store import Repository

Role = Literal["read", "write", "admin"]
ROLES: tuple[Role, ...] = ("read", "write", "admin")


@dataclass(frozen=True)
class Caller:
    """Who sent a request.

    Attributes
    ----------
    name : str
        For people; empty for somebody without a token.
    role : {"read", "write", "admin"}
        What they may do; each includes those before it.
    grants : tuple of str
        Names, or patterns of names, of gated and private repositories that they may read. Those
        who may write may read them all.
    """

    name: str = ""
    role: Role = "read"
    grants: tuple[str, ...] = ()

    def reads(self, repository: Repository) -> bool:
        """Tell whether a gated or private repository may be read."""
        return self.role != "read" or any(fnmatchcase(repository.name, p) for p in self.grants)


ANYONE = Caller()
OWNER = Caller("owner", "read", ("*",))
"""Who reads a folder of their own disk."""


class Access:
    """The tokens of an endpoint.

    Parameters
    ----------
    token_file : pathlib.Path, optional
        One line for each token: a name, a role, the SHA-256 of the token, and the names of the
        gated repositories that it may read, separated by commas. It is read again when it
        changes. Without a file, tokens that clients send are ignored.
    default : Caller
        Who comes without a token.
    """

    def __init__(self, token_file: Path | None = None, default: Caller = ANYONE) -> None:
        self._file = token_file
        self._default = default
        self._callers: dict[str, Caller] = {}
        self._stamp: tuple[int, int] | None = None
        self._refresh()

    def _refresh(self) -> None:
        if self._file is None:
            return
        try:
            status = self._file.stat()
            if (status.st_mtime_ns, status.st_size) != self._stamp:
                self._callers = read_tokens(self._file)
                self._stamp = status.st_mtime_ns, status.st_size
        except OSError as error:
            raise MlebenchError(
                f"The file of tokens {self._file} cannot be read: {error.strerror}. "
                "`mlebench serve --new-token NAME ROLE --token-file FILE` makes one."
            ) from error

    def caller(self, headers: Mapping[str, str]) -> Caller:
        """Tell who sent a request.

        Raises
        ------
        RefusedError
            If the token is unknown.
        """
        kind, _, token = headers.get("authorization", "").partition(" ")
        if self._file is None or not kind:
            return self._default
        self._refresh()
        if kind.lower() == "bearer":
            caller = self._callers.get(digest_of(token.strip()))
            if caller is not None:
                return caller
        raise RefusedError(
            401,
            "Invalid credentials in Authorization header",
            headers={"WWW-Authenticate": "Bearer"},
        )


def digest_of(token: str) -> str:
    """Return what stands for a token in the file: its SHA-256 (hex)."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def read_tokens(path: Path) -> dict[str, Caller]:
    """Read a file of tokens.

    Returns
    -------
    dict of str to Caller
        By the SHA-256 of the token.

    Raises
    ------
    MlebenchError
        If a line is malformed.
    """
    callers = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        good = (
            len(words) in (3, 4)
            and words[1] in ROLES
            and re.fullmatch(r"[0-9a-f]{64}", words[2]) is not None
        )
        if not good:
            # The line itself stays out of the message: it may hold a token by mistake.
            raise MlebenchError(
                f"{path}, line {number}: a token needs a name, one of the roles "
                f"{', '.join(ROLES)}, the SHA-256 of the token in hexadecimal digits, and at most "
                "one word more, the repositories it may read, separated by commas."
            )
        grants = tuple(words[3].split(",")) if len(words) == 4 else ()
        callers[words[2]] = Caller(words[0], cast(Role, words[1]), grants)
    return callers


def add_token(path: Path, name: str, role: str, grants: str = "") -> str:
    """Make a token and append it to a file.

    Parameters
    ----------
    path : pathlib.Path
        The file; made, for its owner's eyes only, if there is none.
    name : str
        Whose token it is.
    role : {"read", "write", "admin"}
        What it allows.
    grants : str
        Names of gated repositories that it may read, separated by commas.

    Returns
    -------
    str
        The token, which is written nowhere.

    Raises
    ------
    MlebenchError
        If name, role or grants are not what a line of the file takes.
    """
    words = (name, grants or "-")
    if role not in ROLES or name.startswith("#") or any(word.split() != [word] for word in words):
        raise MlebenchError(
            f"A token needs a name without spaces and one of the roles {', '.join(ROLES)}."
        )
    token = "mlebench_" + secrets.token_urlsafe(32)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    text = path.read_text(encoding="utf-8")
    line = " ".join([name, role, digest_of(token), *([grants] if grants else [])])
    path.write_text(text + ("" if text.endswith("\n") or not text else "\n") + line + "\n")
    return token
