"""The manifest of a dataset repository: its public files, and where their bytes are stored."""

from __future__ import annotations

import gc
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationError,
    model_validator,
)

from mlebench_data.catalogue.schema import CompetitionId, Metric, VersionName
from mlebench_data.errors import DataNotFoundError, IntegrityError
from mlebench_data.hub.layout import CARD, MANIFEST, SEALED_LIST, is_safe

FORMAT = 1


def _check_path(path: str) -> str:
    if not is_safe(path):
        raise ValueError("must be a relative path that stays inside its folder")
    return path


def _check_public(path: str) -> str:
    if path.partition("/")[0] != "public":
        raise ValueError("must lie below public/")
    return path


def _read_mode(mode: object) -> object:
    return int(mode, 8) if isinstance(mode, str) else mode


SafePath = Annotated[str, AfterValidator(_check_path)]
PublicPath = Annotated[SafePath, AfterValidator(_check_public)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
KeyId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
PrivatePart = Literal["here", "sibling", "alone"]
Size = Annotated[int, Field(ge=0)]
# Nothing beyond read, write and execute: a manifest cannot ask for set-user-id files.
Mode = Annotated[
    int,
    Field(ge=0, le=0o777),
    BeforeValidator(_read_mode),
    PlainSerializer(lambda mode: f"{mode:04o}"),
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Stored(_Model):
    """Where the bytes of a public file are.

    A file of the repository; with `row`, that row of the archive shard; with `column` too, the
    value of that media column in that row of a shard of rows, and with `index` the one at this
    place of a list. With `pieces`, so many rows from `row` on (and of the shards that follow) are
    the pieces that the file is made of, and they refer to rows of the shards `uses`.
    """

    path: SafePath
    row: Size | None = None
    column: str | None = None
    index: Size | None = None
    pieces: Size | None = None
    uses: list[SafePath] | None = None

    @model_validator(mode="after")
    def _each_needs_another(self) -> Stored:
        for name, needed in (
            ("column", "row"),
            ("index", "column"),
            ("pieces", "row"),
            ("uses", "pieces"),
        ):
            if getattr(self, name) is not None and getattr(self, needed) is None:
                raise ValueError(f"'{name}' needs '{needed}'")
        return self


class PublicFile(_Model):
    """One file of the prepared public tree."""

    path: PublicPath
    size: Size
    sha256: Sha256
    mode: Mode
    rows: Size | None = None
    stored: Stored


class RepositoryFile(_Model):
    """One file of the repository itself."""

    path: SafePath
    size: Size
    sha256: Sha256


class SealedFile(RepositoryFile):
    """One sealed file; its digest is that of the sealed bytes, which tells nothing."""

    rows: Size


class SealedList(_Model):
    """The sealed files of a repository (`private/sealed.json`).

    It stands apart from the manifest because sealing gives other bytes each time, and everything
    else in a repository is the same whenever the same data is packed.

    Attributes
    ----------
    competition, version : str
        Which data.
    key_id : str
        Fingerprint of the master key that sealed the files.
    prepared_mac : str
        Keyed digest of the prepared tree's manifest, as in the repository's manifest: files of an
        earlier preparation do not pass for those of this one.
    files : list of SealedFile
        The sealed files.
    mac : str
        Keyed digest of all this, so that nobody without the key can change or mix lists.
    """

    format: int = FORMAT
    competition: CompetitionId
    version: VersionName
    key_id: KeyId
    prepared_mac: Sha256
    files: list[SealedFile]
    mac: Sha256

    def content(self) -> str:
        """Return the text of which `mac` is the keyed digest."""
        # Not pydantic's own text, whose form may change between its versions.
        content = self.model_dump(mode="json", exclude={"mac"})
        return json.dumps(content, sort_keys=True, separators=(",", ":"))

    @classmethod
    def parse(cls, text: bytes, where: str) -> SealedList:
        """Parse a list; `where` is its place, for error messages.

        Raises
        ------
        IntegrityError
            If it is malformed.
        """
        return _parse(cls, text, where)


class RepositoryManifest(_Model):
    """The manifest of a repository.

    Nothing in it is computed from private content without the key. Not even the digest of the
    prepared tree's own manifest, which covers the digests of the private files: whoever can guess
    the answers could test the guess. `prepared_mac` is keyed instead.

    Attributes
    ----------
    competition, version : str
        Which data.
    recipe_sha256 : str
        Digest of the recipe that prepared it.
    packed_sha256 : str
        Digest of what the catalogue says about view, card and metric.
    key_id : str
        Fingerprint of the master key that sealed the private files.
    prepared_mac : str
        Keyed digest of the prepared tree's manifest.
    private_part : {"here", "sibling", "alone"}
        Where the sealed files are: in this repository, or in a sibling of its own; "alone" marks
        the sibling, which has nothing else.
    metric : Metric
        How submissions are scored.
    redistribution : str
        Whether the licence allows passing the data on.
    files : list of PublicFile
        The public tree, sorted by path.
    empty_folders : list of str
        Public folders without any entry.
    contents : list of RepositoryFile
        The unsealed files of the repository, card and manifest aside.
    """

    format: int = FORMAT
    competition: CompetitionId
    version: VersionName
    recipe_sha256: Sha256
    packed_sha256: Sha256
    key_id: KeyId
    prepared_mac: Sha256
    private_part: PrivatePart = "here"
    metric: Metric
    redistribution: str
    files: list[PublicFile]
    empty_folders: list[PublicPath]
    contents: list[RepositoryFile]

    @model_validator(mode="after")
    def _is_tree(self) -> RepositoryManifest:
        files = {entry.path for entry in self.files}
        if "public" in files:
            raise ValueError("'public' must be a folder")
        leaves = files | set(self.empty_folders)
        if len(leaves) != len(self.files) + len(self.empty_folders):
            raise ValueError("a path stands twice")
        seen = set()
        for path in leaves:
            parent = path.rpartition("/")[0]
            # Most files share their folders, and there may be millions of files.
            while parent and parent not in seen:
                if parent in leaves:
                    raise ValueError(f"'{parent}' cannot hold '{path}'")
                seen.add(parent)
                parent = parent.rpartition("/")[0]
        return self

    @property
    def size(self) -> int:
        """Sum of the sizes of all public files in bytes."""
        return sum(entry.size for entry in self.files)

    def write(self, repository: Path) -> None:
        """Write `manifest.json`."""
        (repository / MANIFEST).write_text(_to_json(self), encoding="utf-8")

    @classmethod
    def read(cls, repository: Path) -> RepositoryManifest:
        """Read the manifest of a repository.

        Raises
        ------
        DataNotFoundError
            If the folder is no dataset repository.
        IntegrityError
            If its manifest is malformed or asks for paths outside the tree.
        """
        path = repository / MANIFEST
        try:
            text = path.read_bytes()
        except FileNotFoundError as error:
            raise DataNotFoundError(
                f"{repository} is no dataset repository: it has no {MANIFEST}. "
                "`mlebench pack` makes one from prepared data."
            ) from error
        return _parse(cls, text, path)

    @classmethod
    def parse(cls, text: bytes, where: str) -> RepositoryManifest:
        """Parse a manifest; `where` is its place, for error messages.

        Raises
        ------
        IntegrityError
            As `read`.
        """
        return _parse(cls, text, where)


def read_sealed_list(repository: Path) -> SealedList:
    """Read which sealed files a repository has.

    Raises
    ------
    DataNotFoundError
        If it has none, as a copy for agents.
    IntegrityError
        If the list is malformed.
    """
    path = repository / SEALED_LIST
    try:
        text = path.read_bytes()
    except FileNotFoundError as error:
        raise DataNotFoundError(
            f"{repository} has no private part ({SEALED_LIST} is missing). "
            "Was it copied or downloaded without private/?"
        ) from error
    return _parse(SealedList, text, path)


def write_sealed_list(repository: Path, sealed: SealedList) -> None:
    """Write `private/sealed.json`."""
    (repository / SEALED_LIST).write_text(_to_json(sealed), encoding="utf-8")


def manifest_digest(repository: Path) -> str:
    """Return the SHA-256 (hex) of a repository's manifest, which covers every public byte.

    Raises
    ------
    DataNotFoundError
        If the folder is no dataset repository.
    """
    path = repository / MANIFEST
    if not path.is_file():
        raise DataNotFoundError(
            f"{repository} is no dataset repository: it has no {MANIFEST}. "
            "`mlebench pack` makes one from prepared data."
        )
    return hashlib.sha256(path.read_bytes()).hexdigest()


def commit_of(repository: Path) -> str:
    """Return what stands for the commit of a packed folder, where no git names one.

    Parameters
    ----------
    repository : pathlib.Path
        The folder.

    Returns
    -------
    str
        40 hexadecimal digits. The same whenever card, manifest and list of sealed files are the
        same, and these hold the digests of everything else.

    Raises
    ------
    DataNotFoundError
        If the folder is no dataset repository.
    """
    path = repository / MANIFEST
    if not path.is_file():
        raise DataNotFoundError(
            f"{repository} is no dataset repository: it has no {MANIFEST}. "
            "`mlebench pack` makes one from prepared data."
        )
    parts = (repository / name for name in (MANIFEST, CARD, SEALED_LIST))
    return commit_of_contents(*(part.read_bytes() if part.is_file() else b"" for part in parts))


def commit_of_contents(manifest: bytes, card: bytes, sealed_list: bytes) -> str:
    """Return what `commit_of` does, from the content of the three files; empty where one is not."""
    digest = hashlib.sha256()
    for content in (manifest, card, sealed_list):
        # With their lengths, so that no byte can pass from one to the next.
        digest.update(f"{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:40]


Parsed = TypeVar("Parsed", RepositoryManifest, SealedList)


def _to_json(model: BaseModel) -> str:
    return model.model_dump_json(indent=1, exclude_none=True) + "\n"


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector from looking through hundreds of thousands of new objects.

    It does so again and again while they are made, which takes longer than making them.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _parse(kind: type[Parsed], text: bytes, path: Path | str) -> Parsed:
    try:
        with _uncollected():
            parsed = kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise IntegrityError(
            f"{path} is no valid manifest: {place + ': ' if place else ''}{first['msg']}."
        ) from error
    if parsed.format != FORMAT:
        raise IntegrityError(f"{path} has format {parsed.format}; it needs a newer mlebench.")
    return parsed
