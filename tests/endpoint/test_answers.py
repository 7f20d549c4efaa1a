"""The endpoint itself, without a server."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from repositories import ODD_NAME, SEALED, files_of, write, write_repository

from mlebench_data.errors import DataNotFoundError, IntegrityError, MlebenchError
from mlebench_data.hub.endpoint.access import OWNER, Access, Caller, add_token, read_tokens
from mlebench_data.hub.endpoint.core import Endpoint
from mlebench_data.hub.endpoint.messages import FileBody, Request, Response
from mlebench_data.hub.repository import commit_of

CARD = "/datasets/mlebench/cats/resolve/main/README.md"
# Longer than anything that stands there by chance.
SECRET = b"not for anybody else"


class Admin(Access):
    """Everyone may do everything."""

    def __init__(self) -> None:
        super().__init__(default=Caller("tester", "admin"))


def content_of(response: Response) -> bytes:
    if isinstance(response.body, FileBody):
        return b"".join(response.body.chunks())
    return response.body


def ask(
    endpoint: Endpoint, path: str, method: str = "GET", body: bytes = b"", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and content of an answer."""
    path, _, query = path.partition("?")
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    response = endpoint.answer(
        Request(method, path, query, names, [body] if body else [], "http://hub")
    )
    content = b"" if method == "HEAD" else content_of(response)
    return response.status, response.headers, content


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Repositories among much that must not be served."""
    top = tmp_path_factory.mktemp("answers")
    folder = top / "hub"
    write_repository(folder / "cats")
    write_repository(folder / "cats-private")
    write(top / "outside.txt", SECRET)
    write(folder / "loose.txt", SECRET)
    write(folder / ".mlebench/secret.txt", SECRET)
    write(folder / "cats/.hidden", SECRET)
    write(folder / "cats/.git/config", SECRET)
    write(folder / "cats/private/answers.csv", SECRET)
    write(folder / "prepared/private/answers.csv", SECRET)
    write(folder / "prepared/manifest.json", b'{"competition": "prepared"}')
    write(folder / "plain/answers.csv", SECRET)
    (folder / "cats/link.txt").symlink_to(top / "outside.txt")
    (folder / "cats/up").symlink_to(top)
    (folder / "linked").symlink_to(folder / "cats")
    write(top / "elsewhere/trick/trick.py", SECRET)
    (folder / "spaces").symlink_to(top / "elsewhere")
    os.mkfifo(folder / "cats/pipe")
    return folder


@pytest.fixture(scope="module")
def endpoint(folder: Path) -> Endpoint:
    return Endpoint(folder)


@pytest.fixture
def writable(tmp_path: Path) -> Endpoint:
    folder = tmp_path / "hub"
    folder.mkdir()
    return Endpoint(folder, access=Admin(), writable=True)


def test_only_the_packed_files_are_there(endpoint: Endpoint, folder: Path) -> None:
    status, _, content = ask(endpoint, "/api/datasets/mlebench/cats/tree/main?recursive=true")
    paths = {row["path"] for row in json.loads(content) if row["type"] == "file"}
    assert status == 200
    assert paths == set(files_of(folder / "cats")) - {"private/answers.csv", "link.txt"}
    status, _, content = ask(endpoint, "/api/datasets")
    assert [row["id"] for row in json.loads(content)] == ["mlebench/cats", "mlebench/cats-private"]


@pytest.mark.parametrize(
    "path",
    [
        "/datasets/mlebench/cats/resolve/main/../outside.txt",
        "/datasets/mlebench/cats/resolve/main/..%2f..%2foutside.txt",
        "/datasets/mlebench/cats/resolve/main/%2e%2e/%2e%2e/outside.txt",
        "/datasets/mlebench/cats/resolve/main/%252e%252e/outside.txt",
        "/datasets/mlebench/cats/resolve/main//etc/passwd",
        "/datasets/mlebench/cats/resolve/main/link.txt",
        "/datasets/mlebench/cats/resolve/main/up/outside.txt",
        "/datasets/mlebench/cats/resolve/main/pipe",
        "/datasets/mlebench/cats/resolve/main/.hidden",
        "/datasets/mlebench/cats/resolve/main/.git/config",
        "/datasets/mlebench/cats/resolve/main/private/answers.csv",
        "/datasets/mlebench/cats/resolve/main/README.md%00.txt",
        "/datasets/mlebench/cats/resolve/main/files",
        "/datasets/mlebench/cats/resolve/main/" + "a/" * 3000 + "b",
        "/datasets/mlebench/cats/resolve/main/" + "a" * 5000,
        "/datasets/mlebench/..%2f..%2f/resolve/main/outside.txt",
        "/datasets/mlebench/../resolve/main/loose.txt",
        "/datasets/mlebench/.mlebench/resolve/main/secret.txt",
        "/datasets/mlebench/prepared/resolve/main/private/answers.csv",
        "/datasets/mlebench/plain/resolve/main/answers.csv",
        "/datasets/mlebench/linked/resolve/main/README.md",
        "/datasets/mlebench/cats/resolve/..%2f..%2fcats/README.md",
        "/spaces/mlebench/trick/resolve/main/trick.py",
        "/spaces/mlebench/_shared/resolve/main/tokens.py",
        "/spaces/mlebench/rmse/resolve/main/..%2fregistry.py",
        "/spaces/mlebench/rmse/resolve/main/__pycache__/rmse.cpython-311.pyc",
        "/mlebench/cats/resolve/main/README.md",
        "/datasets/mlebench/cats-private/resolve/main/manifest.json",
        "/api/datasets/mlebench/cats/tree/main/..%2f..",
        "/%ff%fe",
        "/datasets/mlebench/cats/resolve/main/%ff",
        "//////",
        "",
        "*",
    ],
)
def test_no_path_leaves_the_repositories(endpoint: Endpoint, path: str) -> None:
    status, headers, content = ask(endpoint, path)
    assert 400 <= status < 500
    assert SECRET not in content and b"root:" not in content
    assert headers["X-Error-Message"].isprintable()


@pytest.mark.parametrize(
    ("asked", "status", "first", "last"),
    [
        ("bytes=0-0", 206, 0, 1),
        ("bytes=3-9", 206, 3, 10),
        ("bytes=10-", 206, 10, None),
        ("bytes=-4", 206, -4, None),
        ("bytes=-99999999", 206, 0, None),
        ("bytes=5-99999999", 206, 5, None),
        ("bytes=0-1,4-5", 200, 0, None),
        ("bytes=9-3", 200, 0, None),
        ("bytes=-", 200, 0, None),
        ("bytes=a-b", 200, 0, None),
        ("lines=1-2", 200, 0, None),
        ("", 200, 0, None),
        ("bytes=" + "9" * 40 + "-", 200, 0, None),
        ("bytes=٣-٤", 200, 0, None),
        ("bytes=99999999-", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
    ],
)
def test_ranges(
    endpoint: Endpoint, folder: Path, asked: str, status: int, first: int, last: int | None
) -> None:
    whole = (folder / "cats/README.md").read_bytes()
    code, headers, content = ask(endpoint, CARD, range=asked)
    assert code == status
    if status == 416:
        assert headers["Content-Range"] == f"bytes */{len(whole)}"
        return
    assert content == whole[first:last]
    if status == 206:
        start = first % len(whole)
        expected = f"bytes {start}-{start + len(content) - 1}/{len(whole)}"
        assert headers["Content-Range"] == expected


def test_conditions(endpoint: Endpoint, folder: Path) -> None:
    whole = (folder / "cats/README.md").read_bytes()
    _, headers, _ = ask(endpoint, CARD)
    tag = headers["ETag"]
    for given_tag in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        assert ask(endpoint, CARD, if_none_match=given_tag)[0] == 304
    assert ask(endpoint, CARD, if_none_match='"other"')[2] == whole
    assert ask(endpoint, CARD, range="bytes=0-2", if_range=tag)[2] == whole[:3]
    assert ask(endpoint, CARD, range="bytes=0-2", if_range='"other"')[2] == whole


def test_head_announces_the_length(endpoint: Endpoint, folder: Path) -> None:
    response = endpoint.answer(Request("HEAD", CARD))
    assert response.length == (folder / "cats/README.md").stat().st_size
    assert isinstance(response.body, FileBody) and response.body.file.closed
    assert response.headers["X-Repo-Commit"] == commit_of(folder / "cats")
    assert not any(name.lower().startswith("x-xet") for name in response.headers)


def test_listed_files_go_by_their_sha256(endpoint: Endpoint, folder: Path) -> None:
    listed = json.loads((folder / "cats/manifest.json").read_text())["contents"][0]
    path = f"/datasets/mlebench/cats/resolve/v1/{listed['path']}"
    _, headers, _ = ask(endpoint, path, "HEAD")
    assert headers["ETag"] == headers["X-Linked-ETag"] == f'"{listed["sha256"]}"'
    assert headers["X-Linked-Size"] == str(listed["size"])


def test_paths_info(endpoint: Endpoint) -> None:
    path = "/api/datasets/mlebench/cats/paths-info/main"
    for body, kind in (
        (b"paths=README.md&paths=data&paths=nothing", "application/x-www-form-urlencoded"),
        (b'{"paths": ["README.md", "data", "nothing"]}', "application/json"),
    ):
        status, _, content = ask(endpoint, path, "POST", body, content_type=kind)
        assert status == 200
        assert [row["path"] for row in json.loads(content)] == ["README.md", "data"]


def test_one_organisation_alone(folder: Path) -> None:
    endpoint = Endpoint(folder, organisation="ours")
    assert ask(endpoint, "/datasets/ours/cats/resolve/main/README.md")[0] == 200
    assert ask(endpoint, CARD)[1]["X-Error-Code"] == "RepoNotFound"
    assert json.loads(ask(endpoint, "/api/datasets?author=mlebench")[2]) == []


def test_odd_names(endpoint: Endpoint, folder: Path) -> None:
    from urllib.parse import quote

    status, _, content = ask(
        endpoint, f"/datasets/mlebench/cats/resolve/main/{quote(ODD_NAME, safe='')}"
    )
    assert (status, content) == (200, (folder / "cats" / ODD_NAME).read_bytes())


def test_owner_reads_gated_repositories(folder: Path) -> None:
    endpoint = Endpoint(folder, access=Access(default=OWNER))
    path = "/datasets/mlebench/cats-private/resolve/main/private/answers-00000-of-00001.parquet"
    assert ask(endpoint, path)[2] == SEALED


def test_gated_files_are_hidden_from_descriptions(endpoint: Endpoint) -> None:
    _, _, content = ask(endpoint, "/api/datasets/mlebench/cats-private")
    assert "siblings" not in json.loads(content)


def test_what_is_packed_anew_is_served_anew(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    write_repository(folder / "cats")
    endpoint = Endpoint(folder)
    first = ask(endpoint, CARD)[1]["X-Repo-Commit"]
    (folder / "cats/README.md").write_text("changed in place")
    status, headers, content = ask(endpoint, CARD)
    assert (status, content) == (200, b"changed in place")
    assert headers["X-Repo-Commit"] == commit_of(folder / "cats") != first
    (folder / "cats").rename(folder / "dogs")
    assert ask(endpoint, CARD)[0] == 404
    assert ask(endpoint, CARD.replace("cats", "dogs"))[0] == 200
    # A revision that was served is not made up of other files later.
    old = CARD.replace("cats", "dogs").replace("main", first)
    assert ask(endpoint, old)[1]["X-Error-Code"] == "RevisionNotFound"


def test_truncated_while_it_is_sent(tmp_path: Path) -> None:
    path = write(tmp_path / "file", b"short")
    with pytest.raises(OSError, match="became shorter"):
        list(FileBody(path.open("rb"), 0, 10).chunks())


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="is no folder"):
        Endpoint(tmp_path / "nothing")


def test_damaged_state_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    write_repository(folder / "cats")
    write(folder / ".mlebench/repositories/datasets/cats/state.json", b"{")
    endpoint = Endpoint(folder)
    assert ask(endpoint, CARD)[0] == 503
    with pytest.raises(IntegrityError, match=r"state\.json is damaged"):
        Endpoint(folder, writable=True)


@pytest.mark.parametrize(
    "line", ["a write", "a owner " + "0" * 64, "a read 123", "a read " + "0" * 64 + " x y"]
)
def test_malformed_token_file(tmp_path: Path, line: str) -> None:
    path = write(tmp_path / "tokens", f"# good\n\n{line}\n".encode())
    with pytest.raises(MlebenchError, match="line 3") as caught:
        read_tokens(path)
    assert line not in str(caught.value)


def test_tokens(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    first = add_token(path, "one", "read", "a,b*")
    second = add_token(path, "two", "admin")
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text()
    assert first not in text and second not in text
    access = Access(path)
    assert access.caller({"authorization": f"Bearer {first}"}) == Caller("one", "read", ("a", "b*"))
    third = add_token(path, "three", "write")
    assert access.caller({"authorization": f"bearer {third}"}).name == "three"
    for name, role in (("a b", "read"), ("#a", "read"), ("", "read"), ("a", "owner")):
        with pytest.raises(MlebenchError, match="A token needs"):
            add_token(path, name, role)


def test_one_writer_at_a_time(writable: Endpoint) -> None:
    folder = writable.store.folder
    with pytest.raises(MlebenchError, match="Another server"):
        Endpoint(folder, writable=True)
    writable.close()
    Endpoint(folder, writable=True).close()


def test_one_repository_is_not_written_to(folder: Path) -> None:
    with pytest.raises(MlebenchError, match="the folder above"):
        Endpoint(folder / "cats", writable=True)


PIECES = [
    "api",
    "datasets",
    "spaces",
    "models",
    "mlebench",
    "cats",
    "rmse",
    "resolve",
    "tree",
    "main",
    "v1",
    "refs",
    "revision",
    "collections",
    "lfs",
    "0" * 64,
    "verify",
    "README.md",
    "private",
    "..",
    ".",
    "",
    "%2e%2e",
    "%2f",
    "%00",
    "%5c",
    "\\",
    "%ff",
    "é",
    "a" * 300,
    "cats.git",
    "info",
    "objects",
    "batch",
    "commit",
    "preupload",
    "tag",
    "settings",
    "paths-info",
    "repos",
    "create",
    "delete",
    "whoami-v2",
    "validate-yaml",
    ".mlebench",
    "cats-private",
]
PATHS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=9).map(lambda parts: "/" + "/".join(parts)),
    st.tuples(
        st.sampled_from(
            [
                "/datasets/mlebench/cats/resolve/main/",
                "/api/datasets/mlebench/cats/tree/",
                "/api/datasets/mlebench/",
                "/api/collections/",
            ]
        ),
        st.text(max_size=40),
    ).map("".join),
    st.text(max_size=60),
)
QUERIES = st.one_of(
    st.sampled_from(["recursive=true&expand=1", "limit=²", "limit=99999999999", "size=9&until=x"]),
    st.text(max_size=30),
)
HEADERS = st.dictionaries(
    st.sampled_from(["range", "if-none-match", "if-range", "authorization", "content-type"]),
    st.one_of(
        st.text(max_size=30),
        st.sampled_from(["bytes=0-", "bytes=-1", "Bearer x", "application/json", "bearer é"]),
    ),
)
FIELDS = (
    *("key", "value", "path", "content", "files", "objects", "oid", "size", "operation", "name"),
    *("type", "tag", "paths", "item", "id", "title", "namespace", "gated", "visibility"),
    *("private", "summary", "encoding"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
BODIES = st.one_of(
    st.binary(max_size=40),
    JSON.map(lambda content: json.dumps(content).encode()),
    st.lists(JSON, max_size=3).map(
        lambda lines: b"\n".join(
            json.dumps({"key": "file", "value": line}).encode() for line in lines
        )
    ),
    st.just(b"[" * 100_000),
)
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "FOO"])


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Any]:
    top = tmp_path_factory.mktemp("fuzzed")
    write_repository(top / "hub/cats")
    write_repository(top / "hub/cats-private")
    write(top / "outside.txt", SECRET)
    endpoint = Endpoint(top / "hub", access=Admin(), writable=True)

    def state() -> tuple[Endpoint, set[str]]:
        return endpoint, {path.name for path in top.iterdir()}

    return state


@given(METHODS, PATHS, QUERIES, HEADERS, BODIES)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_request_breaks_it(
    fuzzed: Callable[[], Any],
    method: str,
    path: str,
    query: str,
    headers: dict[str, str],
    body: bytes,
) -> None:
    endpoint, _ = fuzzed()
    response = endpoint.answer(Request(method, path, query, headers, [body], "http://hub"))
    content = b"" if method == "HEAD" else content_of(response)
    assert 200 <= response.status < 500
    assert SECRET not in content
    for name, value in response.headers.items():
        assert (name + value).isascii() and (name + value).isprintable()
    assert fuzzed()[1] == {"hub", "outside.txt"}


PLACES = [
    ("POST", "/api/repos/create"),
    ("DELETE", "/api/repos/delete"),
    ("POST", "/api/validate-yaml"),
    ("PUT", "/api/datasets/mlebench/cats/settings"),
    ("POST", "/api/datasets/mlebench/cats/tag/main"),
    ("POST", "/api/datasets/mlebench/cats/preupload/main"),
    ("POST", "/api/datasets/mlebench/cats/commit/main"),
    ("POST", "/api/datasets/mlebench/cats/paths-info/main"),
    ("POST", "/datasets/mlebench/cats.git/info/lfs/objects/batch"),
    ("PUT", "/api/lfs/" + "0" * 64),
    ("POST", "/api/lfs/" + "0" * 64 + "/verify"),
    ("POST", "/api/collections"),
    ("POST", "/api/collections/mlebench/x/items"),
]


@given(st.sampled_from(PLACES), QUERIES, BODIES)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_body_breaks_it(
    fuzzed: Callable[[], Any], place: tuple[str, str], query: str, body: bytes
) -> None:
    endpoint, _ = fuzzed()
    for kind in ("application/json", ""):
        headers = {"content-type": kind}
        response = endpoint.answer(Request(*place, query, headers, [body], "http://hub"))
        assert 200 <= response.status < 500
    assert fuzzed()[1] == {"hub", "outside.txt"}
