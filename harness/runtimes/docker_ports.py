"""Ports of a container's loopback interface that lead to sockets of the harness.

This needs no network: the folder of each socket is mounted, and a small program in the container
hands on what comes to the port.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlebench_data.harness.runtimes.sandbox import Sandbox
from mlebench_data.harness.validator.places import SCRIPT, SOCKET

_FOLDER = "/run/mlebench"

#: Where the published benchmark's containers have their format check.
VALIDATOR_PORT = 5000
VALIDATE_SUBMISSION = "/home/validate_submission.sh"

#: The shell that starts the program again and again, and the program.
PROCESSES = 2

#: Starts the program that serves the ports, and becomes the agent's command once they are open.
#: The program is started again if the agent ends it by mistake (as by `pkill python`). The agent
#: must not be its parent: an agent that waits for all of its children would wait for ever.
_ENTRY = """
exec 2>&1
program=$1
shift
ports=
while [ "$1" != -- ]; do
    ports="$ports $1"
    shift
done
shift
if ! command -v python3 >/dev/null; then
    echo "mlebench: this image has no python3, so the ports$ports lead nowhere"
    exec "$@"
fi
(while :; do python3 -IS -c "$program" serve $ports </dev/null; sleep 1; done &)
if ! python3 -IS -c "$program" wait $ports; then
    echo "mlebench: the ports$ports could not be opened in this container"
fi
exec "$@"
"""


def sandbox_ports(sandbox: Sandbox) -> dict[int, Path]:
    """Return the host's sockets by the port of the sandbox that leads to them."""
    ports = {}
    if sandbox.models is not None and sandbox.models.socket is not None:
        ports[sandbox.models.port] = sandbox.models.socket
    if sandbox.validator is not None:
        ports[VALIDATOR_PORT] = sandbox.validator / SOCKET
    return ports


def validator_variables(sandbox: Sandbox) -> dict[str, str]:
    """Return the variables by which the agent finds the format check."""
    if sandbox.validator is None:
        return {}
    return {
        "VALIDATE_URL": f"http://localhost:{VALIDATOR_PORT}/validate",
        "VALIDATE_SUBMISSION": VALIDATE_SUBMISSION,
        "VALIDATE_FOLDER": f"{_FOLDER}/{VALIDATOR_PORT}",
    }


def validator_mounts(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Return the mount of the program that asks the format check; its socket is a port's."""
    if sandbox.validator is None:
        return []
    return [
        {
            "Type": "bind",
            "Source": str((sandbox.validator / SCRIPT).resolve(strict=True)),
            "Target": VALIDATE_SUBMISSION,
            "ReadOnly": True,
            "BindOptions": {"NonRecursive": True, "Propagation": "rprivate"},
        }
    ]


def port_mounts(ports: dict[int, Path]) -> list[dict[str, Any]]:
    """Return the mounts that show the folders of sockets.

    A folder, since a socket that is made anew would not be seen through a mount of the old one.
    """
    return [
        {
            "Type": "bind",
            "Source": str(path.parent.resolve(strict=True)),
            "Target": f"{_FOLDER}/{port}",
            "ReadOnly": True,
            "BindOptions": {"NonRecursive": True, "Propagation": "rprivate"},
        }
        for port, path in ports.items()
    ]


def entry_command(ports: dict[int, Path]) -> list[str]:
    """Return what stands before the agent's command where there are ports."""
    program = Path(__file__).with_name("loopback_ports.py").read_text(encoding="utf-8")
    places = [f"{port}={_FOLDER}/{port}/{path.name}" for port, path in ports.items()]
    return ["/bin/sh", "-c", _ENTRY, "sh", program, *places, "--"]
