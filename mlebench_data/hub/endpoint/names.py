"""Which names repositories, revisions and their files may have in addresses and on disk."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import unquote_to_bytes

from mlebench_data.hub.endpoint.messages import RefusedError
from mlebench_data.hub.layout import is_safe, survives_upload

Kind = Literal["dataset", "space", "model"]

KINDS: dict[str, Kind] = {"datasets": "dataset", "spaces": "space", "models": "model"}
"""Kinds of repositories by their names in addresses."""

FOLDERS: dict[Kind, str] = {"dataset": "", "space": "spaces", "model": "models"}
"""Where a served folder has the repositories of each kind. Datasets lie in it itself, as
`mlebench pack` leaves them."""

STATE_FOLDER = ".mlebench"
"""What the endpoint remembers about a served folder; hidden, so never served."""

MAIN = "main"

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_-])?")
_REVISION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,126}[A-Za-z0-9_-])?")
MAX_PART = 255
MAX_PATH = 4096


def decode(text: str) -> str:
    """Decode percent-encoding.

    Raises
    ------
    RefusedError
        If the result is no text.
    """
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeError as error:
        raise RefusedError(400, "The address of this request is no UTF-8.") from error


def is_repository_name(name: str) -> bool:
    """Tell whether a repository or an organisation may have a name."""
    return bool(_NAME.fullmatch(name)) and ".." not in name and not name.endswith(".git")


def is_tag_name(name: str) -> bool:
    """Tell whether a tag may have a name; one that looks like a commit may not."""
    return (
        bool(_REVISION.fullmatch(name))
        and not re.fullmatch(r"[0-9a-f]{40}", name)
        and name != MAIN
        and ".." not in name
        and "//" not in name
    )


def is_served(path: str) -> bool:
    """Tell whether a file with this path may be in a repository as it is served.

    Hidden files may not, nor what is no clean relative path.
    """
    return (
        len(path) <= MAX_PATH
        and is_safe(path)
        and not any(part.startswith(".") for part in path.split("/"))
        and _is_text(path)
    )


def is_accepted(path: str) -> bool:
    """Tell whether a file of this path may be uploaded."""
    return (
        is_served(path)
        and survives_upload(path)
        and all(len(part.encode()) <= MAX_PART for part in path.split("/"))
    )


def _is_text(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
