"""Agents whose files are in their image: a copy of them that the agent's user may write.

Images made for the published benchmark count on that. The copy is an anonymous volume of the
container, which the engine fills from the image, and removes together with the container.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlebench_data.harness.runtimes.docker_engine import engine_errors
from mlebench_data.harness.runtimes.failures import RuntimeFailure

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

#: What it takes to give away files of any owner, in folders of any mode.
_RIGHTS = ("CHOWN", "DAC_OVERRIDE", "FOWNER")


def copy_mount(target: str) -> dict[str, Any]:
    """Return the mount that is a copy of what the image holds at a path."""
    return {"Type": "volume", "Target": target}


def give_copy(client: DockerClient, container: Container, user: str, target: str) -> None:
    """Let a container's user own the copy; the container is not started yet.

    Parameters
    ----------
    client : docker.DockerClient
        Connection to the engine.
    container : docker.models.containers.Container
        The container, with `copy_mount(target)`.
    user : str
        Its user as `uid:gid`.
    target : str
        The path.

    Raises
    ------
    RuntimeFailure
        If the engine fails, or the image lacks `chown`.
    """
    import docker.errors

    if user.startswith("0:"):
        return
    with engine_errors(f"give {target} to the user of container {container.id}"):
        container.reload()
        (volume,) = [
            mount["Name"] for mount in container.attrs["Mounts"] if mount["Destination"] == target
        ]
        try:
            # The image's own program runs as root here, so it sees nothing but the copy.
            client.containers.run(
                container.attrs["Image"],
                entrypoint=["chown", "-R", user],
                command=[target],
                user="0:0",
                mounts=[{"Type": "volume", "Source": volume, "Target": target}],
                network_mode="none",
                cap_drop=["ALL"],
                cap_add=list(_RIGHTS),
                security_opt=["no-new-privileges"],
                labels=container.labels,
                use_config_proxy=False,
                remove=True,
            )
        except docker.errors.ContainerError as error:
            text = error.stderr.decode(errors="replace") if error.stderr else str(error)
            raise RuntimeFailure(
                f"The agent's files at {target} in the image could not be given to user {user}: "
                f"{text.strip()[:500]}"
            ) from error
