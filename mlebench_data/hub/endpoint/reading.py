"""Requests that read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlebench_data.hub.endpoint.descriptions import (
    describe_file,
    describe_folder,
    describe_repository,
    folders_of,
    last_commit,
    summarise_repository,
)
from mlebench_data.hub.endpoint.downloads import download
from mlebench_data.hub.endpoint.messages import (
    RefusedError,
    Request,
    Response,
    json_response,
    parse_json,
)
from mlebench_data.hub.endpoint.names import MAIN
from mlebench_data.hub.endpoint.routes import Route, Target
from mlebench_data.hub.layout import ORGANISATION

if TYPE_CHECKING:
    from mlebench_data.hub.endpoint.core import Endpoint


def _front_page(endpoint: Endpoint, request: Request, target: Target) -> Response:
    organisation = endpoint.store.organisation or ORGANISATION
    lines = [
        "Datasets for HF_ENDPOINT:",
        "",
        f"export HF_ENDPOINT={request.base_url}",
        "",
        *(
            f"{organisation}/{repository.name}"
            for repository in endpoint.store.all("dataset")
            if not repository.state().private
        ),
        "",
    ]
    text = "\n".join(lines)
    return Response(200, {"Content-Type": "text/plain; charset=utf-8"}, text.encode())


def _no_harnesses(endpoint: Endpoint, request: Request, target: Target) -> Response:
    """Clients ask for this list once a day; a refusal would show up in logs as an error."""
    return json_response({"harnesses": {}, "standardEnvVars": []})


def _whoami(endpoint: Endpoint, request: Request, target: Target) -> Response:
    caller = target.caller
    if not caller.name:
        raise RefusedError(401, "Send a token to be told whose it is.")
    organisation = endpoint.store.organisation or ORGANISATION
    return json_response(
        {
            "type": "user",
            "id": caller.name,
            "name": caller.name,
            "fullname": caller.name,
            "orgs": [{"type": "org", "id": organisation, "name": organisation}],
            "auth": {
                "type": "access_token",
                "accessToken": {"displayName": caller.name, "role": caller.role},
            },
        }
    )


def _list(endpoint: Endpoint, request: Request, target: Target) -> Response:
    parameters = request.parameters()
    organisation = endpoint.store.organisation or ORGANISATION
    author = parameters.get("author", [organisation])[-1]
    if endpoint.store.organisation not in (None, author):
        return json_response([])
    words = [word.lower() for word in parameters.get("search", [])]
    limit = parameters.get("limit", [""])[-1]
    found: list[dict[str, Any]] = []
    for repository in endpoint.store.all(target.kind):
        if limit.isascii() and limit.isdigit() and len(found) >= int(limit[:9]):
            break
        if repository.state().private and not target.caller.reads(repository):
            continue
        if all(word in f"{author}/{repository.name}".lower() for word in words):
            found.append(summarise_repository(repository, author, repository.head()))
    return json_response(found)


def _info(endpoint: Endpoint, request: Request, target: Target) -> Response:
    repository = endpoint.repository(target, listed_is_enough=True)
    tree = repository.tree(target.revision or MAIN)
    if repository.state().gated and not target.caller.reads(repository):
        # Which files a gated repository has is no secret on the Hub either, but ours may be
        # anything.
        return json_response(summarise_repository(repository, target.organisation, tree))
    blobs = request.flag("blobs")
    return json_response(
        describe_repository(repository, target.organisation, tree, blobs=blobs),
    )


def _auth_check(endpoint: Endpoint, request: Request, target: Target) -> Response:
    endpoint.repository(target)
    return json_response({})


def _refs(endpoint: Endpoint, request: Request, target: Target) -> Response:
    repository = endpoint.repository(target)
    head = repository.head().commit
    return json_response(
        {
            "branches": [{"name": MAIN, "ref": f"refs/heads/{MAIN}", "targetCommit": head}],
            "converts": [],
            "pullRequests": [],
            "tags": [
                {"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": commit}
                for tag, commit in sorted(repository.tags().items())
            ],
        }
    )


def _commits(endpoint: Endpoint, request: Request, target: Target) -> Response:
    repository = endpoint.repository(target)
    tree = repository.tree(target.revision or MAIN)
    facts = last_commit(repository, tree)
    return json_response([{**facts, "message": "", "authors": []}])


def _tree(endpoint: Endpoint, request: Request, target: Target) -> Response:
    repository = endpoint.repository(target)
    tree = repository.tree(target.revision)
    top = target.path.strip("/")
    folders = folders_of(tree)
    if top and top not in folders:
        raise RefusedError(
            404,
            f"There is no folder {top!r} in this commit.",
            code="EntryNotFound",
            headers={"X-Repo-Commit": tree.commit},
        )
    prefix = f"{top}/" if top else ""
    recursive = request.flag("recursive")

    def listed(path: str) -> bool:
        return path.startswith(prefix) and (recursive or "/" not in path.removeprefix(prefix))

    rows = [describe_folder(path) for path in sorted(folders) if listed(path)]
    rows += [describe_file(tree, entry) for path, entry in tree.entries.items() if listed(path)]
    if request.flag("expand"):
        commit = last_commit(repository, tree)
        rows = [{**row, "lastCommit": commit} for row in rows]
    answer = json_response(rows)
    answer.headers["X-Repo-Commit"] = tree.commit
    return answer


def _paths_info(endpoint: Endpoint, request: Request, target: Target) -> Response:
    repository = endpoint.repository(target)
    tree = repository.tree(target.revision)
    if request.headers.get("content-type", "").startswith("application/json"):
        content = parse_json(request.content())
        content = content if isinstance(content, dict) else {}
        paths, expand = content.get("paths"), content.get("expand") is True
    else:
        form = request.form()
        paths, expand = form.get("paths", []), form.get("expand", [""])[-1].lower() == "true"
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise RefusedError(400, "Send 'paths', a list of paths.")
    folders = folders_of(tree)
    rows = []
    for path in (path.strip("/") for path in paths):
        if path in tree.entries:
            rows.append(describe_file(tree, tree.entries[path]))
        elif path in folders:
            rows.append(describe_folder(path))
    if expand:
        commit = last_commit(repository, tree)
        rows = [{**row, "lastCommit": commit} for row in rows]
    return json_response(rows)


def _resolve(endpoint: Endpoint, request: Request, target: Target) -> Response:
    repository = endpoint.repository(target)
    tree = repository.tree(target.revision)
    try:
        return download(request, tree, target.path)
    except RefusedError as error:
        if error.code != "EntryNotFound" or target.path not in tree.entries:
            raise
    # It was listed a moment ago, so another tree has taken the place of that one.
    return download(request, repository.tree(target.revision), target.path)


def _no_xet(endpoint: Endpoint, request: Request, target: Target) -> Response:
    raise RefusedError(
        404,
        "This endpoint stores files as they are and knows no xet. Set HF_HUB_DISABLE_XET=1 to "
        "upload large files to it.",
    )


_REPOSITORY = "/api/{kinds}/{organisation}/{name}"

ROUTES = (
    Route("GET", "/", _front_page),
    Route("GET", "/api/agent-harnesses", _no_harnesses),
    Route("GET", "/api/whoami-v2", _whoami),
    Route("GET", "/api/{kinds}", _list),
    Route("GET", _REPOSITORY, _info),
    Route("GET", f"{_REPOSITORY}/revision/{{revision}}", _info),
    Route("GET", f"{_REPOSITORY}/auth-check", _auth_check),
    Route("GET", f"{_REPOSITORY}/refs", _refs),
    Route("GET", f"{_REPOSITORY}/commits/{{revision}}", _commits),
    Route("GET", f"{_REPOSITORY}/tree/{{revision}}", _tree),
    Route("GET", f"{_REPOSITORY}/tree/{{revision}}/{{path}}", _tree),
    Route("POST", f"{_REPOSITORY}/paths-info/{{revision}}", _paths_info),
    Route("GET", f"{_REPOSITORY}/xet-write-token/{{revision}}", _no_xet),
    Route("GET", f"{_REPOSITORY}/xet-read-token/{{revision}}", _no_xet),
    Route("GET", "/{kinds}/{organisation}/{name}/resolve/{revision}/{path}", _resolve),
    Route("GET", "/{organisation}/{name}/resolve/{revision}/{path}", _resolve),
)
