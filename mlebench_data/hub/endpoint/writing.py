"""Requests that change something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlebench_data.hub.endpoint.commit_body import LARGEST_INLINE, read_commit
from mlebench_data.hub.endpoint.descriptions import parse_front_matter
from mlebench_data.hub.endpoint.messages import (
    RefusedError,
    Request,
    Response,
    json_response,
    text_of,
)
from mlebench_data.hub.endpoint.names import KINDS, MAIN, Kind, is_accepted
from mlebench_data.hub.endpoint.routes import Route, Target
from mlebench_data.hub.endpoint.store import Repository
from mlebench_data.hub.endpoint.uploads import ASKS_FOR_IT, BESIDE, OBJECT
from mlebench_data.hub.layout import ORGANISATION

if TYPE_CHECKING:
    from mlebench_data.hub.endpoint.core import Endpoint


def _create(endpoint: Endpoint, request: Request, target: Target) -> Response:
    writer = endpoint.writing(target)
    content = request.json()
    kind, organisation = _kind(content), _organisation(endpoint, content)
    name = text_of(content, "name")
    url = _url(request, kind, organisation, name)
    try:
        writer.create(kind, name, private=_private(content) or False)
    except RefusedError as error:
        # Whoever does not mind that it exists wants to know where.
        error.content["url"] = url
        raise
    return json_response({"url": url, "name": name})


def _delete(endpoint: Endpoint, request: Request, target: Target) -> Response:
    writer = endpoint.writing(target)
    if target.caller.role != "admin":
        raise RefusedError(403, f"The token of {target.caller.name} may not delete repositories.")
    content = request.json()
    named = Target(
        kind=_kind(content),
        organisation=_organisation(endpoint, content),
        name=text_of(content, "name"),
        caller=target.caller,
    )
    writer.delete(_own(endpoint, named))
    return json_response({})


def _settings(endpoint: Endpoint, request: Request, target: Target) -> Response:
    writer = endpoint.writing(target)
    repository = _own(endpoint, target)
    content = request.json()
    changes: dict[str, Any] = {}
    private = _private(content)
    if private is not None:
        changes["private"] = private
    if "gated" in content:
        if content["gated"] not in (False, "auto", "manual"):
            raise RefusedError(400, '\'gated\' must be false, "auto" or "manual".')
        changes["gated"] = content["gated"]
    writer.change(repository, **changes)
    return json_response(changes)


def _tag(endpoint: Endpoint, request: Request, target: Target) -> Response:
    writer = endpoint.writing(target)
    repository = _own(endpoint, target)
    writer.tag(repository, text_of(request.json(), "tag"), target.revision)
    return json_response({})


def _untag(endpoint: Endpoint, request: Request, target: Target) -> Response:
    writer = endpoint.writing(target)
    writer.untag(_own(endpoint, target), target.revision)
    return json_response({})


def _no_branches(endpoint: Endpoint, request: Request, target: Target) -> Response:
    raise RefusedError(400, f"This server has the branch {MAIN!r} alone. Use tags.")


def _validate_card(endpoint: Endpoint, request: Request, target: Target) -> Response:
    problem = parse_front_matter(text_of(request.json(), "content"))[1]
    errors = [] if problem is None else [{"message": problem}]
    return json_response({"errors": errors, "warnings": []}, status=400 if errors else 200)


def _preupload(endpoint: Endpoint, request: Request, target: Target) -> Response:
    endpoint.writing(target)
    repository = _own(endpoint, target)
    _only_main(request, target)
    head = repository.head()
    files = request.json().get("files")
    if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
        raise RefusedError(400, "Send 'files', a list of objects.")
    asked = all(request.headers.get(name.lower()) == text for name, text in ASKS_FOR_IT.items())
    largest = BESIDE if asked else LARGEST_INLINE
    rows = []
    for file in files:
        path, size = text_of(file, "path"), file.get("size")
        if not isinstance(size, int):
            raise RefusedError(400, f"{path!r} needs a 'size'.")
        hidden = any(part.startswith(".") for part in path.split("/"))
        if not hidden and not is_accepted(path):
            raise RefusedError(400, f"A repository cannot have a file {path!r}.")
        row: dict[str, Any] = {
            "path": path,
            "uploadMode": "regular" if size <= largest else "lfs",
            "shouldIgnore": hidden,
        }
        present = head.entries.get(path)
        # With this the client finds out that it need not send what is here already.
        if present is not None and present.size == size:
            regular = row["uploadMode"] == "regular"
            row["oid"] = head.blob(present) if regular else head.sha256(present)
        rows.append(row)
    return json_response({"files": rows, "commitOid": head.commit})


def _commit(endpoint: Endpoint, request: Request, target: Target) -> Response:
    writer = endpoint.writing(target)
    repository = _own(endpoint, target)
    _only_main(request, target)
    with writer.committer.staging() as staging:
        incoming = staging / "incoming"
        incoming.mkdir()
        body = read_commit(request.body, incoming)
        commit = writer.committer.commit(repository, body, staging)
    url = _url(request, target.kind, target.organisation, target.name)
    return json_response(
        {"success": True, "commitOid": commit, "commitUrl": f"{url}/commit/{commit}"}
    )


def _batch(endpoint: Endpoint, request: Request, target: Target) -> Response:
    writer = endpoint.writing(target)
    repository = _own(endpoint, target)
    content = request.json()
    objects = content.get("objects")
    if content.get("operation") != "upload" or not isinstance(objects, list):
        raise RefusedError(400, "Send the operation 'upload' and a list of 'objects'.")
    head = repository.head()
    rows = []
    for item in objects:
        oid = item.get("oid") if isinstance(item, dict) else None
        size = item.get("size") if isinstance(item, dict) else None
        if not isinstance(oid, str) or not OBJECT.fullmatch(oid):
            raise RefusedError(400, "Each object needs an 'oid', the SHA-256 of its content.")
        if not isinstance(size, int) or not 0 <= size < 10**18:
            raise RefusedError(400, "Each object needs a 'size'.")
        row: dict[str, Any] = {"oid": oid, "size": size}
        if writer.uploads.path(oid) is None and head.with_digest(oid) is None:
            place = f"{request.base_url}/api/lfs/{oid}"
            row["actions"] = {
                "upload": {"href": f"{place}?{writer.uploads.sign(oid, size)}"},
                "verify": {"href": f"{place}/verify"},
            }
        rows.append(row)
    answer = json_response({"transfer": "basic", "objects": rows})
    answer.headers["Content-Type"] = "application/vnd.git-lfs+json"
    return answer


def _receive(endpoint: Endpoint, request: Request, target: Target) -> Response:
    writer = endpoint.writer
    if writer is None or not OBJECT.fullmatch(target.item):
        raise RefusedError(404, "There is nothing at this address.")
    # The address itself is the permission.
    size = writer.uploads.check(target.item, request.parameters())
    writer.uploads.receive(target.item, size, request.body)
    return json_response({})


def _verify(endpoint: Endpoint, request: Request, target: Target) -> Response:
    writer = endpoint.writing(target)
    path = writer.uploads.path(target.item)
    if path is None or path.stat().st_size != request.json().get("size"):
        raise RefusedError(404, "This file was not uploaded.", code="EntryNotFound")
    return json_response({})


def _own(endpoint: Endpoint, target: Target) -> Repository:
    """Return a repository that can be changed."""
    repository = endpoint.repository(target)
    if repository.links_within is not None:
        raise RefusedError(
            404,
            f"{target.name} is a metric of the installed package. Create a space of this name to "
            "put another in its place.",
            code="RepoNotFound",
        )
    return repository


def _only_main(request: Request, target: Target) -> None:
    if target.revision != MAIN or request.flag("create_pr"):
        raise RefusedError(400, f"Changes go to {MAIN!r} alone: there are no other branches here.")


def _kind(content: dict[str, Any]) -> Kind:
    kind = text_of(content, "type", "model")
    for known in KINDS.values():
        if known == kind:
            return known
    raise RefusedError(400, f"There are no repositories of the type {kind!r} here.")


def _organisation(endpoint: Endpoint, content: dict[str, Any]) -> str:
    ours = endpoint.store.organisation
    organisation = text_of(content, "organization", ours or ORGANISATION)
    if ours not in (None, organisation):
        raise RefusedError(403, f"This server has repositories of {ours} alone.")
    return organisation


def _private(content: dict[str, Any]) -> bool | None:
    """Return what a request says about visibility, in the old words or the new ones."""
    if content.get("visibility") is not None:
        return text_of(content, "visibility") != "public"
    return bool(content["private"]) if content.get("private") is not None else None


def _url(request: Request, kind: Kind, organisation: str, name: str) -> str:
    prefix = {known: f"{plural}/" for plural, known in KINDS.items()} | {"model": ""}
    return f"{request.base_url}/{prefix[kind]}{organisation}/{name}"


_REPOSITORY = "/api/{kinds}/{organisation}/{name}"
_BATCH = "{organisation}/{name}.git/info/lfs/objects/batch"

ROUTES = (
    Route("POST", "/api/repos/create", _create),
    Route("DELETE", "/api/repos/delete", _delete),
    Route("POST", "/api/validate-yaml", _validate_card),
    Route("PUT", f"{_REPOSITORY}/settings", _settings),
    Route("POST", f"{_REPOSITORY}/tag/{{revision}}", _tag),
    Route("DELETE", f"{_REPOSITORY}/tag/{{revision}}", _untag),
    Route("POST", f"{_REPOSITORY}/branch/{{revision}}", _no_branches),
    Route("POST", f"{_REPOSITORY}/preupload/{{revision}}", _preupload),
    Route("POST", f"{_REPOSITORY}/commit/{{revision}}", _commit),
    Route("POST", f"/{{kinds}}/{_BATCH}", _batch),
    Route("POST", f"/{_BATCH}", _batch),
    Route("PUT", "/api/lfs/{item}", _receive),
    Route("POST", "/api/lfs/{item}/verify", _verify),
)
