"""Seeing a container to its end, and saying how it ended."""

from __future__ import annotations

import re
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlebench_data.harness.runtimes.base import Cancelled, Ending, HowEnded
from mlebench_data.harness.runtimes.chores import AT_ONCE, SandboxChores
from mlebench_data.harness.runtimes.docker_engine import Engine, engine_errors
from mlebench_data.harness.runtimes.docker_layer import OwnLayer
from mlebench_data.harness.runtimes.docker_signal import signal_agent
from mlebench_data.harness.runtimes.docker_watch import EngineWait, UsageSampler
from mlebench_data.harness.runtimes.failures import EngineUnreachable, RuntimeFailure
from mlebench_data.harness.runtimes.log_pump import LogPump
from mlebench_data.harness.runtimes.sandbox import Limits, Sandbox

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

_TICK = 0.1
#: Seconds that the engine has to end a container by force.
_KILL_PATIENCE = 60.0
_KILLED = 128 + 9
_TIMED_OUT = 124
#: Exit codes of a container that was ended by SIGTERM or SIGKILL, as by an engine that shuts down.
_BY_SIGNAL = (_TIMED_OUT, _KILLED, 128 + 15)
#: What the engine says of a container of which it finds nothing any more, as after the machine was
#: switched off; the time of its end is then that of the finding.
_LOST = 255


def see_to_its_end(
    engine: Engine,
    client: DockerClient,
    container: Container,
    sandbox: Sandbox,
    pump: LogPump,
    started_at: datetime,
    cancelled: threading.Event,
) -> Ending:
    """Watch a container to its end and say how it ended.

    Parameters
    ----------
    engine : Engine
        Where it runs.
    client : docker.DockerClient
        A connection to it.
    container : docker.models.containers.Container
        A container that was started.
    sandbox : Sandbox
        What it runs.
    pump : LogPump
        Takes its output.
    started_at : datetime.datetime
        When it was started.
    cancelled : threading.Event
        Once set, it is stopped.

    Raises
    ------
    RuntimeFailure
        If the machinery failed.
    """
    start = time.monotonic() - (datetime.now(UTC) - started_at).total_seconds()
    wait = EngineWait(container)
    usage = UsageSampler(client, container, sandbox.limits.processes)
    has_quota = bool((container.attrs["HostConfig"].get("StorageOpt") or {}).get("size"))
    chores = SandboxChores(
        sandbox,
        start,
        send_signal=lambda name: signal_agent(client, container.id, name),
        layer=OwnLayer(client, container.id, has_quota=has_quota),
    )
    forced: HowEnded | None
    try:
        with chores:
            try:
                forced = _watch(wait, start + sandbox.limits.time_seconds, cancelled, chores)
            except KeyboardInterrupt:
                forced = "interrupted"
            if forced is not None:
                _stop(container, wait, sandbox, cancelled, chores)
    finally:
        usage.stop()
    seconds = time.monotonic() - start
    ended_at = datetime.now(UTC)
    state = _final_state(container, wait, sandbox, was_killed=forced is not None)
    with engine_errors(f"give the output of container {container.id}"):
        pump.finish()
        if pump.log.received == 0:
            # A container that ends at once can be faster than the engine's attaching to it.
            pump.log.write(container.logs(stdout=True, stderr=True))
    if forced is None:
        _check_engine(engine, sandbox)
    how = forced or _classify(state, usage.at_process_limit, sandbox.limits, seconds)
    return _ending(
        container,
        state,
        how,
        seconds,
        (started_at, ended_at),
        peak_memory_bytes=usage.peak_memory_bytes,
        peak_processes=usage.peak_processes,
        **chores.details(),
    )


def _ending(
    container: Container,
    state: dict[str, Any],
    how: HowEnded,
    seconds: float,
    times: tuple[datetime, datetime],
    **usage: Any,
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


def ended_unwatched(container: Container, sandbox: Sandbox, state: dict[str, Any]) -> Ending | None:
    """Say how a container ended while no harness watched; None if it was not its own doing.

    An engine that shuts down, or a machine, ends its containers by the same signals as a time limit
    does. Before that limit such an end is not the agent's. One that was lost is not either.
    """
    if state["ExitCode"] == _LOST:
        return None
    started_at, ended_at = parse_time(state["StartedAt"]), parse_time(state["FinishedAt"])
    seconds = (ended_at - started_at).total_seconds()
    early = seconds < sandbox.limits.time_seconds
    if early and state["ExitCode"] in _BY_SIGNAL and not state["OOMKilled"]:
        return None
    how = _classify(state, False, sandbox.limits, seconds)
    return _ending(container, state, how, seconds, (started_at, ended_at))


def parse_time(text: str) -> datetime:
    """Parse one of the engine's times, which have nanoseconds."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))


def _watch(
    wait: EngineWait, deadline: float, cancelled: threading.Event, chores: SandboxChores
) -> HowEnded | None:
    """Wait for the end; return why it must be forced, or None if it came by itself."""
    while not wait.done.wait(_TICK):
        if cancelled.is_set():
            return "interrupted"
        if chores.forced is not None:
            return chores.forced
        if time.monotonic() >= deadline:
            return "time_limit"
    return None


def _stop(
    container: Container,
    wait: EngineWait,
    sandbox: Sandbox,
    cancelled: threading.Event,
    chores: SandboxChores,
) -> None:
    """Ask the container to end, give it its grace, then end it by force."""
    hurry = cancelled.hurry if isinstance(cancelled, Cancelled) else threading.Event()
    last = time.monotonic() + sandbox.limits.grace_seconds
    if chores.forced not in AT_ONCE:
        _signal(container, "SIGTERM")
    while not wait.done.is_set() and time.monotonic() < last:
        # An agent may use its grace to submit, not to break another limit.
        if hurry.is_set() or chores.forced in AT_ONCE:
            break
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
            # It has just ended, or someone removed it; the wait for its end tells which. Podman
            # has no status of its own for that.
            if error.status_code not in (404, 409) and "can only kill running" not in str(error):
                raise


def _final_state(
    container: Container, wait: EngineWait, sandbox: Sandbox, *, was_killed: bool
) -> dict[str, Any]:
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
                if was_killed or state["ExitCode"] != _KILLED or state["OOMKilled"]:
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


def _check_engine(engine: Engine, sandbox: Sandbox) -> None:
    """Make sure that it was not the engine, shutting down, that ended a container.

    An engine that shuts down takes no new connections, then asks its containers to end, and
    still answers on the connections it has: that looks like an agent that ended by itself.
    """
    try:
        with engine.connection():
            return
    except RuntimeFailure as failure:
        raise _engine_lost(sandbox, failure) from failure


def _engine_lost(sandbox: Sandbox, reason: Exception) -> EngineUnreachable:
    return EngineUnreachable(
        f"The engine was lost while {sandbox.name!r} ran ({reason}). Was it restarted? "
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
