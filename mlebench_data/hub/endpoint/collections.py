"""Collections: named lists of repositories."""

from __future__ import annotations

import json
import re
import secrets
import threading
from pathlib import Path
from typing import Any

from mlebench_data.hub.endpoint.messages import RefusedError
from mlebench_data.hub.endpoint.state import now, write_text

Collection = dict[str, Any]


class Collections:
    """All collections of an endpoint.

    Parameters
    ----------
    path : pathlib.Path
        File they are kept in; made with the first.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def all(self) -> list[Collection]:
        """Return all collections."""
        try:
            found: list[Collection] = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        return found

    def get(self, slug: str) -> Collection:
        """Return one collection.

        Raises
        ------
        RefusedError
            If there is none.
        """
        return _find(self.all(), slug)

    def create(self, owner: str, title: str, description: str, *, private: bool) -> Collection:
        """Make an empty collection.

        Raises
        ------
        RefusedError
            If the owner has one of this title.
        """
        with self._lock:
            found = self.all()
            for other in found:
                if (other["owner"], other["title"]) == (owner, title):
                    raise RefusedError(
                        409,
                        f"{owner} has a collection {title!r} already.",
                        content={"slug": other["slug"]},
                    )
            stem = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
            collection = {
                "slug": f"{owner}/{stem[:60]}-{secrets.token_hex(12)}",
                "title": title,
                "owner": owner,
                "description": description,
                "private": private,
                "theme": "green",
                "upvotes": 0,
                "position": len(found),
                "lastUpdated": now(),
                "items": [],
            }
            self._write([*found, collection])
            return collection

    def delete(self, slug: str) -> None:
        """Remove a collection."""
        with self._lock:
            found = self.all()
            found.remove(_find(found, slug))
            self._write(found)

    def add(self, slug: str, kind: str, name: str, note: str | None) -> Collection:
        """Append a repository.

        Raises
        ------
        RefusedError
            If it is in the collection already.
        """
        with self._lock:
            found = self.all()
            collection = _find(found, slug)
            items = collection["items"]
            if any((item["type"], item["id"]) == (kind, name) for item in items):
                raise RefusedError(409, f"{name} is in {slug} already.")
            item: dict[str, Any] = {
                "_id": secrets.token_hex(12),
                "type": kind,
                "id": name,
                "position": len(items),
            }
            if note is not None:
                item["note"] = {"text": note}
            items.append(item)
            self._write(found)
            return collection

    def remove(self, slug: str, item: str) -> Collection:
        """Remove an entry by its id."""
        with self._lock:
            found = self.all()
            collection = _find(found, slug)
            left = [entry for entry in collection["items"] if entry["_id"] != item]
            if len(left) == len(collection["items"]):
                raise RefusedError(404, f"{slug} has no entry {item!r}.", code="EntryNotFound")
            collection["items"] = [{**entry, "position": n} for n, entry in enumerate(left)]
            self._write(found)
            return collection

    def _write(self, collections: list[Collection]) -> None:
        write_text(self._path, json.dumps(collections, indent=1))


def _find(collections: list[Collection], slug: str) -> Collection:
    for collection in collections:
        if collection["slug"] == slug:
            return collection
    raise RefusedError(404, f"There is no collection {slug!r}.", code="RepoNotFound")
