"""The manifest: what a prepared tree consists of, file by file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from json.encoder import encode_basestring as _quoted
from pathlib import Path
from typing import NamedTuple

from mlebench_data.errors import IntegrityError
from mlebench_data.prepare.describing import TreeFacts, describe_tree, walk

FILE_NAME = "manifest.json"
FORMAT = 1


def hash_file(path: Path, *algorithms: str) -> tuple[str, ...]:
    """Return the hex digests of a file, read once for all algorithms (sha256 by default)."""
    hashes = [hashlib.new(name) for name in algorithms or ("sha256",)]
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            for item in hashes:
                item.update(block)
    return tuple(item.hexdigest() for item in hashes)


class FileEntry(NamedTuple):
    """One file: path relative to the tree, size in bytes, SHA-256, mode, rows of a table."""

    path: str
    size: int
    sha256: str
    mode: int
    rows: int | None = None


@dataclass(frozen=True)
class Manifest:
    """Everything that a prepared version holds.

    It holds no dates and no machine paths: the same data has the same manifest everywhere.

    Attributes
    ----------
    competition, version : str
        Which data this is.
    recipe_sha256 : str
        Digest of what the catalogue said when the data was prepared.
    files : list of FileEntry
        All files below `public/` and `private/`, sorted by path.
    empty_folders : list of str
        Folders without any entry, sorted.
    """

    competition: str
    version: str
    recipe_sha256: str
    files: list[FileEntry] = field(default_factory=list)
    empty_folders: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Sum of all file sizes in bytes."""
        return sum(entry.size for entry in self.files)

    def digest(self) -> str:
        """Return the SHA-256 of the manifest itself, the identity of the data."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """Return the manifest as JSON text, one file to a line."""
        head = {
            "format": FORMAT,
            "competition": self.competition,
            "version": self.version,
            "recipe_sha256": self.recipe_sha256,
            "empty_folders": self.empty_folders,
        }
        encode = json.JSONEncoder(ensure_ascii=False).encode
        # Put together by hand: the encoder takes longer than linking the files.
        lines = [
            f'{{"path": {_quoted(path)}, "size": {size}, "sha256": {_quoted(sha256)}, '
            f'"mode": "{mode:04o}"' + ("}" if rows is None else f', "rows": {rows}}}')
            for path, size, sha256, mode, rows in self.files
        ]
        files = ",\n ".join(lines)
        return f'{encode(head)[:-1]},\n"files": [\n {files}\n]}}\n'

    def write(self, folder: Path) -> None:
        """Write `manifest.json` into a folder."""
        (folder / FILE_NAME).write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def from_json(cls, text: str, where: str) -> Manifest:
        """Parse a manifest.

        Parameters
        ----------
        text : str
            JSON text.
        where : str
            Name of the source, for error messages.

        Raises
        ------
        IntegrityError
            If the text is no manifest of a known format.
        """
        try:
            content = json.loads(text)
            if content.pop("format") != FORMAT:
                raise IntegrityError(f"{where} has an unknown format; it needs a newer mlebench.")
            files = [
                FileEntry(**{**entry, "mode": int(entry["mode"], 8)})
                for entry in content.pop("files")
            ]
            return cls(files=files, **content)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise IntegrityError(f"{where} is no valid manifest: {error!r}.") from error

    @classmethod
    def read(cls, folder: Path) -> Manifest | None:
        """Read the manifest in a folder, or return None where there is none."""
        path = folder / FILE_NAME
        if not path.is_file():
            return None
        return cls.from_json(path.read_text(encoding="utf-8"), str(path))

    @classmethod
    def of_tree(
        cls,
        folder: Path,
        *,
        competition: str,
        version: str,
        recipe_sha256: str,
        rows: dict[str, int],
    ) -> Manifest:
        """Take the manifest of a tree that holds `public/` and `private/`.

        Parameters
        ----------
        folder : pathlib.Path
            The tree.
        competition, version, recipe_sha256 : str
            Which data this is.
        rows : dict of str to int
            Row counts of tables, by path.
        """
        return cls.of_facts(
            describe_tree(str(folder)),
            competition=competition,
            version=version,
            recipe_sha256=recipe_sha256,
            rows=rows,
        )

    @classmethod
    def of_facts(
        cls,
        tree: TreeFacts,
        *,
        competition: str,
        version: str,
        recipe_sha256: str,
        rows: dict[str, int],
    ) -> Manifest:
        """Take the manifest of a tree that has been described.

        Parameters
        ----------
        tree : TreeFacts
            What it holds.
        competition, version, recipe_sha256, rows
            As for `of_tree`.
        """
        files = []
        for path in sorted(tree.files):
            size, sha256, mode, *_ = tree.files[path]
            if path != FILE_NAME:
                files.append(FileEntry(path, size, sha256, mode, rows.get(path)))
        return cls(competition, version, recipe_sha256, files, sorted(tree.empty_folders))

    def differences(self, folder: Path, *, full: bool = False) -> list[str]:
        """Say how a tree differs from this manifest.

        Presence and size of every file are checked, and that there are no others; the content of
        a file only when it was changed after the manifest was written, or with `full` in any case.

        Parameters
        ----------
        folder : pathlib.Path
            The tree.
        full : bool
            Hash every file.

        Returns
        -------
        list of str
            One line for each difference; empty when the manifest holds.
        """
        written = (folder / FILE_NAME).stat().st_mtime_ns if not full else 0
        present = {
            f"{relative}/{entry.name}" if relative else entry.name: entry
            for relative, files, _ in walk(str(folder))
            for entry in files
        }
        found = []
        for expected in self.files:
            entry = present.pop(expected.path, None)
            if entry is None or not entry.is_file():
                found.append(f"{expected.path} is missing")
                continue
            status = entry.stat()
            if status.st_size != expected.size:
                found.append(
                    f"{expected.path} has {status.st_size} bytes instead of {expected.size}"
                )
            elif (full or status.st_mtime_ns >= written) and (
                hash_file(Path(entry.path))[0] != expected.sha256
            ):
                found.append(f"{expected.path} has another content (SHA-256 differs)")
        present.pop(FILE_NAME, None)
        found += [f"{path} does not belong here" for path in sorted(present)]
        found += [
            f"{name}/ is missing" for name in self.empty_folders if not (folder / name).is_dir()
        ]
        return found
