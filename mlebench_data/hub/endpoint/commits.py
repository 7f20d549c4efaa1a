"""Commits: a new tree is built aside and takes the place of the old one at once."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlebench_data.hub.endpoint.commit_body import Change, CommitBody
from mlebench_data.hub.endpoint.folders import AnchoredFolder, Entry
from mlebench_data.hub.endpoint.messages import RefusedError
from mlebench_data.hub.endpoint.state import CommitRecord, RepositoryState, now, write_text
from mlebench_data.hub.endpoint.store import Repository
from mlebench_data.hub.endpoint.tree import Tree, is_complete, listing_of, packed_commit
from mlebench_data.hub.endpoint.uploads import Uploads, link_or_copy

PENDING = "pending.json"
NEXT_STATE = "state.next.json"


class Committer:
    """Makes commits.

    What makes a commit valid is that its `pending.json` is written. A server that dies before
    leaves the old tree, and one that dies after has the rest done when it starts again.

    Parameters
    ----------
    memory : pathlib.Path
        Where the endpoint keeps what it remembers.
    uploads : Uploads
        Files that were uploaded before.
    """

    def __init__(self, memory: Path, uploads: Uploads) -> None:
        self._staging = memory / "staging"
        self._repositories = memory / "repositories"
        self._uploads = uploads

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Give an empty folder, which is removed afterwards."""
        folder = self._staging / secrets.token_hex(8)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def commit(self, repository: Repository, body: CommitBody, staging: Path) -> str:
        """Apply changes.

        Parameters
        ----------
        repository : Repository
            Where.
        body : CommitBody
            What.
        staging : pathlib.Path
            A folder for this commit alone.

        Returns
        -------
        str
            The new commit.

        Raises
        ------
        RefusedError
            If the changes do not fit the tree.
        """
        with repository.writing:
            head = repository.head()
            if body.parent not in (None, head.commit):
                raise RefusedError(
                    412,
                    f"The newest commit is {head.commit} and not {body.parent}: somebody else was "
                    "faster. Look at their changes, then commit again.",
                )
            files = self._apply(head, body.changes)
            folder = self._build(repository, files, staging / "tree")
            entries = folder.entries()
            for path, file in files.items():
                if isinstance(file, Change):
                    repository.digests.learn(entries[path], file.sha256)
            complete = is_complete(folder, entries, repository.digests)
            commit = (
                packed_commit(folder, entries) if complete else _next_commit(head, body.changes)
            )
            if commit != head.commit:
                record = CommitRecord(
                    title=body.title, date=now(), listing=listing_of(entries), complete=complete
                )
                self._replace(repository, head, commit, record, staging)
            used = [change.sha256 for change in body.changes if change.content is None]
            self._uploads.discard(oid for oid in used if oid)
            return commit

    def _apply(self, head: Tree, changes: list[Change]) -> dict[str, Entry | Change]:
        """Return what each path of the new tree holds: an old file or a new one."""
        files: dict[str, Entry | Change] = dict(head.entries)
        for change in changes:
            below = [path for path in files if path.startswith(f"{change.path}/")]
            if change.folder or not change.sha256:
                gone = below if change.folder else [path for path in files if path == change.path]
                if not gone:
                    raise RefusedError(
                        404, f"There is no {change.path!r} to remove.", code="EntryNotFound"
                    )
                for path in gone:
                    del files[path]
            else:
                files[change.path] = change
        folders = {path[:place] for path in files for place in _slashes(path)}
        for path in files:
            if path in folders:
                raise RefusedError(400, f"{path!r} cannot be both a file and a folder.")
        return files

    def _build(
        self, repository: Repository, files: dict[str, Entry | Change], tree: Path
    ) -> AnchoredFolder:
        """Write the new tree. What it has in common with the old one exists once on the disk."""
        tree.mkdir()
        head = repository.head()
        for path, file in files.items():
            if isinstance(file, Entry):
                source: Path | None = repository.place / path
            elif file.content is not None:
                source = file.content
            else:
                source = self._uploads.path(file.sha256)
                if source is None and (same := head.with_digest(file.sha256)) is not None:
                    source = repository.place / same.path
            if source is None:
                raise RefusedError(
                    400, f"The content of {path!r} was not uploaded. Start the upload again."
                )
            link_or_copy(source, tree / path)
        return AnchoredFolder(tree)

    def _replace(
        self,
        repository: Repository,
        head: Tree,
        commit: str,
        record: CommitRecord,
        staging: Path,
    ) -> None:
        """Put the new tree into the place of the old one."""
        state, tags = repository.state(), repository.tags()
        commits = {name: made for name, made in state.commits.items() if name in tags.values()}
        keep = head.commit in tags.values()
        if keep:
            old = state.commits.get(head.commit)
            commits[head.commit] = CommitRecord(
                title=old.title if old is not None else "Packed",
                date=old.date if old is not None else now(),
                listing=listing_of(head.folder.entries()),
                complete=head.complete,
            )
            repository.kept.mkdir(parents=True, exist_ok=True)
        commits[commit] = record
        new = state.model_copy(update={"head": commit, "tags": tags, "commits": commits})
        write_text(repository.memory / NEXT_STATE, new.model_dump_json())
        pending = {"staging": staging.name, "keep": head.commit if keep else None}
        write_text(repository.memory / PENDING, json.dumps(pending))
        self.settle(repository)
        prune(repository, new)

    def settle(self, repository: Repository) -> None:
        """Finish a commit that is valid. Nothing here needs room on the disk."""
        pending = json.loads((repository.memory / PENDING).read_text())
        staging = self._staging / pending["staging"]
        with repository.swapping:
            if (staging / "tree").is_dir():
                if repository.place.is_dir():
                    kept = repository.kept / str(pending["keep"])
                    keep = pending["keep"] is not None and not kept.exists()
                    repository.place.rename(kept if keep else staging / "old")
                (staging / "tree").rename(repository.place)
            following = repository.memory / NEXT_STATE
            if following.exists():
                following.replace(repository.state_path)
        (repository.memory / PENDING).unlink()

    def clean(self) -> None:
        """Remove what commits that never became valid have left."""
        shutil.rmtree(self._staging, ignore_errors=True)
        for left in self._repositories.glob(f"*/*/{NEXT_STATE}"):
            left.unlink()


def prune(repository: Repository, state: RepositoryState) -> None:
    """Remove earlier commits that no tag names any more."""
    if repository.kept.is_dir():
        for kept in repository.kept.iterdir():
            if kept.name not in state.tags.values():
                shutil.rmtree(kept)


def _slashes(path: str) -> list[int]:
    return [place for place, letter in enumerate(path) if letter == "/"]


def _next_commit(head: Tree, changes: list[Change]) -> str:
    """Name a commit by what it follows and what it changes."""
    digest = hashlib.sha256(head.commit.encode())
    for change in changes:
        digest.update(f"\0{change.path}\0{change.sha256}\0{change.folder}".encode())
    return digest.hexdigest()[:40]
