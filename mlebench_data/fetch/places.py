"""Where downloads lie, and what is there already."""

from __future__ import annotations

from pathlib import Path

from mlebench_data.catalogue import Competition
from mlebench_data.errors import RawDataError
from mlebench_data.prepare.build import find_raw
from mlebench_data.prepare.layout import raw_folder


def archive_path(data_dir: Path, competition_id: str) -> Path:
    """Return where the zip of a competition lies once it is complete and verified."""
    return raw_folder(data_dir, competition_id) / f"{competition_id}.zip"


def download_folder(data_dir: Path, competition_id: str) -> Path:
    """Return where a zip lies until then; only zips that can be used lie in the raw folder."""
    return data_dir / competition_id / ".download"


def received_path(data_dir: Path, competition_id: str) -> Path:
    """Return where a zip is written while it is received."""
    return download_folder(data_dir, competition_id) / f"{competition_id}.zip"


def complete_path(data_dir: Path, competition_id: str) -> Path:
    """Return where a zip lies that is received, but not verified yet."""
    return download_folder(data_dir, competition_id) / f"{competition_id}.complete.zip"


def damaged_path(data_dir: Path, competition_id: str) -> Path:
    """Return where a zip lies that is not what it should be."""
    return download_folder(data_dir, competition_id) / f"{competition_id}.zip.damaged"


def existing_raw(competition: Competition, data_dir: Path) -> Path | None:
    """Return the raw data of a competition, its folder or zip, if it is there."""
    folder = raw_folder(data_dir, competition.id)
    if competition.facts.source.kind == "builtin":
        return folder if folder.is_dir() else None
    try:
        found = find_raw(competition, None, data_dir)
    except RawDataError:
        return None
    if found.is_dir() and not any(found.iterdir()):
        return None
    return found
