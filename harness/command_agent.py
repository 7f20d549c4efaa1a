"""The agent `command`: whatever a shell command does, in whatever image."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.agent import Agent, load_agent

NAME = "command"
_PLACE = "{command}"


def command_agent(
    command: str, *, files: Path | None = None, image: str | None = None, name: str | None = None
) -> Agent:
    """Return an agent that runs a shell command.

    Parameters
    ----------
    command : str
        Text for `/bin/sh -c`. `{python}` and `{agent}` in it stand for the sandbox' Python and the
        folder of the agent's files there (`/home/agent` in a container).
    files : pathlib.Path, optional
        Folder that becomes the agent's files; by default they are those of the image.
    image : str, optional
        One of our images or a full reference; the base image by default.
    name : str, optional
        What records call it; `command` by default.

    Raises
    ------
    MlebenchError
        If the command is empty, the folder is none, or the name is not fit for a folder.
    """
    if not command.strip():
        raise MlebenchError("--command is empty. Name what is to be run.")
    if files is not None and not files.is_dir():
        raise MlebenchError(f"--agent-files: {files} is no folder.")
    if name is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise MlebenchError(
            f"--agent-name: '{name}' is not fit for a folder. Use letters, digits, '_', '.', '-'."
        )
    template = load_agent(NAME)
    return dataclasses.replace(
        template,
        name=name or template.name,
        description=f"The command {command!r}.",
        # A literal replacement: braces in a command mean nothing else.
        command=tuple(part.replace(_PLACE, command) for part in template.command),
        folder=(files or template.folder).resolve(),
        image=image or template.image,
        files="image" if files is None else "folder",
    )
