"""Where things are published: what a TARGET means."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from mlebench_data.hub.endpoint.uploads import ASKS_FOR_IT
from mlebench_data.hub.publish.contents import Contents
from mlebench_data.hub.publish.errors import PublishError
from mlebench_data.hub.publish.folder_place import FolderPlace
from mlebench_data.hub.publish.hub_place import HubPlace
from mlebench_data.hub.publish.plan import Plan

if TYPE_CHECKING:
    from huggingface_hub import HfApi

HUB = "https://huggingface.co"

Kind = Literal["dataset", "space"]

_HUB_TARGET = re.compile(
    r"hf://(?P<kind>datasets|spaces)/(?P<org>\w[\w.-]*)(?:/(?P<name>\w[\w.-]*))?/?"
)


class Place(Protocol):
    """Where one repository goes."""

    def describe(self) -> str:
        """Name the place for people."""
        ...

    def plan(self, contents: Contents, *, retag: bool) -> Plan:
        """Compare the place with what shall be there, without writing to it."""
        ...

    def send(
        self, contents: Contents, plan: Plan, advance: Callable[[int], None] = ...
    ) -> str | None:
        """Carry out a plan; return the commit, where the place has such."""
        ...


@dataclass(frozen=True)
class Target:
    """Where repositories go.

    Attributes
    ----------
    text : str
        As it was given.
    kind : {"dataset", "space"}
        What is published.
    organisation : str, optional
        On the Hub, whose repositories these are.
    name : str, optional
        The only repository's name, where the target names one.
    """

    text: str
    kind: Kind
    organisation: str | None = None
    name: str | None = None

    @property
    def on_hub(self) -> bool:
        """Whether it is the Hub or an endpoint like it."""
        return self.organisation is not None

    def place(self, name: str, api: HfApi | None, *, private: bool = False) -> Place:
        """Return where the repository of a name goes.

        Parameters
        ----------
        name : str
            The repository's name.
        api : huggingface_hub.HfApi, optional
            For the Hub.
        private : bool
            Whether the repository shall be private; at other places the user sees to it.
        """
        if self.organisation is None or api is None:
            return FolderPlace(self.text, name)
        return HubPlace(api, self.organisation, name, kind=self.kind, private=private)


def parse_target(text: str, kind: Kind = "dataset") -> Target:
    """Read what the user has given as TARGET.

    Parameters
    ----------
    text : str
        `hf://datasets/ORG[/ID]`, `hf://spaces/ORG[/NAME]`, a path, or any URL that fsspec reads.
    kind : {"dataset", "space"}
        What is to be published.

    Raises
    ------
    PublishError
        If it is none of these.
    """
    if text.startswith(("http://", "https://")):
        raise PublishError(
            f"{text}: to publish to an endpoint, set HF_ENDPOINT={text.rstrip('/')} and name "
            f"hf://{kind}s/ORGANISATION as the target."
        )
    if not text.startswith("hf://"):
        return Target(text if "://" in text or "::" in text else _local(text), kind)
    match = _HUB_TARGET.fullmatch(text)
    if match is None or match["kind"] != f"{kind}s":
        raise PublishError(f"{text} is no target: write hf://{kind}s/ORGANISATION.")
    return Target(text, kind, match["org"], match["name"])


def _local(path: str) -> str:
    try:
        return os.fspath(Path(path).expanduser())
    except RuntimeError as error:
        raise PublishError(f"{path} is no target: {error}") from error


def hub_api(token_file: Path | None = None, *, writing: bool = True) -> HfApi:
    """Return what reaches the Hub, or the endpoint that HF_ENDPOINT names now.

    Parameters
    ----------
    token_file : pathlib.Path, optional
        Holds the token; by default it is taken from where the Hub's library keeps it.
    writing : bool
        Whether a token is needed.

    Raises
    ------
    PublishError
        If there is no token.
    """
    from huggingface_hub import HfApi, get_token

    token: str | None
    if token_file is not None:
        try:
            token = token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise PublishError(f"{token_file} cannot be read as a token: {error}.") from error
        if not token:
            raise PublishError(f"{token_file} is empty: it should hold a token.")
    else:
        token = get_token()
    if writing and not token:
        raise PublishError(
            "There is no token to publish with. Log in with `hf auth login`, set HF_TOKEN, or "
            "name a file that holds a token with --token-file. It must have write access."
        )
    # The library reads HF_ENDPOINT only when it is imported.
    endpoint = os.environ.get("HF_ENDPOINT") or HUB
    return HfApi(
        endpoint=endpoint.rstrip("/"),
        token=token or False,
        library_name="mlebench-data",
        headers=ASKS_FOR_IT,
    )
