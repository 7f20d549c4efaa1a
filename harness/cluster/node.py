"""What runs on the nodes: Ray tasks that serve an attempt, look at a machine, or tidy it up."""

from __future__ import annotations

import dataclasses
import functools
import os
import platform
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Literal

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.cluster.archive import pack, unpack
from mlebench_data.harness.cluster.messages import (
    ArchivePiece,
    Ended,
    Failed,
    Gone,
    Message,
    Order,
    Reached,
    Started,
)
from mlebench_data.harness.cluster.mirror import SUBMISSION, Mirror
from mlebench_data.harness.cluster.node_data import public_data
from mlebench_data.harness.cluster.node_gpus import node_gpus
from mlebench_data.harness.cluster.node_models import served
from mlebench_data.harness.cluster.receiver import RESERVED
from mlebench_data.harness.cluster.scratch import AGENT, Scratch, look_around
from mlebench_data.harness.cluster.stop_board import StopOrders
from mlebench_data.harness.collect import UnsafeSubmissionError, find_submission
from mlebench_data.harness.executor import Execution, Work
from mlebench_data.harness.local_executor import LocalExecutor
from mlebench_data.harness.runtimes import choose_runtime
from mlebench_data.harness.runtimes.base import Cancelled, Runtime
from mlebench_data.harness.runtimes.failures import LastingFailure, OutOfReach, RuntimeFailure
from mlebench_data.harness.runtimes.sandbox import Gpu

#: Seconds between two looks at what an agent has written.
_LOOK_SECONDS = 2.0
_STOP_SECONDS = 0.25
#: Seconds that a process which has lost its driver gets to end.
_PATIENCE = 30.0


def serve(order: Order, board: Any) -> Iterator[Message]:
    """Serve an attempt to its end and tell everything about it.

    Its folder stays on this machine until it is forgotten: what is sent may not arrive.

    Parameters
    ----------
    order : Order
        What to serve.
    board : ray.actor.ActorHandle
        Where the run says that it stops.

    Yields
    ------
    Message
        `Started`, pieces of files, and at last one of `Ended`, `Failed` and `Gone`.
    """
    yield Reached(platform.node(), _node_id())
    cancelled = Cancelled()
    service = _Service(order, cancelled)
    orders = StopOrders(board)
    thread = threading.Thread(target=service.work, name=f"serve-{order.scratch}")
    thread.start()
    looks = 0.0
    hurried = False
    before = signal.signal(signal.SIGTERM, _end_at_once)
    try:
        while (message := service.next_message(_STOP_SECONDS)) is not _END:
            orders.hand_on(cancelled)
            if isinstance(message, Started):
                yield message
            looks += _STOP_SECONDS
            if looks >= _LOOK_SECONDS and service.mirror is not None:
                looks = 0.0
                yield from service.mirror.changes()
        hurried = cancelled.hurry.is_set()
    finally:
        # Where this task itself is ended, nobody waits for what the agent may still do.
        cancelled.set()
        cancelled.hurry.set()
        thread.join()
        signal.signal(signal.SIGTERM, before)
    yield from service.conclusion(with_files=not hurried)


_END = object()


def _end_at_once(number: int, frame: object) -> None:
    """End this process as if it were killed.

    So Ray ends the tasks of a driver that is gone. What the next driver can take over must not be
    stopped for that; what it cannot is ended by its supervisor, which sees that this process is
    gone.
    """
    os._exit(128 + number)


class _Service:
    """One attempt on this machine, served by a thread of its own."""

    def __init__(self, order: Order, cancelled: Cancelled) -> None:
        self._order = order
        self._cancelled = cancelled
        self._messages: queue.Queue[object] = queue.Queue()
        self._scratch: Scratch | None = None
        self._end: Ended | Failed | Gone = Gone()
        self._is_reached = False
        self.mirror: Mirror | None = None

    def next_message(self, timeout: float) -> object:
        """Return the next message, None where there is none yet, or the end of them."""
        try:
            return self._messages.get(timeout=timeout)
        except queue.Empty:
            return None

    def work(self) -> None:
        """Run the agent; never raises."""
        try:
            self._end = self._adopt() if self._order.adopts else self._begin()
        except Exception as error:
            self._end = Failed(self._kind(error), _told(error))
            if not isinstance(error, MlebenchError):
                traceback.print_exc()
        finally:
            self._messages.put(_END)

    def _kind(self, error: Exception) -> Literal["failure", "lasting", "out_of_reach"]:
        if self._order.adopts and not self._is_reached:
            # Its agent still works, whatever keeps this process from serving it.
            return "out_of_reach"
        if isinstance(error, OutOfReach):
            return "out_of_reach"
        if isinstance(error, RuntimeFailure) and not isinstance(error, LastingFailure):
            return "failure"
        # What is wrong with this machine or with what was asked of it, time does not mend.
        return "lasting" if isinstance(error, MlebenchError) else "failure"

    def conclusion(self, *, with_files: bool) -> Iterator[Message]:
        """Yield what there is to tell once the work is done."""
        end = self._end
        out_of_reach = isinstance(end, Failed) and end.kind == "out_of_reach"
        if self._scratch is not None and with_files and not out_of_reach:
            folder = self._folder(self._scratch)
            left_out: list[str] = []
            for chunk in pack(folder, left_out, skip=RESERVED, hollow=unsafe_files(folder)):
                yield ArchivePiece(chunk, last=False)
            yield ArchivePiece(b"", last=True)
            if isinstance(end, Ended):
                end = dataclasses.replace(end, left_out=tuple(left_out))
        yield end

    def _folder(self, scratch: Scratch) -> Path:
        return scratch.attempt_folder(self._order.work.attempt.label)

    def _begin(self) -> Ended | Gone:
        order = self._order
        limits = order.work.settings.limits
        scratch = Scratch.make(order.scratch, order.run, limits.time_seconds + limits.grace_seconds)
        self._scratch = scratch
        folder = self._folder(scratch)
        for name in ("submission", "logs", "code"):
            (folder / name).mkdir(parents=True)
        instructions = folder / "instructions.txt"
        instructions.write_bytes(order.instructions)
        instructions.chmod(0o644)
        _unpack_agent(order, scratch)
        return self._run(scratch)

    def _adopt(self) -> Ended | Gone:
        scratch = Scratch.find(self._order.scratch)
        if scratch is None:
            return Gone()
        if not scratch.wait_until_free(_PATIENCE):
            raise OutOfReach(
                f"Another process serves {self._order.work.attempt.label} still. If its run is "
                "over, end it."
            )
        scratch.claim()
        known = scratch.execution()
        if known is not None:
            self._scratch = scratch
            return Ended(known, ())
        if not scratch.token:
            scratch.remove()
            return Gone()
        self._scratch = scratch
        return self._run(scratch, scratch.token)

    def _run(self, scratch: Scratch, token: str | None = None) -> Ended | Gone:
        order = self._order
        runtime = _runtime(order.runtime)
        gpus = node_gpus(order.work.settings, order.gpus)
        with (
            public_data(order.place, order.work) as public,
            served(order.models, scratch.folder, isolates=runtime.isolates) as proxy,
        ):
            executor = LocalExecutor(runtime, gpus, models=proxy)
            work = _work_here(order, scratch, public)
            self.mirror = Mirror(self._folder(scratch))
            self._is_reached = True
            if token is None:
                execution: Execution | None = executor.execute(
                    work,
                    cancelled=self._cancelled,
                    started=lambda token, gpus, node: self._note_start(scratch, token, gpus, node),
                )
            else:
                execution = executor.adopt(token, order.gpus, work, cancelled=self._cancelled)
        if execution is None:
            scratch.remove()
            self._scratch = None
            return Gone()
        content = execution.to_dict()
        if execution.ending.how != "interrupted":
            scratch.note_execution(content)
        return Ended(content, ())

    def _note_start(self, scratch: Scratch, token: str, gpus: Collection[Gpu], node: str) -> None:
        scratch.note_token(token)
        self._messages.put(Started(node, tuple(gpus)))


def _told(error: Exception) -> str:
    text = str(error) if isinstance(error, MlebenchError) else f"{type(error).__name__}: {error}"
    return f"On {platform.node()}: {text}"


def _node_id() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())


@functools.cache
def _runtime(name: str) -> Runtime:
    """Return a runtime, which keeps what it has started for later attempts in this process."""
    return choose_runtime(name)[0]


def _work_here(order: Order, scratch: Scratch, public: Path) -> Work:
    """Return the work with folders that are on this machine."""
    attempt = order.work.attempt
    agent = dataclasses.replace(attempt.agent, folder=scratch.folder / AGENT)
    folder = scratch.attempt_folder(attempt.label)
    return dataclasses.replace(
        order.work, attempt=dataclasses.replace(attempt, folder=folder, agent=agent), public=public
    )


def _unpack_agent(order: Order, scratch: Scratch) -> None:
    import ray

    unpack((ray.get(chunk) for chunk in order.agent_files), scratch.folder / AGENT)


def unsafe_files(folder: Path) -> tuple[str, ...]:
    """Name the submission if nobody may open it: its shape alone makes the scorer refuse it."""
    try:
        find_submission(folder / "submission")
    except UnsafeSubmissionError:
        return (SUBMISSION,)
    return ()


def forget(name: str) -> None:
    """Remove the folder of an attempt of which everything has arrived."""
    scratch = Scratch.find(name)
    if scratch is not None:
        scratch.remove()


@dataclasses.dataclass(frozen=True)
class Look:
    """What a machine is.

    Attributes
    ----------
    node : str
        Host name.
    versions : dict
        Versions of what must be the same everywhere.
    runtime : str or None
        Name of the runtime that it would take.
    description : dict
        What the runtime says of itself.
    isolates : bool
        Whether it isolates.
    warning : str or None
        What a person should know.
    problem : str or None
        Why no agents can be run.
    """

    node: str
    versions: dict[str, str]
    runtime: str | None = None
    description: dict[str, Any] = dataclasses.field(default_factory=dict)
    isolates: bool = False
    warning: str | None = None
    problem: str | None = None


def versions() -> dict[str, str]:
    """Return the versions of what must be the same on all machines."""
    from importlib.metadata import version

    return {"python": sys.version.split()[0], "mlebench-data": version("mlebench-data")}


def look(runtime_name: str | None) -> Look:
    """Tell what this machine can do.

    Parameters
    ----------
    runtime_name : str or None
        The runtime that was asked for.
    """
    try:
        runtime, warning = choose_runtime(runtime_name)
        description = runtime.describe()
    except MlebenchError as error:
        return Look(platform.node(), versions(), problem=str(error))
    return Look(platform.node(), versions(), runtime.name, description, runtime.isolates, warning)


def tidy(run: str, runtime_name: str, keep: Collection[str], drop: Collection[str]) -> list[str]:
    """Remove what drivers that are gone left on this machine.

    Parameters
    ----------
    run : str
        The run of the caller.
    runtime_name : str
        Its runtime.
    keep, drop : collections of str
        Names of folders that are wanted, and that are not.

    Returns
    -------
    list of str
        One line for each thing removed.
    """
    found = look_around(run, keep, drop)
    # They would go on with what is removed under their hands.
    unwanted = [scratch for scratch in found.unwanted if scratch.wait_until_free(_PATIENCE)]
    lines = _runtime(runtime_name).remove_leftovers(
        keep=[scratch.token for scratch in found.kept if scratch.token],
        drop=[scratch.token for scratch in unwanted if scratch.token],
    )
    for scratch in unwanted:
        scratch.remove()
        lines.append(f"folder {scratch.folder} of a driver that is gone")
    return [f"{platform.node()}: {line}" for line in lines]
