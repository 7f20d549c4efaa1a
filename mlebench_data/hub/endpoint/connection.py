"""A folder of repositories answering the clients of the Hub within this process."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from mlebench_data.errors import MlebenchError
from mlebench_data.hub.endpoint.access import OWNER, Access
from mlebench_data.hub.endpoint.core import Endpoint
from mlebench_data.hub.endpoint.messages import FileBody, Request
from mlebench_data.hub.layout import ORGANISATION

_lock = threading.Lock()
_connected: Connection | None = None


class Connection:
    """What `connect` has set up.

    Attributes
    ----------
    folder : pathlib.Path
        The folder that answers.
    organisation : str
        Under whose name.
    """

    def __init__(self, folder: Path, organisation: str) -> None:
        self.endpoint = Endpoint(
            folder, organisation=organisation, access=Access(default=OWNER), metrics=False
        )
        self.folder = self.endpoint.store.folder
        self.organisation = organisation
        http = _client_module()
        # What this process had set before us, so that `disconnect` can give it back.
        self._before: Callable[[], Any] = http._GLOBAL_CLIENT_FACTORY
        _set_factory(self._client)

    def _client(self) -> Any:
        """Return a client for all requests of huggingface_hub."""
        network = self._before()
        library = importlib.import_module(type(network).__module__.partition(".")[0])
        transport = _Transport(self.endpoint, network, library)
        # Hooks, such as the one that refuses requests in offline mode, stay with `network`.
        return library.Client(transport=transport, follow_redirects=True, timeout=None)

    def undo(self) -> None:
        """Give back what was there before."""
        _set_factory(self._before)


def connect(folder: str | Path, *, organisation: str = ORGANISATION) -> None:
    """Let a folder answer for repositories of the Hub in this process.

    From then on ``load_dataset("mlebench/<id>")``, streaming, ``snapshot_download``,
    ``hf_hub_download`` and ``HfFileSystem`` take every repository that the folder has from it,
    without a server and without a network. All other requests pass on. Processes that this one
    forks take part; those that it spawns call `connect` themselves.

    Parameters
    ----------
    folder : str or pathlib.Path
        A folder of repositories as `mlebench pack` writes them, or one repository.
    organisation : str
        Under whose name they are found.

    Raises
    ------
    DataNotFoundError
        If there is no such folder.
    MlebenchError
        If the installed huggingface_hub is older than 1.0.

    Examples
    --------
    >>> import mlebench_data
    >>> mlebench_data.connect("hub")  # doctest: +SKIP
    >>> datasets.load_dataset("mlebench/leaf-classification")  # doctest: +SKIP
    """
    global _connected
    place = Path(folder).resolve()
    with _lock:
        if _connected is not None:
            if (_connected.folder, _connected.organisation) == (place, organisation):
                return
            _connected.undo()
            _connected = None
        _connected = Connection(place, organisation)


def disconnect() -> None:
    """Undo `connect`; without one, do nothing."""
    global _connected
    with _lock:
        if _connected is not None:
            _connected.undo()
            _connected = None


def connected() -> Connection | None:
    """Return what `connect` has set up in this process, if it has."""
    return _connected


class _Transport:
    """Answers requests for repositories of a folder and sends all others through a client."""

    def __init__(self, endpoint: Endpoint, network: Any, library: ModuleType) -> None:
        self._endpoint = endpoint
        self._network = network
        self._library = library

    def answers(self, request: Any) -> bool:
        """Tell whether a request is for a repository of the folder."""
        from huggingface_hub import constants

        hub = urlsplit(constants.ENDPOINT)
        url = request.url
        same = (url.scheme, url.netloc.decode("ascii")) == (hub.scheme, hub.netloc)
        return same and self._endpoint.owns(_path(request))

    def handle_request(self, request: Any) -> Any:
        """Answer a request, as clients ask a transport to."""
        if not self.answers(request):
            passed = self._network.send(request, stream=True, follow_redirects=False)
            return self._library.Response(
                passed.status_code,
                headers=passed.headers.raw,
                stream=passed.stream,
                extensions=passed.extensions,
            )
        response = self._endpoint.answer(
            Request(
                method=request.method.upper(),
                path=_path(request),
                query=request.url.query.decode("ascii"),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=request.stream,
                base_url=f"{request.url.scheme}://{request.url.netloc.decode('ascii')}",
            )
        )
        headers = {**response.headers, "Content-Length": str(response.length)}
        if isinstance(response.body, FileBody):
            without_body = request.method.upper() == "HEAD"
            stream = _stream(self._library, None if without_body else response.body)
            return self._library.Response(response.status, headers=headers, stream=stream)
        return self._library.Response(response.status, headers=headers, content=response.body)

    def close(self) -> None:
        """Close the way to the network."""
        self._network.close()

    def __enter__(self) -> _Transport:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _stream(library: ModuleType, body: FileBody | None) -> Any:
    """Return the body of a response; the library insists on a class of its own."""

    class Stream(library.SyncByteStream):  # type: ignore[name-defined,misc]
        def __iter__(self) -> Iterator[bytes]:
            yield from body.chunks() if body is not None else ()

        def close(self) -> None:
            if body is not None:
                body.close()

    return Stream()


def _path(request: Any) -> str:
    raw: bytes = request.url.raw_path
    return raw.partition(b"?")[0].decode("ascii")


def _client_module() -> ModuleType:
    """Return the part of huggingface_hub that makes clients."""
    from huggingface_hub.utils import _http

    if not hasattr(_http, "_GLOBAL_CLIENT_FACTORY"):
        raise MlebenchError(
            "mlebench_data.connect needs huggingface_hub 1.0 or newer: "
            "`pip install -U huggingface_hub`. With older ones, use `mlebench serve`."
        )
    return _http


def _set_factory(factory: Callable[[], Any]) -> None:
    from huggingface_hub import set_client_factory

    set_client_factory(factory)
