"""Agents in containers of a Docker engine, with a deadline that does not depend on the agent."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlebench_data.harness.runtimes import docker_container as settings
from mlebench_data.harness.runtimes.base import Ending, Runtime
from mlebench_data.harness.runtimes.docker_agent_files import give_copy
from mlebench_data.harness.runtimes.docker_end import ended_unwatched, parse_time, see_to_its_end
from mlebench_data.harness.runtimes.docker_engine import Engine, docker_engine, engine_errors
from mlebench_data.harness.runtimes.docker_gpus import gives_gpus
from mlebench_data.harness.runtimes.docker_output import RestOfOutput
from mlebench_data.harness.runtimes.failures import LastingFailure, OutOfReach, RuntimeFailure
from mlebench_data.harness.runtimes.log_file import CappedLog
from mlebench_data.harness.runtimes.log_pump import LogPump
from mlebench_data.harness.runtimes.masking import MaskedStream
from mlebench_data.harness.runtimes.owner import Owner
from mlebench_data.harness.runtimes.sandbox import Sandbox

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

#: Seconds that a lost engine has to come back, so that its container can be removed.
_RESTART_PATIENCE = 20.0
#: Seconds after its deadline for which an ended container is kept for the run it belongs to.
_ADOPTABLE_SECONDS = 7 * 86400.0


class DockerRuntime(Runtime):
    """One container for each sandbox, removed at its end.

    Parameters
    ----------
    engine : Engine, optional
        The Docker engine that the environment names by default.

    Raises
    ------
    RuntimeFailure
        If it does not answer.
    """

    name = "docker"
    isolates = True

    def __init__(self, engine: Engine | None = None) -> None:
        self.engine = engine or docker_engine()
        self.name = self.engine.name.lower()
        # Whether the engine can limit a container's own layer; not known before it has tried.
        self._has_quota: bool | None = None
        with self.engine.connection():
            pass

    def describe(self) -> dict[str, Any]:
        """Return the engine's version and the hardware; see `Runtime.describe`."""
        from mlebench_data.harness.runtimes.hardware import describe_hardware

        with self.engine.connection() as client, engine_errors("tell about itself"):
            version = client.version()
            info = client.info()
        return {
            "runtime": self.name,
            "isolation": True,
            "engine_version": version.get("Version"),
            "api_version": version.get("ApiVersion"),
            "engine_system": info.get("OperatingSystem"),
            "kernel": info.get("KernelVersion"),
            "cgroup_version": info.get("CgroupVersion"),
            "security_options": info.get("SecurityOptions"),
            "engine_cpu_count": info.get("NCPU"),
            "engine_memory_bytes": info.get("MemTotal"),
            "hardware": describe_hardware(),
        }

    def run(
        self,
        sandbox: Sandbox,
        *,
        cancelled: threading.Event,
        started: Callable[[str], None] = lambda token: None,
    ) -> Ending:
        """Run a sandbox in a new container; see `Runtime.run`."""
        if sandbox.image is None:
            raise LastingFailure(
                f"Sandbox {sandbox.name!r} names no image, which Docker needs. Set one, such as "
                "the tag of the base agent image."
            )
        sandbox.folders.check()
        with self.engine.connection() as client:
            image = _image(client, sandbox.image)
            with engine_errors("tell about itself"):
                security = client.info().get("SecurityOptions") or []
            user = settings.container_user(os.geteuid(), os.getegid(), security)
            settings.hand_over(sandbox.folders, user)
            options = settings.container_options(
                sandbox,
                image=image["Id"],
                user=user,
                owner=str(Owner.current()),
                now=time.time(),
                gpus_by_interface=self.engine.name == "Podman",
            )
            with CappedLog(sandbox.log_file, sandbox.limits.log_bytes) as log:
                with engine_errors(f"create the container of {sandbox.name!r}"):
                    container = self._create(client, options, sandbox.limits.disk_bytes)
                try:
                    if sandbox.agent_in_image:
                        give_copy(client, container, user, settings.AGENT)
                    started(container.id)
                    pump, started_at = _start(client, container, sandbox, log)
                    ending = see_to_its_end(
                        self.engine, client, container, sandbox, pump, started_at, cancelled
                    )
                except BaseException as error:
                    _remove_after(error, container)
                    raise
                _remove(container)
        ending.details.update(_record(sandbox, image, user, log))
        return ending

    def _create(
        self, client: DockerClient, options: dict[str, Any], disk_bytes: int | None
    ) -> Container:
        """Create a container, its own layer limited by the engine if the engine can."""
        import docker.errors

        if disk_bytes is not None and self._has_quota is not False:
            try:
                container = client.containers.create(
                    **options, storage_opt={"size": str(disk_bytes)}
                )
            except docker.errors.APIError as error:
                # Only some storage drivers can, on some file systems.
                if not re.search(r"storage.?opt|quota|backingfs", str(error), re.IGNORECASE):
                    raise
                self._has_quota = False
            else:
                self._has_quota = True
                return container
        return client.containers.create(**options)

    def check_gpus(self) -> None:
        """Look for what the engine needs to give GPUs; see `Runtime.check_gpus`."""
        with self.engine.connection() as client, engine_errors("tell about itself"):
            info = client.info()
        if not gives_gpus(info):
            raise LastingFailure(
                f"The {self.engine.name} engine cannot give GPUs to containers. Install the NVIDIA "
                "container toolkit on its machine, run `nvidia-ctk runtime configure "
                "--runtime=docker`, and restart the engine."
            )

    def adopt(self, token: str, sandbox: Sandbox, *, cancelled: threading.Event) -> Ending | None:
        """Take over a container that a harness which is gone had started; see `Runtime.adopt`."""
        import docker.errors

        with self.engine.connection() as client:
            with engine_errors(f"look up container {token}"):
                try:
                    container = client.containers.get(token)
                except docker.errors.NotFound:
                    return None
            if container.labels.get(settings.NAME_LABEL) != sandbox.name:
                return None
            image = {
                "Id": container.attrs["Image"],
                "RepoDigests": (container.image.attrs.get("RepoDigests") or []),
            }
            state = container.attrs["State"]
            ending = None
            with (
                CappedLog(sandbox.log_file, sandbox.limits.log_bytes, resume=True) as log,
                engine_errors(f"give the output of container {container.id}"),
            ):
                try:
                    if state["Status"] != "created":
                        pump = LogPump(RestOfOutput(container, sandbox.secrets, log), log)
                        if state["Running"]:
                            ending = see_to_its_end(
                                self.engine,
                                client,
                                container,
                                sandbox,
                                pump,
                                parse_time(state["StartedAt"]),
                                cancelled,
                            )
                        else:
                            ending = ended_unwatched(container, sandbox, state)
                            pump.finish()
                except BaseException as error:
                    _remove_after(error, container)
                    raise
                _remove(container)
        if ending is not None:
            user = container.attrs["Config"]["User"]
            ending.details.update(_record(sandbox, image, user, log), adopted=True)
        return ending

    def remove_leftovers(
        self,
        keep: Collection[str] = (),
        drop: Collection[str] = (),
        *,
        abandoned: bool = False,
    ) -> list[str]:
        """Remove containers of harnesses that are gone; see `Runtime.remove_leftovers`."""
        import docker.errors

        removed = []
        with self.engine.connection() as client, engine_errors("list containers"):
            found = client.api.containers(all=True, filters={"label": settings.OWNER_LABEL})
            for entry in found:
                labels = entry["Labels"]
                owner = Owner.parse(labels[settings.OWNER_LABEL])
                if owner is None or entry["Id"] in keep:
                    continue
                # Whoever drops one holds the folder of its run, so no other harness serves it.
                unwanted = owner.is_gone() and (abandoned or _is_abandoned(entry))
                if entry["Id"] not in drop and not unwanted:
                    continue
                try:
                    client.api.remove_container(entry["Id"], force=True, v=True)
                except docker.errors.APIError as error:
                    # Another harness that starts now is removing it too.
                    if error.status_code not in (404, 409):
                        raise
                    continue
                removed.append(_describe(entry, owner))
        return removed


def orphans() -> list[str]:
    """Return descriptions of the Docker containers of harnesses that are gone.

    Raises
    ------
    RuntimeFailure
        If no engine answers.
    """
    with docker_engine().connection() as client, engine_errors("list containers"):
        found = client.api.containers(all=True, filters={"label": settings.OWNER_LABEL})
    owners = [(entry, Owner.parse(entry["Labels"][settings.OWNER_LABEL])) for entry in found]
    return [
        f"{_describe(entry, owner)}: {entry['Status'].lower()}"
        for entry, owner in owners
        if owner is not None and owner.is_gone()
    ]


def _describe(entry: dict[str, Any], owner: Owner) -> str:
    name = entry["Labels"].get(settings.NAME_LABEL, "?")
    return f"container {entry['Id'][:12]} ({name}) of a harness that is gone (process {owner.pid})"


def _is_abandoned(entry: dict[str, Any]) -> bool:
    """Tell whether nobody can be going to adopt a container whose harness is gone.

    It ends itself at its deadline. Until long after, the run that it belongs to may be continued,
    which needs it to tell how its agent ended.
    """
    if entry["State"] == "created":
        return True
    deadline = float(entry["Labels"].get(settings.DEADLINE_LABEL, 0))
    return time.time() > deadline + _ADOPTABLE_SECONDS


def _record(sandbox: Sandbox, image: dict[str, Any], user: str, log: CappedLog) -> dict[str, Any]:
    """Return what a record says of a container besides its end."""
    return {
        "image": sandbox.image,
        "image_id": image["Id"],
        "image_digests": image["RepoDigests"],
        "network": sandbox.network,
        "user": user,
        "log_bytes": log.received,
        "log_cut": log.cut,
        "log_error": log.error,
    }


def _start(
    client: DockerClient, container: Container, sandbox: Sandbox, log: CappedLog
) -> tuple[LogPump, datetime]:
    """Start a created container, its output going to the log."""
    with engine_errors(f"start the container of {sandbox.name!r}"):
        # Before the start, so that no output is missed.
        stream = container.attach(stdout=True, stderr=True, stream=True, logs=False)
        pump = LogPump(MaskedStream(stream, sandbox.secrets), log)
        container.start()
        return pump, datetime.now(UTC)


def _remove(container: Container) -> None:
    """Remove a container, by force if it still runs; wait for an engine that restarts."""
    import docker.errors
    import requests.exceptions

    last = time.monotonic() + _RESTART_PATIENCE
    with engine_errors(f"remove container {container.id}"):
        while True:
            try:
                container.remove(force=True, v=True)
            except docker.errors.APIError as error:
                if error.status_code not in (404, 409):
                    raise
            except requests.exceptions.ConnectionError:
                if time.monotonic() >= last:
                    raise
                time.sleep(1)
                continue
            return


def _remove_after(error: BaseException, container: Container) -> None:
    """Remove a container because of an error, which stays the first thing that is told.

    Where the engine was lost, its containers may still run when it is found again: a day's work is
    not removed for that.
    """
    if isinstance(error, OutOfReach):
        return
    try:
        _remove(container)
    except RuntimeFailure as failure:
        if not isinstance(error, RuntimeFailure):
            raise
        raise RuntimeFailure(f"{error} Besides: {failure}") from error


def _image(client: DockerClient, reference: str) -> dict[str, Any]:
    """Return what the engine knows of an image that it must have already."""
    import docker.errors

    with engine_errors(f"look up image {reference!r}"):
        try:
            attributes: dict[str, Any] = client.images.get(reference).attrs
        except docker.errors.ImageNotFound as error:
            raise LastingFailure(
                f"The engine has no image {reference!r}. Build the base agent image with "
                f"`mlebench images build`, or fetch another with `docker pull {reference}`."
            ) from error
    return {"Id": attributes["Id"], "RepoDigests": attributes.get("RepoDigests") or []}
