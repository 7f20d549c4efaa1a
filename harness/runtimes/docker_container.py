"""The settings of the container that an agent runs in: what it may see, use and do."""

from __future__ import annotations

import math
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mlebench_data.harness.runtimes.docker_agent_files import copy_mount
from mlebench_data.harness.runtimes.docker_gpus import gpu_requests, gpu_variables
from mlebench_data.harness.runtimes.docker_ports import (
    PROCESSES,
    entry_command,
    port_mounts,
    sandbox_ports,
    validator_mounts,
    validator_variables,
)
from mlebench_data.harness.runtimes.failures import LastingFailure
from mlebench_data.harness.runtimes.sandbox import Folders, Limits, Sandbox, contract_variables

#: Paths inside a container.
DATA = "/home/data"
SUBMISSION = "/home/submission"
LOGS = "/home/logs"
CODE = "/home/code"
AGENT = "/home/agent"
INSTRUCTIONS = "/home/instructions.txt"

OWNER_LABEL = "mlebench.owner"
NAME_LABEL = "mlebench.name"
DEADLINE_LABEL = "mlebench.deadline"

#: Joins the two output streams where they arise: the engine carries them apart, which would mix
#: up the order of lines and even their halves. The shell becomes the command that follows.
JOINED_OUTPUT = ("/bin/sh", "-c", 'exec "$@" 2>&1', "sh")

#: User and group that an agent runs as where the harness is root.
AGENT_ID = 1000
#: Seconds by which the container's own deadline lies behind the harness's, which goes first.
DEADLINE_SLACK = 15.0

_ENGINE_LOG_SIZE = "10m"
_DEFAULT_SHARED_MEMORY = 4 * 1024**3


def deadline_prefix(limits: Limits) -> list[str]:
    """Return the command that ends the container in time even if the harness is killed.

    `timeout` becomes PID 1. The kernel lets no process of a container end or stop its PID 1 by a
    signal; those that `timeout` handles only bring the end forward. When it ends, the kernel
    kills all that is left. A shell, or the agent itself, as PID 1 would hold no deadline, and as
    any other process `timeout` could be killed by the agent, which has the same user.

    Parameters
    ----------
    limits : Limits
        Of these, the time and the grace.

    Returns
    -------
    list of str
        What stands before the agent's command.
    """
    inner = limits.time_seconds + limits.grace_seconds + DEADLINE_SLACK
    # An interval of 0 would mean "never".
    grace = max(limits.grace_seconds, 0.1)
    return ["timeout", "--signal=TERM", f"--kill-after={grace:.3f}s", f"{inner:.3f}s"]


def container_user(uid: int, gid: int, security_options: Iterable[str]) -> str:
    """Return the user that the agent runs as, in the form `uid:gid`.

    Parameters
    ----------
    uid, gid : int
        The harness's effective user and group.
    security_options : iterable of str
        What the engine says under that name.

    Raises
    ------
    LastingFailure
        If the engine maps users in a way that leaves the writable folders unwritable.
    """
    names = {part for option in security_options for part in option.split(",")}
    if "name=rootless" in names:
        # The engine runs as the harness's account, and "root" in its containers is that account.
        return "0:0"
    if "name=userns" in names:
        raise LastingFailure(
            "The engine remaps users (userns-remap), so the agent could not write its "
            "folders. Use an engine without it, or a rootless engine."
        )
    return f"{AGENT_ID}:{AGENT_ID}" if uid == 0 else f"{uid}:{gid}"


def hand_over(folders: Folders, user: str) -> None:
    """Give the writable folders to the agent's user, if the harness may, and check the others.

    Parameters
    ----------
    folders : Folders
        The folders on the host.
    user : str
        The container's user as `uid:gid`.

    Raises
    ------
    LastingFailure
        If the agent could not read what it is meant to read.
    """
    uid, gid = (int(part) for part in user.split(":"))
    if os.geteuid() == 0 and uid != 0:
        for folder in folders.writable:
            os.chown(folder, uid, gid)
            for parent, names, files in os.walk(folder):
                for name in (*names, *files):
                    # Never through a link: an earlier attempt may have left one to anywhere.
                    os.chown(Path(parent) / name, uid, gid, follow_symlinks=False)
        for path in (folders.data, folders.agent, folders.instructions):
            wanted = 0o5 if path.is_dir() else 0o4
            status = path.stat()
            bits = status.st_mode if status.st_uid != uid else status.st_mode >> 6
            if bits & wanted != wanted:
                raise LastingFailure(
                    f"The agent runs as user {uid} and cannot read {path} (mode "
                    f"{status.st_mode & 0o777:o}). Allow it with: chmod -R a+rX {path}"
                )


def container_options(
    sandbox: Sandbox,
    *,
    image: str,
    user: str,
    owner: str,
    now: float,
    gpus_by_interface: bool = False,
) -> dict[str, Any]:
    """Return the arguments of docker's `containers.create` for a sandbox.

    Parameters
    ----------
    sandbox : Sandbox
        What to run.
    image : str
        Id of the image.
    user : str
        The container's user as `uid:gid`.
    owner : str
        Mark of the harness.
    now : float
        Seconds since the epoch.
    gpus_by_interface : bool
        As for `gpu_requests`.

    Returns
    -------
    dict
        Keyword arguments.
    """
    limits = sandbox.limits
    prefix = deadline_prefix(limits)
    last = now + limits.time_seconds + 2 * limits.grace_seconds + DEADLINE_SLACK
    ports = sandbox_ports(sandbox)
    options: dict[str, Any] = {
        "image": image,
        "name": container_name(sandbox.name),
        "entrypoint": prefix,
        "command": [
            *(entry_command(ports) if ports else JOINED_OUTPUT),
            *sandbox.command_line(python="python3", agent=AGENT),
        ],
        "user": user,
        "working_dir": CODE,
        "environment": {
            # A home that any user can write; a name, as the user may have no passwd entry.
            "HOME": "/tmp",
            "USER": "agent",
            "LOGNAME": "agent",
            "LANG": "C.UTF-8",
            **dict(sandbox.environment),
            **(sandbox.models.environment if sandbox.models is not None else {}),
            **gpu_variables(sandbox.gpus),
            **validator_variables(sandbox),
            **contract_variables(
                data=DATA,
                submission=SUBMISSION,
                logs=LOGS,
                code=CODE,
                agent=AGENT,
                instructions=INSTRUCTIONS,
            ),
        },
        # The client would otherwise add the proxies of the host account's configuration.
        "use_config_proxy": False,
        "mounts": [
            *_mounts(sandbox),
            *([copy_mount(AGENT)] if sandbox.agent_in_image else []),
            *port_mounts(ports),
            *validator_mounts(sandbox),
        ],
        # The language-model proxy is reached without a network.
        "network_mode": "bridge" if sandbox.network == "full" else "none",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "privileged": False,
        "stdin_open": False,
        "tty": False,
        "auto_remove": False,
        "restart_policy": {"Name": "no"},
        # It counts as memory, so it needs no limit of its own.
        "shm_size": limits.shared_memory_bytes or limits.memory_bytes or _DEFAULT_SHARED_MEMORY,
        # No core dumps in the agent's folders.
        "ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}],
        # The harness keeps the log. The engine's copy serves `docker logs` and must stay small.
        "log_config": {
            "Type": "json-file",
            "Config": {"max-size": _ENGINE_LOG_SIZE, "max-file": "1"},
        },
        "labels": {OWNER_LABEL: owner, NAME_LABEL: sandbox.name, DEADLINE_LABEL: f"{last:.0f}"},
    }
    if sandbox.gpus:
        options["device_requests"] = gpu_requests(sandbox.gpus, by_interface=gpus_by_interface)
    if limits.open_files is not None:
        options["ulimits"].append(
            {"Name": "nofile", "Soft": limits.open_files, "Hard": limits.open_files}
        )
    if limits.cpus is not None:
        options["nano_cpus"] = math.ceil(limits.cpus * 1e9)
    if limits.memory_bytes is not None:
        # The second figure is memory and swap together.
        options["mem_limit"] = options["memswap_limit"] = limits.memory_bytes
    if limits.processes is not None:
        # PID 1 is the harness's, not the agent's, and so is what serves ports.
        options["pids_limit"] = limits.processes + 1 + (PROCESSES if ports else 0)
    return options


def container_name(name: str) -> str:
    """Return a name that the engine accepts and that no other container has."""
    plain = re.sub(r"[^a-zA-Z0-9_.-]+", "-", name).strip("-.")[:80]
    return f"mlebench-{plain or 'sandbox'}-{secrets.token_hex(4)}"


def _mounts(sandbox: Sandbox) -> list[dict[str, Any]]:
    folders = sandbox.folders
    readable = {DATA: folders.data, AGENT: folders.agent, INSTRUCTIONS: folders.instructions}
    if sandbox.agent_in_image:
        del readable[AGENT]
    writable = {SUBMISSION: folders.submission, LOGS: folders.logs, CODE: folders.code}
    return [
        {
            "Type": "bind",
            "Source": str(source.resolve(strict=True)),
            "Target": target,
            "ReadOnly": target in readable,
            # A file system mounted somewhere below would stay writable in a read-only mount.
            "BindOptions": {"NonRecursive": target in readable, "Propagation": "rprivate"},
        }
        for target, source in (readable | writable).items()
    ]
