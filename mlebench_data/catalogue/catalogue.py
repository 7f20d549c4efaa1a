"""Reading of competition folders."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench_data.errors import CatalogueError, UnknownNameError, suggest

if TYPE_CHECKING:
    from mlebench_data.catalogue.schema import CompetitionFile, Version

FILE_NAME = "competition.yaml"


def default_folder() -> Path:
    """Return the folder of the competitions that come with the package."""
    return Path(str(files("mlebench_data"))) / "competitions"


@dataclass(frozen=True)
class Competition:
    """One competition: its folder and what its `competition.yaml` says.

    Attributes
    ----------
    folder : pathlib.Path
        The competition's folder.
    facts : CompetitionFile
        The validated content of `competition.yaml`.
    """

    folder: Path
    facts: CompetitionFile

    @property
    def id(self) -> str:
        """The competition's id, which is also the name of its folder and dataset."""
        return self.facts.id

    @property
    def versions(self) -> list[str]:
        """Names of the data versions, oldest first."""
        return sorted(self.facts.versions, key=lambda name: int(name[1:]))

    def version(self, name: str | None = None) -> Version:
        """Return one data version.

        Parameters
        ----------
        name : str, optional
            Such as ``"v1"``; the oldest, comparable one by default.

        Raises
        ------
        UnknownNameError
            If the competition has no such version.
        """
        name = name or self.versions[0]
        if name not in self.facts.versions:
            raise UnknownNameError(
                f"Competition '{self.id}' has no version '{name}'. {suggest(name, self.versions)}"
            )
        return self.facts.versions[name]

    def description(self) -> str:
        """Return the text that agents read, which is also the body of the dataset card."""
        path = self.folder / "README.md"
        if not path.is_file():
            raise CatalogueError(f"{path} does not exist: write the competition's description.")
        return path.read_text(encoding="utf-8")


def _allowed_keys(location: tuple[Any, ...]) -> str:
    """Name the keys that the schema allows in the mapping that holds the last key of a location."""
    from typing import get_args

    from pydantic import BaseModel

    from mlebench_data.catalogue.schema import CompetitionFile
    from mlebench_data.recipe import operation_types

    def models(annotation: Any) -> list[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return [annotation]
        return [model for part in get_args(annotation) for model in models(part)]

    operations = operation_types()
    current: list[type[BaseModel]] = [CompetitionFile]
    for key in location[:-1]:
        if isinstance(key, int):
            continue
        if key in operations:
            current = [operations[key]]
            continue
        fields = [model.model_fields[key] for model in current if key in model.model_fields]
        if fields:
            current = [model for field in fields for model in models(field.annotation)]
    names = sorted({name for model in current for name in model.model_fields})
    return suggest(str(location[-1]), names) if names else ""


def _explain(error: dict[str, Any]) -> str:
    """Turn one pydantic error into: key path, what was found, what is allowed."""
    location = tuple(error["loc"])
    path = ".".join(str(part) for part in location) or "(top level)"
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        return f"{path}: unknown key. {_allowed_keys(location)}"
    if error["type"] == "missing":
        return f"{path}: required, but missing"
    found = repr(error.get("input"))
    if len(found) > 80:
        found = found[:77] + "..."
    return f"{path}: {message}; found {found}"


def read_competition(folder: Path) -> Competition:
    """Read and validate one competition folder.

    Parameters
    ----------
    folder : pathlib.Path
        A folder that holds `competition.yaml`.

    Returns
    -------
    Competition
        What it says.

    Raises
    ------
    CatalogueError
        If the file is missing, no YAML, or breaks the schema. The message names the file and, for
        each mistake, the key path, what was found and what is allowed.
    """
    import yaml
    from pydantic import ValidationError

    from mlebench_data.catalogue.schema import CompetitionFile

    path = folder / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CatalogueError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CatalogueError(f"{path} is not UTF-8: {error}.") from error
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(text, Loader=loader)
    except yaml.YAMLError as error:
        raise CatalogueError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise CatalogueError(f"{path} must hold a mapping, not {type(content).__name__}.")
    try:
        facts = CompetitionFile.model_validate(content)
    except ValidationError as error:
        lines = [f"  {_explain(dict(item))}" for item in error.errors(include_url=False)]
        raise CatalogueError(f"{path} breaks the schema:\n" + "\n".join(lines)) from None
    if facts.id != folder.name:
        raise CatalogueError(
            f"{path}: id: '{facts.id}' must be the name of the folder, '{folder.name}'."
        )
    return Competition(folder, facts)


def competition_ids(folder: Path | None = None) -> list[str]:
    """Return the ids of all competitions, sorted, without reading them.

    Parameters
    ----------
    folder : pathlib.Path, optional
        Folder of competition folders; that of the package by default.
    """
    folder = folder or default_folder()
    return sorted(path.parent.name for path in folder.glob(f"*/{FILE_NAME}"))


def load_competition(competition_id: str, folder: Path | None = None) -> Competition:
    """Read one competition by its id.

    Parameters
    ----------
    competition_id : str
        Such as ``"spooky-author-identification"``.
    folder : pathlib.Path, optional
        Folder of competition folders; that of the package by default.

    Raises
    ------
    UnknownNameError
        If there is no such competition.
    CatalogueError
        If its `competition.yaml` breaks the schema.
    """
    known = competition_ids(folder)
    if competition_id not in known:
        raise UnknownNameError(
            f"There is no competition '{competition_id}'. {suggest(competition_id, known)} "
            "`mlebench list` shows them all."
        )
    return read_competition((folder or default_folder()) / competition_id)


def load_catalogue(folder: Path | None = None) -> list[Competition]:
    """Read all competitions, sorted by id."""
    folder = folder or default_folder()
    return [read_competition(folder / name) for name in competition_ids(folder)]
