"""One attempt on a node, seen from the driver: what it tells, when to stop, when it is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from mlebench_data.harness.cluster.messages import (
    ArchivePiece,
    Ended,
    Failed,
    FilePiece,
    Gone,
    LogPiece,
    Message,
    Reached,
    Started,
)
from mlebench_data.harness.cluster.receiver import Receiver
from mlebench_data.harness.cluster.resources import Request, machines
from mlebench_data.harness.cluster.stop_board import HURRY, STOP
from mlebench_data.harness.executor import Execution
from mlebench_data.harness.runtimes.base import Cancelled, Ending
from mlebench_data.harness.runtimes.failures import LastingFailure, OutOfReach, RuntimeFailure
from mlebench_data.harness.runtimes.sandbox import Gpu

_POLL_SECONDS = 0.5
_LOOK_SECONDS = 5.0
#: Seconds beyond its grace that an agent may take to stop before its machine is given up.
_PATIENCE = 120.0


class NodeLost(OutOfReach):
    """A machine or the task on it is gone. There are others, so it is soon tried again."""

    pause_seconds = 1.0


class Follower:
    """Follows the task that serves an attempt.

    Parameters
    ----------
    generator : ray.ObjectRefGenerator
        The task.
    board : ray.actor.ActorHandle
        Where the run says that it stops.
    request : Request
        What the task needs.
    grace_seconds : float
        What agents get to stop.
    cancelled : Cancelled
        Set when the run is to stop.
    adopts : bool
        Whether the agent runs already, so that it must be reached to be stopped.
    """

    def __init__(
        self,
        generator: Any,
        board: Any,
        request: Request,
        grace_seconds: float,
        cancelled: Cancelled,
        *,
        adopts: bool = False,
    ) -> None:
        self._adopts = adopts
        self._generator = generator
        self._board = board
        self._request = request
        self._grace_seconds = grace_seconds
        self._cancelled = cancelled
        self._told = 0
        self._stopped_at: float | None = None
        self._next_look = time.monotonic() + _LOOK_SECONDS
        #: Where it runs; None as long as it waits for room.
        self.node_id: str | None = None
        self.node = "the cluster"
        #: Whether everything that the attempt left is here.
        self.concluded = False
        self._is_over = False
        self._gave_up = False

    def see_to_the_end(
        self,
        receiver: Receiver,
        started: Callable[[str, str, Sequence[Gpu]], None],
    ) -> Execution | None:
        """Take what the node tells until there is no more.

        Parameters
        ----------
        receiver : Receiver
            Gets the files.
        started : callable
            Told Ray's identifier of the node, its name, and the GPUs.

        Returns
        -------
        Execution or None
            None where nothing was left of what was to be taken over.

        Raises
        ------
        RuntimeFailure
            If the machinery failed.
        IntegrityError
            If what the node sent is not right.
        """
        messages = self._messages()
        for message in messages:
            if isinstance(message, Reached):
                self.node, self.node_id = message.node, message.node_id
            elif isinstance(message, Started):
                started(self.node_id or "", message.node, message.gpus)
            elif isinstance(message, LogPiece):
                receiver.log(message)
            elif isinstance(message, FilePiece):
                receiver.file(message)
            elif isinstance(message, ArchivePiece):
                receiver.everything(_archive(message, messages))
            else:
                return self._conclude(message, receiver)
        if self._gave_up:
            now = datetime.now(UTC).isoformat()
            return Execution(Ending("interrupted", None, 0.0, now, now), self.node)
        raise NodeLost(f"The task on {self.node} ended without telling how.")

    def _conclude(self, message: Message, receiver: Receiver) -> Execution | None:
        self._is_over = True
        if isinstance(message, Gone):
            return None
        if isinstance(message, Ended):
            receiver.left_out(message.left_out)
            self.concluded = True
            return Execution.from_dict(message.execution)
        assert isinstance(message, Failed)
        if message.kind == "out_of_reach":
            raise OutOfReach(message.text)
        self.concluded = True
        raise (LastingFailure if message.kind == "lasting" else RuntimeFailure)(message.text)

    def close(self) -> None:
        """End the task, if it has not ended."""
        import ray

        if not self._is_over:
            ray.cancel(self._generator)

    def _messages(self) -> Iterator[Message]:
        import ray

        while True:
            try:
                ready, _ = ray.wait([self._generator], timeout=_POLL_SECONDS, fetch_local=False)
                if not ready:
                    if self._look():
                        continue
                    return
                message = ray.get(next(self._generator))
            except StopIteration:
                return
            except ray.exceptions.RayTaskError as error:
                # A fault of this package, or of what is installed there.
                raise RuntimeFailure(f"On {self.node}: {_last_line(error)}") from error
            except ray.exceptions.RayError as error:
                raise NodeLost(
                    f"{self.node} is lost, or the task on it ({type(error).__name__}: "
                    f"{_first_sentence(error)})."
                ) from error
            yield message

    def _look(self) -> bool:
        """See to what comes from elsewhere; tell whether the node is to be waited for."""
        now = time.monotonic()
        if self._cancelled.is_set():
            return self._stop(now)
        if self.node_id is None and now >= self._next_look:
            self._next_look = now + _LOOK_SECONDS
            self._check_room()
        return True

    def _stop(self, now: float) -> bool:
        if self.node_id is None and not self._adopts:
            self._gave_up = True
            return False
        if self._stopped_at is None:
            self._stopped_at = now
        level = HURRY if self._cancelled.hurry.is_set() else STOP
        if level > self._told:
            self._told = level
            self._board.raise_to.remote(level)
        if now > self._stopped_at + self._grace_seconds + _PATIENCE:
            raise OutOfReach(f"{self.node} does not stop the attempt.")
        return True

    def _check_room(self) -> None:
        """Make sure that there still is a machine that could ever serve the attempt."""
        nodes = machines()
        if not any(node.places(self._request) for node in nodes):
            raise RuntimeFailure(
                f"No machine is left in the cluster that carries an attempt ({self._request})."
            )


def _archive(first: ArchivePiece, messages: Iterator[Message]) -> Iterator[bytes]:
    """Yield the pieces of an archive from the messages, up to its last one."""
    piece: Message | None = first
    while isinstance(piece, ArchivePiece):
        yield piece.data
        if piece.last:
            return
        piece = next(messages, None)
    raise NodeLost("What the attempt left broke off on its way.")


def _first_sentence(error: Exception) -> str:
    return " ".join(str(error).split()).partition(". ")[0].rstrip(".")


def _last_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
