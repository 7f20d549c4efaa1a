"""Kaggle through its own client library, without prompts and without waiting for ever."""

from __future__ import annotations

import functools
import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from mlebench_data.errors import RawDataError
from mlebench_data.extras import import_extra
from mlebench_data.fetch.patience import status_of

#: Seconds to wait for a connection, and for the next bytes of an answer.
TIMEOUT = (30, 120)

MARKER_ENDING = ".kaggle-partial"

CREDENTIALS_HELP = (
    "Make an API token at https://www.kaggle.com/settings/api and set KAGGLE_API_TOKEN to it (or "
    "keep it in ~/.kaggle/access_token); kaggle.json, KAGGLE_USERNAME with KAGGLE_KEY, and "
    "`kaggle auth login` will do as well."
)

REFUSED_CREDENTIALS = f"Kaggle refuses your credentials (401). {CREDENTIALS_HELP}"


class CredentialsError(RawDataError):
    """Kaggle's library finds no credentials, or none that Kaggle accepts."""


class ResumeError(Exception):
    """What was received is not what was announced, so nothing can be appended to it."""


@contextmanager
def _unattended() -> Iterator[None]:
    """Let the library neither ask on the terminal nor print among our results."""
    terminal = sys.stdin
    # It ends with exit(), which would close the real stdin besides.
    sys.stdin = io.StringIO()
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        sys.stdin = terminal


class Kaggle:
    """A logged-in user of Kaggle.

    Raises
    ------
    CredentialsError
        If there are no credentials.
    MissingExtraError
        If Kaggle's library is not installed.
    RawDataError
        If Kaggle cannot be reached.
    """

    def __init__(self) -> None:
        from requests import RequestException

        try:
            with _unattended():
                # Importing it logs in and may end the process; that is why it happens here.
                module = import_extra(
                    "kaggle.api.kaggle_api_extended",
                    extra="kaggle",
                    why="Data of Kaggle competitions is downloaded by Kaggle's own client",
                )
                self._api: Any = module.KaggleApi()
                self._api.already_printed_version_warning = True
                self._api.authenticate()
        except SystemExit as error:
            raise CredentialsError(
                f"Kaggle's library finds no credentials that Kaggle accepts. {CREDENTIALS_HELP}"
            ) from error
        except RequestException as error:
            if status_of(error) == 401:
                raise CredentialsError(REFUSED_CREDENTIALS) from error
            raise RawDataError(f"Kaggle cannot be reached to log in: {error}") from error
        except OSError as error:
            raise RawDataError(
                f"Kaggle's library cannot read or make its folder: {error}. Name another one with "
                "KAGGLE_CONFIG_DIR."
            ) from error

    @contextmanager
    def _competitions(self) -> Iterator[Any]:
        """Connect to the part of the interface that is about competitions."""
        with self._api.build_kaggle_client() as client:
            # The library sets no time limit: a dead connection would hang for ever.
            session = client.http_client()._session
            session.send = functools.partial(session.send, timeout=TIMEOUT)
            yield client.competitions.competition_api_client, client.http_client()

    def user_has_entered(self, competition: str) -> bool:
        """Tell whether the user has accepted the rules of a competition.

        Raises
        ------
        requests.RequestException
            If Kaggle refuses to say, or cannot be reached.
        """
        from kagglesdk.competitions.types.competition_api_service import ApiGetCompetitionRequest

        request = ApiGetCompetitionRequest()
        request.competition_name = competition
        with self._competitions() as (api, _):
            return bool(api.get_competition(request).user_has_entered)

    @contextmanager
    def _zip(self, competition: str) -> Iterator[tuple[Any, Any]]:
        """Ask for the zip of a competition; its content is not read yet."""
        from kagglesdk.competitions.types.competition_api_service import ApiDownloadDataFilesRequest

        request = ApiDownloadDataFilesRequest()
        request.competition_name = competition
        with (
            self._competitions() as (api, http_client),
            api.download_data_files(request) as response,
        ):
            yield response, http_client

    def size(self, competition: str) -> int | None:
        """Return the size of a competition's zip in bytes; None if Kaggle does not say.

        Raises
        ------
        requests.RequestException
            If Kaggle refuses it, or cannot be reached.
        """
        with self._zip(competition) as (response, _):
            return _length(response)

    def download(self, competition: str, target: Path) -> None:
        """Download the zip of a competition in one attempt, going on where the last one ended.

        Parameters
        ----------
        competition : str
            Its id.
        target : pathlib.Path
            The file; beside it lies a marker while it is not complete, which says of which object
            it is a part.

        Raises
        ------
        requests.RequestException
            If Kaggle refuses it, or the connection is lost.
        ResumeError
            If the file holds something else now; it is to be removed.
        """
        with self._zip(competition) as (response, http_client):
            if _is_complete(target, response):
                marker_path(target).unlink(missing_ok=True)
                return
            try:
                # One attempt: the library's own further ones use an address that may have expired
                # by then, and would write the refusal into the file.
                self._api.download_file(
                    response, str(target), http_client, quiet=True, resume=True, max_retries=0
                )
            except ValueError as error:
                if isinstance(error, OSError):
                    raise
                raise ResumeError(str(error)) from error


def marker_path(target: Path) -> Path:
    """Return where the library notes of which object a file is a part."""
    return target.with_name(target.name + MARKER_ENDING)


def bytes_to_resume(target: Path) -> int:
    """Return how many bytes of an interrupted download can be used again."""
    if not target.is_file() or not marker_path(target).is_file():
        return 0
    return target.stat().st_size


def _length(response: Any) -> int | None:
    length = response.headers.get("Content-Length")
    return int(length) if length else None


def _is_complete(target: Path, response: Any) -> bool:
    """Tell whether a download ended just before it could be noted; the library starts it anew."""
    length = _length(response)
    if not target.is_file() or length is None or target.stat().st_size != length:
        return False
    try:
        marker = json.loads(marker_path(target).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    headers = response.headers
    validator = headers.get("ETag") or headers.get("Last-Modified")
    return validator is not None and marker == {"validator": validator, "size": length}
