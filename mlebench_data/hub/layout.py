"""Names inside a dataset repository, and which paths may stand in one."""

from __future__ import annotations

MANIFEST = "manifest.json"
CARD = "README.md"
SEALED_LIST = "private/sealed.json"
PUBLIC_FILES = "files/public"
ANSWERS = "private/answers-00000"
PRIVATE_FILES = "private/files"
ARCHIVE = "files/archive"
TRAIN = "data/train"
TEST = "data/test"
SAMPLE_SUBMISSION = "data/sample_submission"

MAX_PLAIN_FILES = 1000
"""More public files than this go into archive shards: a repository of very many small files takes
one request for each."""

MAX_ARCHIVED_SIZE = 64 << 20
"""Bytes of the largest file that an archive shard takes; larger ones stay plain files."""


def is_safe(path: str) -> bool:
    """Tell whether a path is relative, clean and stays inside the folder it is joined to."""
    return "\0" not in path and all(part not in ("", ".", "..") for part in path.split("/"))


def survives_upload(path: str) -> bool:
    """Tell whether a file of this name comes back unchanged from a dataset host.

    Hidden files and folders may be left out of an upload (`.git`, `.cache`), and control
    characters do not pass through addresses safely.
    """
    return not any(part.startswith(".") for part in path.split("/")) and path.isprintable()
