"""Agents in containers of a Docker engine, with a deadline that does not depend on the agent."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlebench_data.harness.runtimes import docker_container as settings
from mlebench_data.harness.runtimes.base import (
    Ending,
    HowEnded,
    Limits,
    Runtime,
    RuntimeFailure,
    Sandbox,
)
from mlebench_data.harness.runtimes.docker_engine import connection, engine_errors
from mlebench_data.harness.runtimes.docker_watch import EngineWait, UsageSampler
from mlebench_data.harness.runtimes.log_file import CappedLog
from mlebench_data.harness.runtimes.log_pump import LogPump
from mlebench_data.harness.runtimes.owner import Owner

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

_TICK = 0.1
#: Seconds that the engine has to end a container by force.
_KILL_PATIENCE = 60.0
#: Seconds that a lost engine has to come back, so that its container can be removed.
_RESTART_PATIENCE = 20.0
_KILLED = 128 + 9
_TIMED_OUT = 124


class DockerRuntime(Runtime):
    """One container for each sandbox, removed at its end.

    Raises
    ------
    RuntimeFailure
        If no engine answers.
    """

    name = "docker"
    isolates = True

    def __init__(self) -> None:
        with connection():
            pass

    def describe(self) -> dict[str, Any]:
        """Return the engine's version and the hardware; see `Runtime.describe`."""
        from mlebench_data.harness.runtimes.hardware import describe_hardware

        with connection() as client, engine_errors("tell about itself"):
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
            raise RuntimeFailure(
                f"Sandbox {sandbox.name!r} names no image, which Docker needs. Set one, such as "
                "the tag of the base agent image."
            )
        sandbox.folders.check()
        with connection() as client:
            image = _image(client, sandbox.image)
            with engine_errors("tell about itself"):
                security = client.info().get("SecurityOptions") or []
            user = settings.container_user(os.geteuid(), os.getegid(), security)
            settings.hand_over(sandbox.folders, user)
            options = settings.container_options(
                sandbox, image=image["Id"], user=user, owner=str(Owner.current()), now=time.time()
            )
            with CappedLog(sandbox.log_file, sandbox.limits.log_bytes) as log:
                with engine_errors(f"create the container of {sandbox.name!r}"):
                    container = client.containers.create(**options)
                try:
                    ending = _run_container(client, container, sandbox, log, cancelled)
                except BaseException as error:
                    _remove_after(error, container)
                    raise
                _remove(container)
        ending.details.update(
            image=sandbox.image,
            image_id=image["Id"],
            image_digests=image["RepoDigests"],
            network=sandbox.network,
            user=user,
            log_bytes=log.received,
            log_cut=log.cut,
        )
        return ending

    def remove_leftovers(self, keep: Collection[str] = (), drop: Collection[str] = ()) -> list[str]:
        """Remove containers of harnesses that are gone; see `Runtime.remove_leftovers`."""
        import docker.errors

        removed = []
        with connection() as client, engine_errors("list containers"):
            found = client.api.containers(all=True, filters={"label": settings.OWNER_LABEL})
            for entry in found:
                labels = entry["Labels"]
                owner = Owner.parse(labels[settings.OWNER_LABEL])
                if owner is None or not owner.is_gone():
                    continue
                try:
                    client.api.remove_container(entry["Id"], force=True, v=True)
                except docker.errors.APIError as error:
                    # Another harness that starts now is removing it too.
                    if error.status_code not in (404, 409):
                        raise
                    continue
                name = labels.get(settings.NAME_LABEL, "?")
                removed.append(
                    f"container {entry['Id'][:12]} ({name}) of a harness that is gone "
                    f"(process {owner.pid})"
                )
        return removed


def _run_container(
    client: DockerClient,
    container: Container,
    sandbox: Sandbox,
    log: CappedLog,
    cancelled: threading.Event,
) -> Ending:
    """Start a created container, watch it to its end and say how it ended."""
    with engine_errors(f"start the container of {sandbox.name!r}"):
        # Before the start, so that no output is missed.
        stream = container.attach(stdout=True, stderr=True, stream=True, logs=False)
        pump = LogPump(stream, log)
        container.start()
        started_at = datetime.now(UTC)
        start = time.monotonic()
    wait = EngineWait(container)
    usage = UsageSampler(client, container)
    forced: HowEnded | None
    try:
        try:
            forced = _watch(wait, pump, start + sandbox.limits.time_seconds, cancelled)
        except KeyboardInterrupt:
            forced = "interrupted"
        if forced is not None:
            _stop(container, wait, sandbox)
    finally:
        usage.stop()
    seconds = time.monotonic() - start
    ended_at = datetime.now(UTC)
    state = _final_state(container, wait, sandbox)
    with engine_errors(f"give the output of container {container.id}"):
        pump.finish()
        if log.received == 0:
            # A container that ends at once can be faster than the engine's attaching to it.
            log.write(container.logs(stdout=True, stderr=True))
    if forced is None:
        _check_engine(sandbox)
    how = forced or _classify(state, usage, sandbox.limits, seconds)
    return Ending(
        how=how,
        exit_code=state["ExitCode"],
        seconds=seconds,
        started_at=started_at.isoformat(),
        ended_at=ended_at.isoformat(),
        details={
            "isolation": True,
            "container_id": container.id,
            "oom_killed": bool(state["OOMKilled"]),
            "peak_memory_bytes": usage.peak_memory_bytes,
            "peak_processes": usage.peak_processes,
        },
    )


def _watch(
    wait: EngineWait, pump: LogPump, deadline: float, cancelled: threading.Event
) -> HowEnded | None:
    """Wait for the end; return why it must be forced, or None if it came by itself."""
    while not wait.done.wait(_TICK):
        if cancelled.is_set():
            return "interrupted"
        if time.monotonic() >= deadline:
            return "time_limit"
        pump.check()
    return None


def _stop(container: Container, wait: EngineWait, sandbox: Sandbox) -> None:
    """Ask the container to end, give it its grace, then end it by force."""
    _signal(container, "SIGTERM")
    if not wait.done.wait(sandbox.limits.grace_seconds):
        _signal(container, "SIGKILL")
        if not wait.done.wait(_KILL_PATIENCE):
            raise RuntimeFailure(
                f"The engine could not kill container {container.id} of {sandbox.name!r} in "
                f"{_KILL_PATIENCE:.0f} s. Look at it with `docker inspect`; a process that waits "
                "for a broken disk or device cannot be killed."
            )


def _signal(container: Container, name: str) -> None:
    import docker.errors

    with engine_errors(f"send {name} to container {container.id}"):
        try:
            container.kill(name)
        except docker.errors.APIError as error:
            # It has just ended, or someone removed it; the wait for its end tells which.
            if error.status_code not in (404, 409):
                raise


def _final_state(container: Container, wait: EngineWait, sandbox: Sandbox) -> dict[str, Any]:
    """Return the engine's account of an ended container."""
    import docker.errors

    if wait.error is not None:
        raise _engine_lost(sandbox, wait.error) from wait.error
    with engine_errors(f"tell how container {container.id} ended"):
        try:
            # The engine may learn of a lack of memory a moment after the end.
            for _ in range(10):
                container.reload()
                state: dict[str, Any] = container.attrs["State"]
                if state["ExitCode"] != _KILLED or state["OOMKilled"]:
                    break
                time.sleep(_TICK)
        except docker.errors.NotFound as error:
            raise RuntimeFailure(
                f"Someone removed the container of {sandbox.name!r} while it ran. The attempt can "
                "be repeated."
            ) from error
    if state["Running"]:
        raise RuntimeFailure(
            f"Someone restarted the container of {sandbox.name!r}. The attempt can be repeated."
        )
    return state


def _check_engine(sandbox: Sandbox) -> None:
    """Make sure that it was not the engine, shutting down, that ended a container.

    An engine that shuts down takes no new connections, then asks its containers to end, and
    still answers on the connections it has: that looks like an agent that ended by itself.
    """
    try:
        with connection():
            return
    except RuntimeFailure as failure:
        raise _engine_lost(sandbox, failure) from failure


def _engine_lost(sandbox: Sandbox, reason: Exception) -> RuntimeFailure:
    return RuntimeFailure(
        f"The Docker engine was lost while {sandbox.name!r} ran ({reason}). Was it restarted? "
        "The attempt can be repeated."
    )


def _classify(
    state: dict[str, Any], usage: UsageSampler, limits: Limits, seconds: float
) -> HowEnded:
    """Say how a container ended that the harness did not stop."""
    code = state["ExitCode"]
    if code in (_TIMED_OUT, _KILLED) and seconds >= limits.time_seconds:
        # The harness was held up (a suspended machine), and the inner deadline ended it.
        return "time_limit"
    if state["OOMKilled"] and code == _KILLED:
        return "out_of_memory"
    if code != 0 and usage.at_process_limit:
        return "too_many_processes"
    return "exited"


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
    """Remove a container because of an error, which stays the first thing that is told."""
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
            raise RuntimeFailure(
                f"The Docker engine has no image {reference!r}. Build the base agent image with "
                f"`mlebench images build`, or fetch another with `docker pull {reference}`."
            ) from error
    return {"Id": attributes["Id"], "RepoDigests": attributes.get("RepoDigests") or []}
