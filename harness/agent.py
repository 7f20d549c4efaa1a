"""Reading of agent folders: `agent.yaml` and the files beside it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from mlebench_data.errors import MlebenchError, UnknownNameError, suggest
from mlebench_data.prepare.manifest import hash_file

FILE_NAME = "agent.yaml"


@dataclass(frozen=True)
class Agent:
    """An agent that can be run.

    Attributes
    ----------
    name : str
        Name for records.
    description : str
        One sentence.
    folder : pathlib.Path
        Its files; mounted read-only into the sandbox.
    command : tuple of str
        Program and arguments; `{python}` and `{agent}` stand for the sandbox' Python interpreter
        and the agent's folder.
    image : str
        Name of one of our images, or a full image reference.
    environment : dict of str to str
        Extra variables.
    requires : tuple of str
        Python packages it imports.
    """

    name: str
    description: str
    folder: Path
    command: tuple[str, ...]
    image: str
    environment: dict[str, str]
    requires: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Return the agent as resolved, fit for JSON and for other people's eyes."""
        return {
            "name": self.name,
            "description": self.description,
            "command": list(self.command),
            "image": self.image,
            "environment": dict(self.environment),
            "requires": list(self.requires),
            "sha256": self.digest(),
        }

    def digest(self) -> str:
        """Return the SHA-256 over the names and contents of the agent's files.

        Bytecode is left out, for Python writes it where the files are not read-only.
        """
        digest = hashlib.sha256()
        for parent, folders, names in os.walk(self.folder):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            # Links to folders are listed as folders, but not walked into.
            for name in sorted([*folders, *names]):
                path = Path(parent) / name
                if path.is_symlink():
                    content = os.fsencode(path.readlink())
                elif path.is_file():
                    content = hash_file(path)[0].encode()
                else:
                    continue
                relative = os.fsencode(path.relative_to(self.folder).as_posix())
                digest.update(relative + b"\0" + content + b"\0")
        return digest.hexdigest()


def default_folder() -> Path:
    """Return the folder of the agents that come with the package."""
    return Path(str(files("mlebench_data.harness"))) / "agents"


def agent_names() -> list[str]:
    """Return the names of the agents that come with the package."""
    return sorted(path.parent.name for path in default_folder().glob(f"*/{FILE_NAME}"))


def load_agent(name: str) -> Agent:
    """Read an agent by its name, or from a folder.

    Parameters
    ----------
    name : str
        One of `agent_names()`, or the path of a folder with an `agent.yaml`.

    Raises
    ------
    UnknownNameError
        If there is no such agent.
    MlebenchError
        If its `agent.yaml` breaks the schema; the message names file and key.
    """
    import yaml
    from pydantic import BaseModel, ConfigDict, Field, ValidationError

    class AgentFile(BaseModel):
        model_config = ConfigDict(extra="forbid")
        name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
        description: str = ""
        command: list[str] = Field(min_length=1)
        image: str = "base"
        environment: dict[str, str] = {}
        requires: list[str] = []

    folder = default_folder() / name if name in agent_names() else Path(name)
    path = folder / FILE_NAME
    if not path.is_file():
        raise UnknownNameError(
            f"There is no agent '{name}': it is neither one of {', '.join(agent_names())} nor a "
            f"folder with an {FILE_NAME}. {suggest(name, agent_names())}"
        )
    try:
        content = AgentFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise MlebenchError(f"{path} is not valid YAML: {error}") from error
    except UnicodeDecodeError as error:
        raise MlebenchError(f"{path} is not UTF-8 text: {error}") from error
    except ValidationError as error:
        lines = [
            f"  {'.'.join(map(str, item['loc'])) or '(top level)'}: {item['msg']}"
            for item in error.errors(include_url=False)
        ]
        raise MlebenchError(f"{path} breaks the schema:\n" + "\n".join(lines)) from None
    return Agent(
        name=content.name,
        description=content.description,
        folder=folder.resolve(),
        command=tuple(content.command),
        image=content.image,
        environment=dict(content.environment),
        requires=tuple(content.requires),
    )
