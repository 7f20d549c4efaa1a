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
from mlebench_data.harness.runtimes.base import (
    Cancelled,
    Ending,
    HowEnded,
    Limits,
    OutOfReach,
    Runtime,
    RuntimeFailure,
    Sandbox,
)
from mlebench_data.harness.runtimes.docker_engine import connection, engine_errors
from mlebench_data.harness.runtimes.docker_output import RestOfOutput
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
#: Exit codes of a container that was ended by SIGTERM or SIGKILL, as by an engine that shuts down.
_BY_SIGNAL = (_TIMED_OUT, _KILLED, 128 + 15)
#: Seconds after its deadline for which an ended container is kept for the run it belongs to.
_ADOPTABLE_SECONDS = 7 * 86400.0


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
                    started(container.id)
                    pump, started_at = _start(client, container, sandbox, log)
                    ending = _see_to_its_end(
                        client, container, sandbox, pump, started_at, cancelled
                    )
                except BaseException as error:
                    _remove_after(error, container)
                    raise
                _remove(container)
        ending.details.update(_record(sandbox, image, user, log))
        return ending

    def adopt(self, token: str, sandbox: Sandbox, *, cancelled: threading.Event) -> Ending | None:
        """Take over a container that a harness which is gone had started; see `Runtime.adopt`."""
        import docker.errors

        with connection() as client:
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
                        pump = LogPump(RestOfOutput(container, log), log)
                        if state["Running"]:
                            ending = _see_to_its_end(
                                client,
                                container,
                                sandbox,
                                pump,
                                _time(state["StartedAt"]),
                                cancelled,
                            )
                        else:
                            ending = _ended_unwatched(container, sandbox, state)
                            pump.finish()
                except BaseException as error:
                    _remove_after(error, container)
                    raise
                _remove(container)
        if ending is not None:
            user = container.attrs["Config"]["User"]
            ending.details.update(_record(sandbox, image, user, log), adopted=True)
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
                if owner is None or entry["Id"] in keep:
                    continue
                # Whoever drops one holds the folder of its run, so no other harness serves it.
                if entry["Id"] not in drop and not (owner.is_gone() and _is_abandoned(entry)):
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
        pump = LogPump(stream, log)
        container.start()
        return pump, datetime.now(UTC)


def _see_to_its_end(
    client: DockerClient,
    container: Container,
    sandbox: Sandbox,
    pump: LogPump,
    started_at: datetime,
    cancelled: threading.Event,
) -> Ending:
    """Watch a container to its end and say how it ended."""
    start = time.monotonic() - (datetime.now(UTC) - started_at).total_seconds()
    wait = EngineWait(container)
    usage = UsageSampler(client, container)
    forced: HowEnded | None
    try:
        try:
            forced = _watch(wait, start + sandbox.limits.time_seconds, cancelled)
        except KeyboardInterrupt:
            forced = "interrupted"
        if forced is not None:
            _stop(container, wait, sandbox, cancelled)
    finally:
        usage.stop()
    seconds = time.monotonic() - start
    ended_at = datetime.now(UTC)
    state = _final_state(container, wait, sandbox)
    with engine_errors(f"give the output of container {container.id}"):
        pump.finish()
        if pump.log.received == 0:
            # A container that ends at once can be faster than the engine's attaching to it.
            pump.log.write(container.logs(stdout=True, stderr=True))
    if forced is None:
        _check_engine(sandbox)
    how = forced or _classify(state, usage.at_process_limit, sandbox.limits, seconds)
    return _ending(
        container,
        state,
        how,
        seconds,
        (started_at, ended_at),
        peak_memory_bytes=usage.peak_memory_bytes,
        peak_processes=usage.peak_processes,
    )


def _ending(
    container: Container,
    state: dict[str, Any],
    how: HowEnded,
    seconds: float,
    times: tuple[datetime, datetime],
    **usage: int | None,
) -> Ending:
    return Ending(
        how=how,
        exit_code=state["ExitCode"],
        seconds=seconds,
        started_at=times[0].isoformat(),
        ended_at=times[1].isoformat(),
        details={
            "isolation": True,
            "container_id": container.id,
            "oom_killed": bool(state["OOMKilled"]),
            **usage,
        },
    )


def _ended_unwatched(
    container: Container, sandbox: Sandbox, state: dict[str, Any]
) -> Ending | None:
    """Say how a container ended while no harness watched; None if it was not its own doing.

    An engine that shuts down, or a machine, ends its containers by the same signals as a time limit
    does. Before that limit such an end is not the agent's.
    """
    started_at, ended_at = _time(state["StartedAt"]), _time(state["FinishedAt"])
    seconds = (ended_at - started_at).total_seconds()
    early = seconds < sandbox.limits.time_seconds
    if early and state["ExitCode"] in _BY_SIGNAL and not state["OOMKilled"]:
        return None
    how = _classify(state, False, sandbox.limits, seconds)
    return _ending(container, state, how, seconds, (started_at, ended_at))


def _time(text: str) -> datetime:
    """Parse one of the engine's times, which have nanoseconds."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))


def _watch(wait: EngineWait, deadline: float, cancelled: threading.Event) -> HowEnded | None:
    """Wait for the end; return why it must be forced, or None if it came by itself."""
    while not wait.done.wait(_TICK):
        if cancelled.is_set():
            return "interrupted"
        if time.monotonic() >= deadline:
            return "time_limit"
    return None


def _stop(
    container: Container, wait: EngineWait, sandbox: Sandbox, cancelled: threading.Event
) -> None:
    """Ask the container to end, give it its grace, then end it by force."""
    _signal(container, "SIGTERM")
    hurry = cancelled.hurry if isinstance(cancelled, Cancelled) else threading.Event()
    last = time.monotonic() + sandbox.limits.grace_seconds
    while not wait.done.is_set() and time.monotonic() < last and not hurry.is_set():
        wait.done.wait(min(_TICK, max(last - time.monotonic(), 0)))
    if not wait.done.is_set():
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


def _engine_lost(sandbox: Sandbox, reason: Exception) -> OutOfReach:
    return OutOfReach(
        f"The Docker engine was lost while {sandbox.name!r} ran ({reason}). Was it restarted? "
        "The attempt can be repeated."
    )


def _classify(
    state: dict[str, Any], at_process_limit: bool, limits: Limits, seconds: float
) -> HowEnded:
    """Say how a container ended that the harness did not stop."""
    code = state["ExitCode"]
    if code in (_TIMED_OUT, _KILLED) and seconds >= limits.time_seconds:
        # The harness was held up (a suspended machine), and the inner deadline ended it.
        return "time_limit"
    if state["OOMKilled"] and code == _KILLED:
        return "out_of_memory"
    if code != 0 and at_process_limit:
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
            raise RuntimeFailure(
                f"The Docker engine has no image {reference!r}. Build the base agent image with "
                f"`mlebench images build`, or fetch another with `docker pull {reference}`."
            ) from error
    return {"Id": attributes["Id"], "RepoDigests": attributes.get("RepoDigests") or []}
