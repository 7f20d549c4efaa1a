"""Downloading the zip of one competition: resumed, verified, put in place at once."""

from __future__ import annotations

import zipfile
from pathlib import Path

from mlebench_data.catalogue import Competition
from mlebench_data.errors import RawDataError
from mlebench_data.fetch.kaggle_api import REFUSED_CREDENTIALS, Kaggle, ResumeError, marker_path
from mlebench_data.fetch.patience import status_of, with_patience
from mlebench_data.fetch.places import (
    archive_path,
    complete_path,
    damaged_path,
    download_folder,
    existing_raw,
    received_path,
)
from mlebench_data.prepare.finishing import exclusive
from mlebench_data.prepare.manifest import hash_file

#: How often a zip is begun anew because what came was not what had been announced.
FRESH_STARTS = 3


def download(kaggle: Kaggle, competition: Competition, data_dir: Path) -> Path:
    """Download the zip of a competition, or what is missing of it.

    It is received beside the raw folder and moved into it when it is complete and verified. Two
    processes that want the same zip wait for each other.

    Parameters
    ----------
    kaggle : Kaggle
        The logged-in user.
    competition : Competition
        The competition.
    data_dir : pathlib.Path
        Data folder; the zip goes to `<data_dir>/<id>/raw/<id>.zip`.

    Returns
    -------
    pathlib.Path
        The raw data.

    Raises
    ------
    RawDataError
        If it cannot be downloaded, cannot be written, or is not the published data.
    """
    name = competition.id
    complete = complete_path(data_dir, name)
    try:
        with exclusive(download_folder(data_dir, name)):
            if (found := existing_raw(competition, data_dir)) is not None:
                return found
            if not complete.is_file():
                received = received_path(data_dir, name)
                _receive(kaggle, name, received)
                received.rename(complete)
            target = archive_path(data_dir, name)
            _verify(competition, complete, damaged_path(data_dir, name), target)
            target.parent.mkdir(exist_ok=True)
            complete.rename(target)
            return target
    except OSError as error:
        raise RawDataError(
            f"{name}: {_reason(error)} What has come is kept; the same command goes on from there."
        ) from error


def _reason(error: OSError) -> str:
    """Say why a download has failed."""
    from requests import RequestException

    if not isinstance(error, RequestException):
        return f"the download cannot be stored: {error}."
    status = status_of(error)
    if status == 401:
        return REFUSED_CREDENTIALS
    if status is not None:
        return f"Kaggle refuses the download ({status}): {error}."
    return f"the connection to Kaggle is lost: {error}."


def _receive(kaggle: Kaggle, name: str, target: Path) -> None:
    """Receive a zip in as many attempts as it takes."""
    for start in range(FRESH_STARTS):
        try:
            with_patience(
                lambda: kaggle.download(name, target),
                progress=lambda: target.stat().st_size if target.is_file() else 0,
            )
            return
        except ResumeError as error:
            marker_path(target).unlink(missing_ok=True)
            target.unlink(missing_ok=True)
            if start == FRESH_STARTS - 1:
                raise RawDataError(
                    f"{name}: what Kaggle sends is not what it announces: {error}. Try again later."
                ) from error


def _verify(competition: Competition, path: Path, damaged: Path, target: Path) -> None:
    """Compare a zip with the catalogue, or see whether it is one; set it aside if it is not."""
    expected = competition.facts.source.archive_md5
    if expected is None:
        if zipfile.is_zipfile(path):
            return
        problem = "is no zip file"
    else:
        (found,) = hash_file(path, "md5")
        if found == expected:
            return
        problem = f"has the md5 {found}, the published one has {expected}"
    path.replace(damaged)
    if expected is None or not zipfile.is_zipfile(damaged):
        advice = "Run the same command to download it again."
    else:
        advice = (
            "Run the same command to download it again. If the result is the same, Kaggle may have "
            f"packed it anew: move it to {target}, and `mlebench prepare` will compare what comes "
            "of it with the lock."
        )
    raise RawDataError(
        f"{competition.id}: the downloaded zip {problem}. It was set aside as {damaged}. {advice}"
    )
