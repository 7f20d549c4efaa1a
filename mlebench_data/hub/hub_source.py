"""Repositories on a dataset host: the Hugging Face Hub, or another server that answers as it."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mlebench_data.errors import (
    DataNotFoundError,
    IntegrityError,
    MlebenchError,
    SourceError,
    UnreachableError,
)
from mlebench_data.hub.filesystem_source import explain
from mlebench_data.hub.layout import MANIFEST
from mlebench_data.hub.repository import RepositoryFile
from mlebench_data.hub.snapshot import RemoteSnapshot

logger = logging.getLogger(__name__)

HUB = "https://huggingface.co"
ENDPOINT_VARIABLE = "HF_ENDPOINT"

RETRY_SECONDS = (1, 4)
"""Waiting times between tries to go on with a download. The client of the Hub makes several tries
of its own before it gives up, but not after every kind of failure."""

_TIMEOUT = 15.0

Answer = TypeVar("Answer")


def default_endpoint() -> str:
    """Return the dataset host in force: `HF_ENDPOINT` if it is set now, else the Hub."""
    return (os.environ.get(ENDPOINT_VARIABLE) or HUB).rstrip("/")


def _is_network_error(error: Exception) -> bool:
    """Tell errors of the network from those of the disk and from defects."""
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    # Which library makes the requests depends on the version of huggingface_hub.
    libraries = {base.__module__.partition(".")[0] for base in type(error).__mro__}
    return bool(libraries & {"httpx", "httpx2", "requests"})


class HubSnapshot(RemoteSnapshot):
    """A repository on a dataset host at one commit.

    Files that the user's cache of the Hub has are taken from there, also without a network.

    Parameters
    ----------
    endpoint : str
        Address of the host.
    name : str
        Organisation and name of the repository.
    competition : str
        Id of the competition.
    revision : str
        Version tag, branch or commit.
    """

    def __init__(self, endpoint: str, name: str, competition: str, revision: str) -> None:
        self._endpoint = endpoint
        self._name = name
        self.competition = competition
        self.source = f"{endpoint}/datasets/{name}"
        self.revision = revision
        self.commit: str = self._resolve()

    def _resolve(self) -> str:
        """Pin the revision to its commit: one request, so that a dead host is noticed at once."""
        from huggingface_hub import HfApi

        api = HfApi(endpoint=self._endpoint)
        try:
            found = self._ask(
                lambda: api.dataset_info(self._name, revision=self.revision, timeout=_TIMEOUT)
            )
        except UnreachableError:
            known = self._in_cache(MANIFEST, self.revision)
            if known is None:
                raise
            # .../snapshots/<commit>/manifest.json
            return known.parent.name
        if found.sha is None:
            raise SourceError(f"{self.source} names no commit for '{self.revision}'.")
        return found.sha

    def _in_cache(self, path: str, revision: str) -> Path | None:
        """Return a file of the user's cache of the Hub, if it is there and of this host."""
        from huggingface_hub import constants, try_to_load_from_cache

        # The cache does not know hosts: what another one calls by this name is something else.
        if constants.ENDPOINT.rstrip("/") != self._endpoint:
            return None
        found = try_to_load_from_cache(self._name, path, revision=revision, repo_type="dataset")
        return Path(found) if isinstance(found, str) else None

    def read(self, path: str) -> bytes:
        """Return the content of a small file."""
        known = self._in_cache(path, self.commit)
        if known is not None:
            return known.read_bytes()
        with tempfile.TemporaryDirectory() as folder:
            return self._download(path, Path(folder)).read_bytes()

    def _fetch(self, item: RepositoryFile, target: Path) -> None:
        place = target / item.path
        known = self._in_cache(item.path, self.commit)
        if known is not None:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)
            place.symlink_to(known.absolute())
        else:
            try:
                self._download_patiently(item.path, target)
            except DataNotFoundError as error:
                raise IntegrityError(
                    f"{error} Its manifest lists it: have the repository published again."
                ) from error
        size = place.stat().st_size
        if size != item.size:
            raise IntegrityError(
                f"{self.source}: {item.path} has {size} bytes instead of {item.size}. "
                "Have the repository published again."
            )

    def _download_patiently(self, path: str, target: Path) -> None:
        """Download a file from a host that may be away for a moment."""
        for seconds in RETRY_SECONDS:
            try:
                self._download(path, target)
                return
            except UnreachableError as error:
                logger.warning("%s Trying again in %d s.", error, seconds)
                time.sleep(seconds)
        self._download(path, target)

    def _download(self, path: str, folder: Path) -> Path:
        from huggingface_hub import hf_hub_download

        return Path(
            self._ask(
                lambda: hf_hub_download(
                    self._name,
                    path,
                    repo_type="dataset",
                    revision=self.commit,
                    endpoint=self._endpoint,
                    local_dir=folder,
                ),
                path,
            )
        )

    def _ask(self, request: Callable[[], Answer], path: str | None = None) -> Answer:
        """Make a request, its errors told to a person."""
        try:
            return request()
        except Exception as error:
            problem = self._problem(error, path)
            if problem is None:
                raise
            raise problem from error

    def _problem(self, error: Exception, path: str | None) -> MlebenchError | None:
        """Return what an error of the client means; None if it is not about the host."""
        from huggingface_hub import errors

        status = getattr(getattr(error, "response", None), "status_code", None)
        if isinstance(error, errors.GatedRepoError):
            return SourceError(
                f"{self.source} is gated: it may be read only by accounts that were granted "
                "access. Ask for access on its page, and log in with `hf auth login` (or set "
                "HF_TOKEN)."
            )
        if isinstance(error, errors.RevisionNotFoundError):
            return DataNotFoundError(
                f"{self.source} has no revision '{self.revision}': that data version was not "
                "published there. `--data-version` or ID@VERSION name another one."
            )
        if isinstance(error, errors.LocalEntryNotFoundError):
            return self._unreachable(error.__cause__ or error)
        if isinstance(error, errors.EntryNotFoundError):
            return DataNotFoundError(f"{self.source} has no {path}.")
        if isinstance(error, errors.RepositoryNotFoundError):
            # Hosts answer so for private repositories too, to tell nothing about them.
            return DataNotFoundError(
                f"{self.source} does not exist, or is private and your account has no access. "
                "Check the name, or log in with `hf auth login` (or set HF_TOKEN)."
            )
        if status in (401, 403):
            return SourceError(
                f"{self.source} refuses the access token ({status}). Log in again with "
                "`hf auth login`, or correct or unset HF_TOKEN."
            )
        if status is not None:
            return UnreachableError(
                f"{self.source} answers with an error ({explain(error)}). Try again later."
            )
        if _is_network_error(error):
            return self._unreachable(error)
        return None

    def _unreachable(self, error: BaseException) -> UnreachableError:
        text = explain(error)
        # A certificate that is not valid yet, or no longer, often is so by a wrong clock only.
        clock = ", the clock of this machine" if "CERTIFICATE" in text else ""
        return UnreachableError(
            f"{self._endpoint} cannot be reached ({text}). Check the network{clock} and "
            f"{ENDPOINT_VARIABLE}, or name another source with --from or MLEBENCH_SOURCE."
        )
