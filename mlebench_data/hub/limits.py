"""How many files a dataset host takes."""

from __future__ import annotations

import os
from pathlib import Path

from mlebench_data.hub.errors import PackError
from mlebench_data.hub.layout import MAX_FILES, MAX_FOLDER_ENTRIES


def check_limits(repository: Path) -> None:
    """Refuse a repository that has too many files, or too many in one folder.

    Parameters
    ----------
    repository : pathlib.Path
        The repository.

    Raises
    ------
    PackError
        If a dataset host would refuse it.
    """
    total = 0
    for parent, folders, names in os.walk(repository):
        total += len(names)
        entries = len(folders) + len(names)
        if entries > MAX_FOLDER_ENTRIES:
            place = Path(parent).relative_to(repository).as_posix()
            raise PackError(
                f"The folder {place} of the repository would hold {entries} entries; a dataset "
                f"host takes {MAX_FOLDER_ENTRIES}. Let the recipe put these files into subfolders "
                "or an archive."
            )
    if total > MAX_FILES:
        raise PackError(
            f"The repository would hold {total} files; a dataset host takes {MAX_FILES}. "
            "Let the recipe put them into archives."
        )
