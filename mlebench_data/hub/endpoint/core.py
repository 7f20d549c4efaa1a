"""The endpoint itself: a request in, a response out, whatever carries them."""

from __future__ import annotations

import errno
from pathlib import Path

from mlebench_data.errors import IntegrityError
from mlebench_data.hub.endpoint import collecting, reading, writing
from mlebench_data.hub.endpoint.access import ANYONE, Access
from mlebench_data.hub.endpoint.collections import Collections
from mlebench_data.hub.endpoint.messages import RefusedError, Request, Response
from mlebench_data.hub.endpoint.routes import Route, Target, target_of
from mlebench_data.hub.endpoint.store import Repository, Store
from mlebench_data.hub.endpoint.writer import Writer

MAX_ADDRESS = 16 << 10
"""Characters of the longest address that is looked at."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# The names of the request lead nowhere on this disk.
_NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EISDIR)


class Endpoint:
    """Answers the requests that clients of the Hugging Face Hub send.

    Parameters
    ----------
    folder : pathlib.Path
        A folder of packed repositories, or one of them.
    organisation : str, optional
        Under whose name alone the repositories are found; by default under every name.
    access : Access, optional
        Who may do what; by default anyone may read what is neither gated nor private.
    writable : bool
        Whether those who may write can.
    metrics : bool
        Whether the metrics of this package are there too, as spaces.

    Raises
    ------
    DataNotFoundError
        If there is no such folder.
    MlebenchError
        If it shall be written to and cannot be, or another process does so.
    """

    def __init__(
        self,
        folder: Path,
        *,
        organisation: str | None = None,
        access: Access | None = None,
        writable: bool = False,
        metrics: bool = True,
    ) -> None:
        self.store = Store(folder, organisation, metrics=metrics)
        self.access = access or Access()
        self.collections = Collections(self.store.memory / "collections.json")
        self.writer = Writer(self.store) if writable else None
        self._routes: tuple[Route, ...] = (
            *reading.ROUTES,
            *writing.ROUTES,
            *collecting.ROUTES,
        )

    def answer(self, request: Request) -> Response:
        """Answer a request.

        The body of the response is to be sent or closed by the caller.

        Raises
        ------
        ClientGoneError
            If the client went away while its request was read.
        """
        try:
            response = self._answer(request)
        except RefusedError as error:
            response = error.response()
        except IntegrityError:
            # Which file it is stands in the message that the server shows when it starts.
            problem = "What this server remembers about that is damaged. Ask whoever runs it."
            response = RefusedError(503, problem).response()
        except OSError as error:
            response = _refusal_of(error).response()
        if request.method == "HEAD":
            response.close()
        return response

    def _answer(self, request: Request) -> Response:
        if len(request.path) + len(request.query) > MAX_ADDRESS:
            raise RefusedError(414, f"An address may have {MAX_ADDRESS} characters.")
        method = "GET" if request.method == "HEAD" else request.method
        allowed = set()
        for route in self._routes:
            parts = route.match(request.path)
            if parts is None:
                continue
            if route.method == method:
                target = target_of(parts, self.access.caller(request.headers))
                return route.handler(self, request, target)
            allowed.add(route.method)
        if allowed:
            raise RefusedError(
                405,
                f"{request.method} is not possible here.",
                headers={"Allow": ", ".join(sorted(allowed))},
            )
        raise RefusedError(404, "There is nothing at this address.")

    def owns(self, path: str) -> bool:
        """Tell whether an address is about a repository that exists here."""
        for route in self._routes:
            parts = route.match(path)
            if parts is None or "name" not in parts:
                continue
            try:
                target = target_of(parts, ANYONE)
            except RefusedError:
                return False
            return self.store.find(target.kind, target.organisation, target.name) is not None
        return False

    def repository(self, target: Target, *, listed_is_enough: bool = False) -> Repository:
        """Return the repository of a request, if its sender may read it.

        Parameters
        ----------
        target : Target
            What the request names.
        listed_is_enough : bool
            Whether the request asks for nothing that a gated repository hides.

        Raises
        ------
        RefusedError
            If there is none, or the sender must not know or read it.
        """
        store, caller = self.store, target.caller
        found = store.find(target.kind, target.organisation, target.name)
        if found is None or (found.state().private and not caller.reads(found)):
            # The same words for both: nobody learns which private repositories there are.
            raise RefusedError(
                404,
                f"There is no {target.kind} {target.organisation}/{target.name} here, or this "
                "token must not see it.",
                code="RepoNotFound",
            )
        if found.state().gated and not listed_is_enough and not caller.reads(found):
            name = f"{target.organisation}/{target.name}"
            if not caller.name:
                raise RefusedError(
                    401,
                    f"Access to {target.kind} {name} is restricted. Send a token that was granted "
                    "it, for example in the environment variable HF_TOKEN.",
                    code="GatedRepo",
                )
            raise RefusedError(
                403,
                f"Access to {target.kind} {name} is restricted, and the token of {caller.name} "
                "was not granted it. Ask whoever runs this server.",
                code="GatedRepo",
            )
        return found

    def writing(self, target: Target) -> Writer:
        """Return what changes things, if the sender of a request may have things changed.

        Raises
        ------
        RefusedError
            If they may not, or nobody may.
        """
        if self.writer is None:
            raise RefusedError(
                403, "This server only reads. Start it with `mlebench serve --writable`."
            )
        if not target.caller.name:
            raise RefusedError(
                401, "Changes need a token, for example in the environment variable HF_TOKEN."
            )
        if target.caller.role == "read":
            raise RefusedError(403, f"The token of {target.caller.name} may only read.")
        return self.writer

    def close(self) -> None:
        """Let another process write to the folder."""
        if self.writer is not None:
            self.writer.close()


def _refusal_of(error: OSError) -> RefusedError:
    """Return what a client is told about a failure of the disk."""
    if error.errno in _FULL:
        return RefusedError(507, "The disk of this server is full. Make room, then try again.")
    if error.errno in _NOWHERE:
        return RefusedError(404, "There is no such file here.", code="EntryNotFound")
    if error.errno in (errno.EACCES, errno.EPERM):
        return RefusedError(403, "This server may not read or write that file itself.")
    raise error
