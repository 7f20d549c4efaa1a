"""Names inside a dataset repository, and which paths may stand in one."""

from __future__ import annotations

ORGANISATION = "mlebench"
"""Whose repositories on a dataset host are meant where nothing else is said."""

MANIFEST = "manifest.json"
CARD = "README.md"
SEALED_LIST = "private/sealed.json"
PUBLIC_FILES = "files/public"
ANSWERS = "private/answers-00000"
PRIVATE_FILES = "private/files"
ARCHIVE = "files/archive"
PIECES = "files/pieces"
TRAIN = "data/train"
TEST = "data/test"
SAMPLE_SUBMISSION = "data/sample_submission"

MAX_PLAIN_FILES = 1000
"""More tables than this go into archive shards: a repository of very many small files takes one
request for each. Also the most files that stay plain because they are large."""

MAX_ARCHIVED_SIZE = 64 << 20
"""Bytes of the largest file that an archive shard takes; larger ones stay plain files."""

MAX_ROW_SIZE = 1 << 30
"""Bytes of the largest file that becomes a row if it cannot stay a plain file."""

MAX_FOLDER_ENTRIES = 10_000
"""Most files and folders in one folder of a repository that a dataset host takes."""

MAX_FILES = 100_000
"""Most files in a repository that a dataset host takes."""

_NO_NAMES = frozenset({"", ".", ".."})


def is_safe(path: str) -> bool:
    """Tell whether a path is relative, clean and stays inside the folder it is joined to."""
    return "\0" not in path and _NO_NAMES.isdisjoint(path.split("/"))


def survives_upload(path: str) -> bool:
    """Tell whether a file of this name comes back unchanged from a dataset host.

    Hidden files and folders may be left out of an upload (`.git`, `.cache`), and control
    characters do not pass through addresses safely.
    """
    return not any(part.startswith(".") for part in path.split("/")) and path.isprintable()
