"""A Hub in memory that does what it is told, and fails where it is told."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import httpx2
from huggingface_hub import CommitOperationAdd, CommitOperationDelete
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
)
from huggingface_hub.hf_api import RepoFile, RepoFolder

LFS_FROM = 1000

READING = ("repo_info", "list_repo_refs", "list_repo_tree")


def http_error(kind: type[HfHubHTTPError], status: int, message: str = "refused") -> HfHubHTTPError:
    request = httpx2.Request("GET", "https://hub.test/api")
    return kind(message, response=httpx2.Response(status, request=request))


def _digest(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


@dataclass
class Repository:
    """What the hub has of one repository: the tree of each commit."""

    private: bool = False
    gated: str | bool = False
    commits: list[dict[str, bytes]] = field(default_factory=lambda: [{".gitattributes": b"*"}])
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def main(self) -> dict[str, bytes]:
        return self.commits[-1]

    def sha(self, number: int = -1) -> str:
        return f"{(number if number >= 0 else len(self.commits) + number):040x}"

    def at(self, revision: str | None) -> dict[str, bytes]:
        revision = self.tags.get(revision or "main", revision)
        return self.main if revision in (None, "main") else self.commits[int(str(revision), 16)]


class FakeHub:
    """The methods of `HfApi` that publishing calls.

    Attributes
    ----------
    log : list of str
        Every call.
    fails : dict of str to list of BaseException
        What the next calls of a method raise.
    deaf : set of str
        Methods that say yes and do nothing.
    """

    endpoint = "https://hub.test"

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.collections: dict[str, list[str]] = {}
        self.log: list[str] = []
        self.fails: dict[str, list[BaseException]] = {}
        self.deaf: set[str] = set()
        self.sent: list[str] = []

    @property
    def writes(self) -> list[str]:
        return [name for name in self.log if name not in READING]

    def _begin(self, name: str) -> bool:
        self.log.append(name)
        if self.fails.get(name):
            raise self.fails[name].pop(0)
        return name not in self.deaf

    def _get(self, repo_id: str) -> Repository:
        if repo_id not in self.repositories:
            raise http_error(RepositoryNotFoundError, 404)
        return self.repositories[repo_id]

    def repo_info(self, repo_id: str, *, repo_type: str) -> Any:
        self._begin("repo_info")
        found = self._get(repo_id)
        return SimpleNamespace(private=found.private, gated=found.gated, sha=found.sha())

    def list_repo_refs(self, repo_id: str, *, repo_type: str) -> Any:
        self._begin("list_repo_refs")
        tags = self._get(repo_id).tags.items()
        return SimpleNamespace(
            tags=[SimpleNamespace(name=name, target_commit=commit) for name, commit in tags]
        )

    def list_repo_tree(
        self, repo_id: str, *, recursive: bool, revision: str, repo_type: str
    ) -> list[Any]:
        self._begin("list_repo_tree")
        tree = self._get(repo_id).at(revision)
        if not tree:
            raise EntryNotFoundError("no folder")
        entries: list[Any] = [RepoFolder(path="data", oid="0" * 40)]
        for path, content in tree.items():
            git = _digest(b"blob %d\0" % len(content) + content)
            lfs = {"size": len(content), "oid": hashlib.sha256(content).hexdigest()}
            extra = {"lfs": {**lfs, "pointerSize": 130}} if len(content) >= LFS_FROM else {}
            entries.append(RepoFile(path=path, size=len(content), oid=git, **extra))
        return entries

    def create_repo(
        self, repo_id: str, *, repo_type: str, private: bool, exist_ok: bool, **_: Any
    ) -> None:
        if self._begin("create_repo"):
            self.repositories.setdefault(repo_id, Repository(private=private))
        else:
            self.repositories.setdefault(repo_id, Repository())

    def update_repo_settings(self, repo_id: str, *, repo_type: str, **settings: Any) -> None:
        if self._begin("update_repo_settings"):
            for name, value in settings.items():
                setattr(self._get(repo_id), name, value)

    def create_commit(
        self, repo_id: str, operations: list[Any], *, commit_message: str, repo_type: str
    ) -> None:
        self._begin("create_commit")
        tree = dict(self._get(repo_id).main)
        for operation in operations:
            if isinstance(operation, CommitOperationDelete):
                del tree[operation.path_in_repo]
            else:
                assert isinstance(operation, CommitOperationAdd)
                with operation.as_file() as stream:
                    tree[operation.path_in_repo] = stream.read()
                self.sent.append(operation.path_in_repo)
        self._get(repo_id).commits.append(tree)
        if self.fails.get("answer of create_commit"):
            raise self.fails["answer of create_commit"].pop(0)

    def create_tag(
        self, repo_id: str, *, tag: str, revision: str, repo_type: str, exist_ok: bool
    ) -> None:
        if self._begin("create_tag"):
            self._get(repo_id).tags[tag] = revision

    def delete_tag(self, repo_id: str, *, tag: str, repo_type: str) -> None:
        self._begin("delete_tag")
        del self._get(repo_id).tags[tag]

    def create_collection(self, title: str, *, namespace: str, **_: Any) -> Any:
        self._begin("create_collection")
        slug = f"{namespace}/{title}"
        items = [SimpleNamespace(item_id=name) for name in self.collections.setdefault(slug, [])]
        return SimpleNamespace(slug=slug, items=items)

    def add_collection_item(self, slug: str, item_id: str, item_type: str, **_: Any) -> None:
        self._begin("add_collection_item")
        assert item_type == "dataset"
        self.collections[slug].append(item_id)
