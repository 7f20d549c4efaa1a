"""One repository on the Hub, or on any endpoint that speaks its language."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from mlebench_data.hub.publish.contents import Contents, Item
from mlebench_data.hub.publish.errors import PublishError
from mlebench_data.hub.publish.hub_errors import explain
from mlebench_data.hub.publish.plan import Plan, compare
from mlebench_data.hub.publish.retrying import with_retries

if TYPE_CHECKING:
    from huggingface_hub import HfApi

MAIN = "main"

# Files in one commit, and bytes of those that may be held in memory meanwhile.
COMMIT_FILES = 100
COMMIT_MEMORY = 128 << 20
# An endpoint may want the content of smaller files within the commit, and not beside it.
_INLINE = 128 << 20

# Which the Hub writes itself.
_OF_THE_HUB = (".gitattributes",)
_OF_A_REPOSITORY = ("data", "files", "private")

_Result = TypeVar("_Result")
Advance = Callable[[int], None]


@dataclass(frozen=True)
class _There:
    """What a repository on the Hub is like."""

    exists: bool = False
    private: bool = False
    gated: bool = False
    tags: dict[str, str] = field(default_factory=dict)


class HubPlace:
    """One repository on the Hub.

    Parameters
    ----------
    api : huggingface_hub.HfApi
        Reaches the endpoint with the token to use.
    organisation, name : str
        The repository.
    kind : {"dataset", "space"}
        What it is there.
    private : bool
        Whether it shall be private. A repository that is private already stays so.
    """

    def __init__(
        self,
        api: HfApi,
        organisation: str,
        name: str,
        *,
        kind: Literal["dataset", "space"] = "dataset",
        private: bool = False,
    ) -> None:
        self._api = api
        self._id = f"{organisation}/{name}"
        self._kind = kind
        self._private = private

    @property
    def repo_id(self) -> str:
        """Organisation and name."""
        return self._id

    def describe(self) -> str:
        """Name the place for people."""
        return f"{self._api.endpoint}/{self._kind}s/{self._id}"

    def plan(self, contents: Contents, *, retag: bool) -> Plan:
        """Compare the place with what shall be there, without writing to it.

        Parameters
        ----------
        contents : Contents
            What shall be there.
        retag : bool
            Whether a tag that names other content may be moved.

        Raises
        ------
        PublishError
            If it may not, or the repository there is something else.
        """
        there = self._state()
        if not there.exists:
            return Plan(new=contents.items, tag=True)
        if contents.version in there.tags:
            tagged = self._compare(contents, there.tags[contents.version])
            if tagged.is_done:
                return tagged
            if not retag:
                raise PublishError(
                    f"{self.describe()} has a tag {contents.version} already, which names other "
                    f"content: {_differences(tagged)}. Nothing was sent. Whoever loads that "
                    "version would get something else under its name: publish as another version, "
                    "or move the tag with --retag. (Answers that are sealed anew are other bytes, "
                    "even of the same data.)"
                )
        plan = self._compare(contents, MAIN)
        strange = [path for path in plan.gone if path.partition("/")[0] not in _OF_A_REPOSITORY]
        if strange and contents.keystones and self._lacks(contents, plan):
            raise PublishError(
                f"{self.describe()} is another dataset: it holds {strange[0]} and no "
                f"{contents.keystones[-1]}. Nothing was sent. Name another organisation."
            )
        return dataclasses.replace(plan, tag=True)

    def send(
        self, contents: Contents, plan: Plan, advance: Advance = lambda size: None
    ) -> str | None:
        """Carry out a plan, then set the tag.

        Parameters
        ----------
        contents : Contents
            What shall be there.
        plan : Plan
            What `plan` has returned.
        advance : callable
            Called with the number of bytes just sent.

        Returns
        -------
        str or None
            The commit that the tag names.

        Raises
        ------
        PublishError
            If a file was changed since it was checked, the place is not private or gated although
            it shall be, or it fails.
        """
        if self._open(contents, plan):
            plan = dataclasses.replace(self._compare(contents, MAIN), tag=True)
        if plan.is_done:
            return self.commit(contents)
        last = [item for item in plan.sent if item.path in contents.keystones]
        for batch in batches([item for item in plan.sent if item not in last]):
            self._commit(contents, batch, ())
            advance(sum(item.size for item in batch))
        if last or plan.gone:
            self._commit(contents, last, plan.gone)
            advance(sum(item.size for item in last))
        return self._tag(contents)

    def commit(self, contents: Contents) -> str | None:
        """Return the commit that the tag of the contents names, if there is one."""
        return self._state().tags.get(contents.version)

    def _reach(self, action: Callable[[], _Result]) -> _Result:
        return with_retries(action, self.describe(), explain)

    def _call(self, method: Callable[..., _Result], **arguments: Any) -> _Result:
        return self._reach(functools.partial(method, self._id, repo_type=self._kind, **arguments))

    def _state(self) -> _There:
        from huggingface_hub.errors import RepositoryNotFoundError

        def ask() -> _There:
            try:
                info = self._api.repo_info(self._id, repo_type=self._kind)
            except RepositoryNotFoundError:
                return _There()
            refs = self._api.list_repo_refs(self._id, repo_type=self._kind)
            tags = {tag.name: tag.target_commit for tag in refs.tags}
            gated = getattr(info, "gated", False)
            return _There(True, bool(info.private), gated == "manual", tags)

        return self._reach(ask)

    def _tree(self, revision: str) -> dict[str, Any]:
        """Return what the endpoint says about every file of a revision."""
        from huggingface_hub.errors import EntryNotFoundError
        from huggingface_hub.hf_api import RepoFile

        def ask() -> dict[str, Any]:
            try:
                entries = self._api.list_repo_tree(
                    self._id, recursive=True, revision=revision, repo_type=self._kind
                )
                return {entry.path: entry for entry in entries if isinstance(entry, RepoFile)}
            except EntryNotFoundError:
                # A repository without any commit has no folder either.
                return {}

        found = self._reach(ask)
        return {path: entry for path, entry in found.items() if path not in _OF_THE_HUB}

    def _compare(self, contents: Contents, revision: str) -> Plan:
        tree = self._tree(revision)

        def is_same(item: Item) -> bool:
            entry = tree[item.path]
            if entry.size != item.size:
                return False
            if entry.lfs is not None:
                return bool(entry.lfs.sha256 == item.sha256)
            return bool(entry.blob_id == item.git_sha1())

        return compare(contents, tree, is_same)

    def _lacks(self, contents: Contents, plan: Plan) -> bool:
        """Tell whether what makes a repository complete is not there."""
        return contents.keystones[-1] in {item.path for item in plan.new}

    def _open(self, contents: Contents, plan: Plan) -> bool:
        """Make the repository, as private and as gated as it shall be.

        Returns
        -------
        bool
            Whether it may be another one than the plan was made for.
        """
        space = {"space_sdk": "static"} if self._kind == "space" else {}
        there = self._state()
        # `mlebench serve` shows the metrics of its own package where nobody has put any.
        is_doubtful = self._kind == "space" and not plan.is_done
        if not there.exists or is_doubtful:
            self._call(self._api.create_repo, private=self._private, exist_ok=True, **space)
        elif self._private and not there.private:
            self._call(self._api.update_repo_settings, private=True)
        if contents.gated and not there.gated:
            self._call(self._api.update_repo_settings, gated="manual")
        if not self._private and not contents.gated:
            return is_doubtful
        there = self._state()
        if self._private and not there.private:
            raise PublishError(
                f"{self.describe()} is public although it was asked to be private. Nothing was "
                "sent. Make it private by hand, or ask those who run the endpoint."
            )
        if contents.gated and not there.gated:
            raise PublishError(
                f"{self.describe()} would be open to everybody: the endpoint did not set that "
                "access has to be granted. Nothing was sent."
            )
        return is_doubtful

    def _commit(self, contents: Contents, items: list[Item], gone: tuple[str, ...]) -> None:
        self._reach(functools.partial(self._commit_once, contents, items, gone))

    def _commit_once(self, contents: Contents, items: list[Item], gone: tuple[str, ...]) -> None:
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        there = set(self._tree(MAIN)) if gone else set()
        operations: list[CommitOperationAdd | CommitOperationDelete] = [
            CommitOperationDelete(path) for path in gone if path in there
        ]
        streams = []
        try:
            for item in items:
                stream = item.open()
                streams.append(stream)
                # An open stream, not a path: what is sent is what was checked.
                operations.append(CommitOperationAdd(item.path, stream))
            if operations:
                self._api.create_commit(
                    self._id,
                    operations,
                    commit_message=f"Publish {contents.name} {contents.version}",
                    repo_type=self._kind,
                )
        finally:
            for stream in streams:
                stream.close()

    def _tag(self, contents: Contents) -> str:
        """Set the tag on what was published, once the endpoint has exactly that."""
        commit = self._call(self._api.repo_info).sha
        assert commit is not None
        found = self._compare(contents, commit)
        if not found.is_done:
            raise PublishError(
                f"{self.describe()} does not hold what was sent: {_differences(found)}. Did "
                "somebody else publish there at the same time? Run the same command again."
            )
        tags = self._state().tags
        if tags.get(contents.version) == commit:
            return commit
        if contents.version in tags:
            self._call(self._api.delete_tag, tag=contents.version)
        self._call(self._api.create_tag, tag=contents.version, revision=commit, exist_ok=True)
        return commit


def batches(items: list[Item]) -> Iterator[list[Item]]:
    """Divide files into commits of bounded size.

    Parameters
    ----------
    items : list of Item
        The files.

    Yields
    ------
    list of Item
        Those of one commit.
    """
    batch: list[Item] = []
    memory = 0
    for item in items:
        needed = item.size if item.in_memory or item.size < _INLINE else 0
        if batch and (len(batch) == COMMIT_FILES or memory + needed > COMMIT_MEMORY):
            yield batch
            batch, memory = [], 0
        batch.append(item)
        memory += needed
    if batch:
        yield batch


def _differences(plan: Plan) -> str:
    parts = [
        (len(plan.changed), "other bytes", [item.path for item in plan.changed]),
        (len(plan.new), "missing there", [item.path for item in plan.new]),
        (len(plan.gone), "only there", list(plan.gone)),
    ]
    return "; ".join(
        f"{count} {what} ({paths[0]}{' ...' if paths[1:] else ''})"
        for count, what, paths in parts
        if count
    )
