"""Where raw and prepared data lie on disk."""

from __future__ import annotations

import os
from pathlib import Path

DATA_DIR_VARIABLE = "MLEBENCH_DATA_DIR"


def default_data_dir() -> Path:
    """Return the data folder used when none is named.

    `MLEBENCH_DATA_DIR` if it is set, else `mlebench/data` in the user's cache folder.
    """
    named = os.environ.get(DATA_DIR_VARIABLE)
    if named:
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("mlebench") / "data"


def raw_folder(data_dir: Path, competition_id: str) -> Path:
    """Return where the raw data of a competition lies by default."""
    return data_dir / competition_id / "raw"


def version_folder(data_dir: Path, competition_id: str, version: str) -> Path:
    """Return the folder of one prepared version, which holds public/ and private/."""
    return data_dir / competition_id / version
