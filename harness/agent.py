"""Agents as they are run: their files, what they need, and the parameters they are given."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from mlebench_data.errors import MlebenchError, UnknownNameError, suggest
from mlebench_data.harness.runtimes.masking import MASK
from mlebench_data.harness.runtimes.sandbox import Network
from mlebench_data.prepare.manifest import hash_file

FILE_NAME = "agent.yaml"
Value = str | int | float | bool


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
    parameters : mapping of str to (str, int, float or bool)
        What it can be told, with the values in force. It finds them as variables `AGENT_<NAME>`.
    secrets : tuple of str
        Variables of the harness's environment that are handed to it. No record holds their values.
    warning_signal : str or None
        Signal by which it wants to be told that its time runs out, such as `SIGUSR1`.
    gpus : int
        Graphics processors that it needs, at least.
    network : {"none", "llm", "full"}
        What it needs to reach, at least. It does not get this unless the run gives it.
    files : {"folder", "image"}
        Whether its files are those of `folder`, or are in the image already.
    self_test : bool
        Whether it is the harness that submits, and submits the answers.
    """

    name: str
    description: str
    folder: Path
    command: tuple[str, ...]
    image: str
    environment: dict[str, str]
    requires: tuple[str, ...]
    parameters: Mapping[str, Value] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    warning_signal: str | None = None
    gpus: int = 0
    network: Network = "none"
    files: Literal["folder", "image"] = "folder"
    self_test: bool = False

    def record(self) -> dict[str, Any]:
        """Return the agent as resolved, fit for JSON and for other people's eyes."""
        return {**self.specification(), "description": self.description, "sha256": self.digest()}

    def specification(self) -> dict[str, Any]:
        """Return what is in force of its description; secrets are masked."""
        return {
            "name": self.name,
            "command": list(self.command),
            "image": self.image,
            "environment": dict(self.environment),
            "requires": list(self.requires),
            "parameters": dict(self.parameters),
            "secrets": dict.fromkeys(self.secrets, MASK),
            "warning_signal": self.warning_signal,
            "gpus": self.gpus,
            "network": self.network,
            "files": self.files,
            "self_test": self.self_test,
        }

    def summary(self) -> str:
        """Return what is in force of its description in a line for people."""
        parts = ["self-test" if self.self_test else " ".join(self.command)]
        parts += [f"{name}={_text(value)}" for name, value in self.parameters.items()]
        parts += [f"{name}={MASK}" for name in self.secrets]
        return " ".join(parts)

    def variables(self) -> dict[str, str]:
        """Return the environment variables that its description sets, without secrets."""
        return {
            **self.environment,
            **{f"AGENT_{name.upper()}": _text(value) for name, value in self.parameters.items()},
        }

    def with_parameters(self, given: Mapping[str, str]) -> Agent:
        """Return the agent with other values of its parameters.

        Parameters
        ----------
        given : mapping of str to str
            Values as text, by parameter; they must be of the types of the defaults.

        Raises
        ------
        MlebenchError
            If it has no such parameter, or the value is of another type.
        """
        values = dict(self.parameters)
        for name, text in given.items():
            if name not in values:
                known = ", ".join(values) or "none"
                raise UnknownNameError(
                    f"The agent {self.name} has no parameter '{name}'; it has: {known}. "
                    f"{suggest(name, list(values))}"
                )
            values[name] = self._parse(name, text)
        return dataclasses.replace(self, parameters=values)

    def _parse(self, name: str, text: str) -> Value:
        default = self.parameters[name]
        try:
            if isinstance(default, bool):
                return {"true": True, "false": False}[text.lower()]
            return type(default)(text)
        except (KeyError, ValueError):
            kinds = {bool: "true or false", int: "a whole number", float: "a number"}
            raise MlebenchError(
                f"--agent-arg {name}: '{text}' is not {kinds[type(default)]}, which the agent "
                f"{self.name} expects there."
            ) from None

    def with_secrets(self, names: Sequence[str]) -> Agent:
        """Return the agent with further secrets.

        Parameters
        ----------
        names : sequence of str
            Variables of the harness's environment.

        Raises
        ------
        MlebenchError
            If one is no name of a variable, or of one that the harness or the agent sets itself.
        """
        from mlebench_data.harness.agent_file import RESERVED

        for name in names:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                raise MlebenchError(
                    f"--secret: '{name}' is no name of a variable. Secrets are given by name; the "
                    "value stays in the environment."
                )
            if RESERVED.fullmatch(name) or name in self.variables():
                raise MlebenchError(
                    f"--secret {name}: the harness or the agent {self.name} sets this itself."
                )
        return dataclasses.replace(self, secrets=tuple(dict.fromkeys([*self.secrets, *names])))

    def secret_values(self, environment: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return names and values of its secrets.

        Parameters
        ----------
        environment : mapping, optional
            Where they stand; the environment of this process by default.

        Raises
        ------
        MlebenchError
            If one is not there or empty.
        """
        found = os.environ if environment is None else environment
        missing = [name for name in self.secrets if not found.get(name)]
        if missing:
            raise MlebenchError(
                f"The agent {self.name} needs {' and '.join(missing)}, which the environment does "
                f"not have. Set it before `mlebench run`, for example with: read -rs {missing[0]} "
                f"&& export {missing[0]}"
            )
        return {name: found[name] for name in self.secrets}

    def check_needs(self, *, gpus: int, network: Network) -> None:
        """Make sure, before anything starts, that a run gives the agent what it cannot do without.

        Parameters
        ----------
        gpus : int
            GPUs of each attempt.
        network : {"none", "llm", "full"}
            What the run lets agents reach.

        Raises
        ------
        MlebenchError
            If it gives less.
        """
        reach: tuple[Network, ...] = ("none", "llm", "full")
        if reach.index(network) < reach.index(self.network):
            raise MlebenchError(
                f"The agent {self.name} needs --network {self.network}; the run has '{network}'."
            )
        if gpus < self.gpus:
            raise MlebenchError(
                f"The agent {self.name} needs --gpus-per-run {self.gpus}; the run gives {gpus}."
            )

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
    return Path(str(resources.files("mlebench_data.harness"))) / "agents"


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
    from pydantic import ValidationError

    from mlebench_data.harness.agent_file import AgentFile

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
    if content.self_test and folder.parent != default_folder():
        raise MlebenchError(f"{path}: self_test is for agents of the package only; remove it.")
    return Agent(
        name=content.name,
        description=content.description,
        folder=folder.resolve(),
        command=tuple(content.command),
        image=content.image,
        environment=dict(content.environment),
        requires=tuple(content.requires),
        parameters=dict(content.parameters),
        secrets=tuple(content.secrets),
        warning_signal=content.warning_signal,
        gpus=content.gpus,
        network=content.network,
        files=content.files,
        self_test=content.self_test,
    )


def with_arguments(agents: Sequence[Agent], arguments: Sequence[str]) -> list[Agent]:
    """Return agents with the parameters of a command line.

    Parameters
    ----------
    agents : sequence of Agent
        The agents of a run.
    arguments : sequence of str
        `KEY=VALUE`, for all agents that have such a parameter, or `AGENT.KEY=VALUE`.

    Raises
    ------
    MlebenchError
        If one has another form, or no agent has such a parameter.
    """
    given: dict[str, dict[str, str]] = {agent.name: {} for agent in agents}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals:
            raise MlebenchError(f"--agent-arg {argument}: write KEY=VALUE or AGENT.KEY=VALUE.")
        prefix, _, name = key.rpartition(".")
        named = [agent for agent in agents if agent.name == prefix]
        targets = named or [agent for agent in agents if not prefix and name in agent.parameters]
        if not targets:
            known = [f"{agent.name}.{own}" for agent in agents for own in agent.parameters]
            raise UnknownNameError(
                f"--agent-arg {key}: no agent of this run has such a parameter. They have: "
                f"{', '.join(known) or 'none'}. {suggest(key, known)}"
            )
        for agent in targets:
            given[agent.name][name] = value
    return [agent.with_parameters(given[agent.name]) for agent in agents]


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
