"""Sending a signal to an agent's process in a container, and to nothing else there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlebench_data.harness.runtimes.docker_engine import engine_errors
from mlebench_data.harness.runtimes.failures import RuntimeFailure

if TYPE_CHECKING:
    from docker import DockerClient

#: PID 1 is `timeout`. Of its children, the first is the agent; the others are orphans that the
#: agent's processes left. After the name of a program, which may hold blanks, the fields of `stat`
#: are the state, the parent and, as twentieth, the time of the start.
_SCRIPT = """
for file in /proc/[0-9]*/stat; do
    read -r line 2>/dev/null <"$file" || continue
    number=${line%% *}
    set -- ${line##*) }
    if [ "$2" = 1 ] && { [ -z "$first" ] || [ "${20}" -lt "$first" ]; }; then
        first=${20}
        agent=$number
    fi
done
[ -n "$agent" ] && kill -s "$SIGNAL" "$agent"
"""


def signal_agent(client: DockerClient, container_id: str, name: str) -> None:
    """Send a signal to the agent's process.

    Parameters
    ----------
    client : docker.DockerClient
        Connection to the engine.
    container_id : str
        A container that runs.
    name : str
        Name of the signal, with or without "SIG".

    Raises
    ------
    RuntimeFailure
        If it could not be sent.
    """
    with engine_errors(f"send {name} to the agent in container {container_id}"):
        task = client.api.exec_create(
            container_id,
            ["/bin/sh", "-c", _SCRIPT],
            environment={"SIGNAL": name.removeprefix("SIG")},
        )
        output = client.api.exec_start(task["Id"])
        code = client.api.exec_inspect(task["Id"])["ExitCode"]
    if code != 0:
        raise RuntimeFailure(
            f"The signal {name} did not reach the agent in container {container_id} (exit code "
            f"{code}): {output.decode(errors='replace').strip()[:500]}"
        )
