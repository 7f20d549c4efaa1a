"""Agents as plain processes of this account, where there is no container engine.

Limits of time, memory, processes and processors are held; nothing is isolated.
"""

from __future__ import annotations

import json
import os
import select
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench_data.harness.remove_tree import remove_tree
from mlebench_data.harness.runtimes.base import Cancelled, Ending, Runtime
from mlebench_data.harness.runtimes.chores import AT_ONCE, SandboxChores
from mlebench_data.harness.runtimes.failures import LastingFailure, RuntimeFailure
from mlebench_data.harness.runtimes.log_file import CappedLog
from mlebench_data.harness.runtimes.log_pump import LogPump
from mlebench_data.harness.runtimes.masking import MaskedStream
from mlebench_data.harness.runtimes.owner import Owner
from mlebench_data.harness.runtimes.sandbox import Sandbox, contract_variables
from mlebench_data.harness.runtimes.supervisor_client import Supervisor, SupervisorServer

if TYPE_CHECKING:
    import psutil

_TICK = 0.1
#: Seconds by which the supervisor may end later than its task says.
_PATIENCE = 30.0
_FOLDER_PREFIX = "mlebench-local-"
_OWNER_FILE = "owner"
_HOME = "home"


class LocalRuntime(Runtime):
    """One supervised process tree for each sandbox."""

    name = "local"
    isolates = False

    def __init__(self) -> None:
        self._server = SupervisorServer()

    def describe(self) -> dict[str, Any]:
        """Return the Python that agents get and the hardware; see `Runtime.describe`."""
        from mlebench_data.harness.runtimes.hardware import describe_hardware

        return {
            "runtime": self.name,
            "isolation": False,
            "python": sys.executable,
            "python_version": sys.version.split()[0],
            "hardware": describe_hardware(),
        }

    def run(
        self,
        sandbox: Sandbox,
        *,
        cancelled: threading.Event,
        started: Callable[[str], None] = lambda token: None,
    ) -> Ending:
        """Run a sandbox under a supervisor process; see `Runtime.run`."""
        if os.name != "posix":
            raise LastingFailure(
                "The local runtime needs Linux or macOS. Use Docker on this system."
            )
        sandbox.folders.check()
        folder = Path(tempfile.mkdtemp(prefix=_FOLDER_PREFIX)).resolve()
        try:
            (folder / _OWNER_FILE).write_text(str(Owner.current()), encoding="utf-8")
            home = folder / _HOME
            home.mkdir()
            with CappedLog(sandbox.log_file, sandbox.limits.log_bytes) as log:
                # Without a token: a local agent ends with its harness, so nothing is to be adopted.
                started("")
                report = _supervise(self._server.supervisor(), sandbox, home, log, cancelled)
        finally:
            remove_tree(folder)
        return Ending(
            how=report["how"],
            exit_code=report["exit_code"],
            seconds=report["seconds"],
            started_at=report["started_at"],
            ended_at=report["ended_at"],
            details={
                "isolation": False,
                "network": "not restricted",
                "python": sys.executable,
                "cpus_enforced": report["cpus_enforced"],
                "peak_memory_bytes": report["peak_memory_bytes"],
                "peak_processes": report["peak_processes"],
                **report["chores"],
                "log_bytes": log.received,
                "log_cut": log.cut,
                "log_error": log.error,
            },
        )

    def remove_leftovers(
        self,
        keep: Collection[str] = (),
        drop: Collection[str] = (),
        *,
        abandoned: bool = False,
    ) -> list[str]:
        """Remove what harnesses that are gone left behind; see `Runtime.remove_leftovers`.

        A supervisor ends its agent when its harness disappears. What remains is the agent's
        temporary folder and, if the supervisor was killed as well, processes of the agent. They
        are known by their TMPDIR.
        """
        removed = []
        for folder in sorted(Path(tempfile.gettempdir()).resolve().glob(f"{_FOLDER_PREFIX}*")):
            mark = folder / _OWNER_FILE
            try:
                if mark.stat().st_uid != os.geteuid():
                    continue
                owner = Owner.parse(mark.read_text(encoding="utf-8"))
                if owner is None or not owner.is_gone():
                    continue
                killed = _kill_marked(folder / _HOME)
                remove_tree(folder)
            except FileNotFoundError:
                continue  # another harness that starts now is removing it, or it is not ours
            removed.append(
                f"temporary folder {folder} of a harness that is gone (process {owner.pid})"
                + (f", and {killed} processes" if killed else "")
            )
        return removed


def agent_environment(sandbox: Sandbox, home: Path) -> dict[str, str]:
    """Return all variables that the agent gets; none of the harness's own but PATH and LANG.

    Parameters
    ----------
    sandbox : Sandbox
        What to run.
    home : pathlib.Path
        A temporary folder that is the agent's alone.
    """
    folders = sandbox.folders
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "HOME": str(home),
        "TMPDIR": str(home),
        **dict(sandbox.environment),
        **(sandbox.models.environment if sandbox.models is not None else {}),
        # An empty list hides all of them.
        "CUDA_VISIBLE_DEVICES": ",".join(gpu.uuid for gpu in sandbox.gpus),
        **contract_variables(
            data=str(folders.data.resolve()),
            submission=str(folders.submission.resolve()),
            logs=str(folders.logs.resolve()),
            code=str(folders.code.resolve()),
            agent=str(folders.agent.resolve()),
            instructions=str(folders.instructions.resolve()),
        ),
    }


class _PipeStream:
    """The output that comes through a pipe; the pipe is closed at its end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        try:
            while not self._closed.is_set():
                if poll.poll(200):
                    chunk = os.read(self._descriptor, 65536)
                    if not chunk:
                        return
                    yield chunk
        finally:
            os.close(self._descriptor)

    def close(self) -> None:
        """Read no more, even if something still holds the other end open."""
        self._closed.set()


def _supervise(
    supervisor: Supervisor,
    sandbox: Sandbox,
    home: Path,
    log: CappedLog,
    cancelled: threading.Event,
) -> dict[str, Any]:
    """Give a supervisor its task and see it to its end; return its report."""
    pump = LogPump(MaskedStream(_PipeStream(supervisor.output), sandbox.secrets), log)
    chores = SandboxChores(
        sandbox,
        time.monotonic(),
        send_signal=lambda name: supervisor.order(f"signal {name}"),
        folders=(home,),
    )
    told = False
    try:
        supervisor.order(json.dumps(_task(sandbox, home)))
        with chores:
            told = _wait(supervisor, sandbox, cancelled, chores)
    finally:
        supervisor.end(sandbox.limits.grace_seconds + _PATIENCE)
        report = supervisor.report()
        supervisor.close()
        if report is None:
            _kill_marked(home)
    pump.finish()
    if report is None:
        raise RuntimeFailure(
            f"The supervisor of {sandbox.name!r} ended without a report; {sandbox.log_file} may "
            "say why. Was it killed?"
        )
    if report["survivors"]:
        raise RuntimeFailure(
            f"Processes of {sandbox.name!r} could not be ended, so its files may still change: "
            f"{'; '.join(report['survivors'])}. End them by hand."
        )
    if report["how"] == "interrupted" and not told:
        raise RuntimeFailure(
            f"The supervisor of {sandbox.name!r} was told to stop, and not by the harness. The "
            "attempt can be repeated."
        )
    report["chores"] = chores.details()
    return report


def _task(sandbox: Sandbox, home: Path) -> dict[str, Any]:
    # By pipe, because arguments are for everybody on the machine to read.
    environment = agent_environment(sandbox, home)
    limits = sandbox.limits
    return {
        "command": sandbox.command_line(python=sys.executable, agent=environment["AGENT_DIR"]),
        "environment": environment,
        "folder": environment["CODE_DIR"],
        "time_seconds": limits.time_seconds,
        "grace_seconds": limits.grace_seconds,
        "cpus": limits.cpus,
        "memory_bytes": limits.memory_bytes,
        "processes": limits.processes,
        "open_files": limits.open_files,
    }


def _wait(
    supervisor: Supervisor, sandbox: Sandbox, cancelled: threading.Event, chores: SandboxChores
) -> bool:
    """Wait until the supervisor ends, and give it its orders; tell whether it was to stop."""
    limits = sandbox.limits
    hurry = cancelled.hurry if isinstance(cancelled, Cancelled) else threading.Event()
    last = time.monotonic() + limits.time_seconds + limits.grace_seconds + _PATIENCE
    given: set[str] = set()

    def order(line: str) -> None:
        if line not in given:
            given.add(line)
            supervisor.order(line)

    try:
        while not supervisor.wait(_TICK):
            if chores.forced is not None:
                order(f"{'kill' if chores.forced in AT_ONCE else 'stop'} {chores.forced}")
            if cancelled.is_set():
                order(f"{'kill' if hurry.is_set() else 'stop'} interrupted")
            if time.monotonic() > last:
                raise RuntimeFailure(
                    f"The supervisor of {sandbox.name!r} did not hold its deadline. Is the "
                    "machine overloaded?"
                )
    except KeyboardInterrupt:
        # The supervisor is told to stop next, and reports an interruption.
        return True
    return bool(given)


def _kill_marked(home: Path) -> int:
    """Kill all processes whose TMPDIR is a folder; return their number."""
    import psutil

    killed: set[psutil.Process] = set()
    # Again until none is left, for they may fork meanwhile.
    for _ in range(50):
        found = [process for process in psutil.process_iter() if _has_home(process, home)]
        if not found:
            break
        for process in found:
            try:
                process.kill()
                killed.add(process)
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(found, timeout=0.2)
    return len(killed)


def _has_home(process: psutil.Process, home: Path) -> bool:
    import psutil

    try:
        return process.environ().get("TMPDIR") == str(home)
    except (psutil.Error, OSError):
        return False  # ended, or another account's
