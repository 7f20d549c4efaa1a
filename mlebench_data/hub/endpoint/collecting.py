"""Requests about collections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlebench_data.hub.endpoint.messages import (
    RefusedError,
    Request,
    Response,
    json_response,
    text_of,
)
from mlebench_data.hub.endpoint.routes import Route, Target

if TYPE_CHECKING:
    from mlebench_data.hub.endpoint.core import Endpoint


def _visible(endpoint: Endpoint, target: Target) -> list[dict[str, Any]]:
    return [
        collection
        for collection in endpoint.collections.all()
        if not collection["private"] or target.caller.role != "read"
    ]


def _list(endpoint: Endpoint, request: Request, target: Target) -> Response:
    owners = request.parameters().get("owner")
    found = [
        # The client counts them itself.
        {key: value for key, value in collection.items() if key != "position"}
        for collection in _visible(endpoint, target)
        if owners is None or collection["owner"] in owners
    ]
    return json_response(found)


def _get(endpoint: Endpoint, request: Request, target: Target) -> Response:
    slug = f"{target.organisation}/{target.item}"
    for collection in _visible(endpoint, target):
        if collection["slug"] == slug:
            return json_response(collection)
    raise RefusedError(404, f"There is no collection {slug!r}.", code="RepoNotFound")


def _create(endpoint: Endpoint, request: Request, target: Target) -> Response:
    endpoint.writing(target)
    content = request.json()
    owner = text_of(content, "namespace")
    if endpoint.store.organisation not in (None, owner):
        raise RefusedError(403, f"This server has collections of {endpoint.store.organisation}.")
    collection = endpoint.collections.create(
        owner,
        text_of(content, "title"),
        text_of(content, "description", ""),
        private=content.get("private") is True,
    )
    return json_response(collection)


def _delete(endpoint: Endpoint, request: Request, target: Target) -> Response:
    endpoint.writing(target)
    endpoint.collections.delete(f"{target.organisation}/{target.item}")
    return json_response({})


def _add(endpoint: Endpoint, request: Request, target: Target) -> Response:
    endpoint.writing(target)
    content = request.json()
    item = content.get("item")
    if not isinstance(item, dict):
        raise RefusedError(400, "Send 'item', an object with 'id' and 'type'.")
    note = text_of(content, "note", "") or None
    slug = f"{target.organisation}/{target.item}"
    kind, name = text_of(item, "type"), text_of(item, "id")
    return json_response(endpoint.collections.add(slug, kind, name, note))


def _remove(endpoint: Endpoint, request: Request, target: Target) -> Response:
    endpoint.writing(target)
    slug = f"{target.organisation}/{target.item}"
    return json_response(endpoint.collections.remove(slug, target.name))


_COLLECTION = "/api/collections/{organisation}/{item}"

ROUTES = (
    Route("GET", "/api/collections", _list),
    Route("POST", "/api/collections", _create),
    Route("GET", _COLLECTION, _get),
    Route("DELETE", _COLLECTION, _delete),
    Route("POST", f"{_COLLECTION}/items", _add),
    Route("DELETE", f"{_COLLECTION}/items/{{name}}", _remove),
)
