"""Agents on the machines of a Ray cluster, each attempt a Ray task."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import re
import secrets
import threading
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from mlebench_data.errors import IntegrityError
from mlebench_data.harness.agent import Agent
from mlebench_data.harness.attempt import Settings
from mlebench_data.harness.cluster import node as tasks
from mlebench_data.harness.cluster.archive import pack
from mlebench_data.harness.cluster.connection import Workplace, connected, pinned, survey
from mlebench_data.harness.cluster.following import Follower
from mlebench_data.harness.cluster.messages import Order
from mlebench_data.harness.cluster.node_models import ModelOffer
from mlebench_data.harness.cluster.receiver import Receiver
from mlebench_data.harness.cluster.resources import Request, machines, places
from mlebench_data.harness.cluster.stop_board import StopBoard
from mlebench_data.harness.executor import Execution, Executor, Started, Work
from mlebench_data.harness.runtimes.base import Cancelled
from mlebench_data.harness.runtimes.failures import LastingFailure, OutOfReach
from mlebench_data.harness.state import write_at_once

RUN_NAME = ".ray-run"
_TOKEN = re.compile(r"ray:([0-9a-f]+):([A-Za-z0-9][A-Za-z0-9._-]*)")
_TIDY_SECONDS = 300.0
#: Tasks of a cluster that wait for the board at once, at most.
_MANY = 100_000
_UNPACKED_BYTES = 2 * 1024**3

logger = logging.getLogger(__name__)


class RayExecutor(Executor):
    """Runs agents on the machines of the cluster that this process is connected to.

    Parameters
    ----------
    workplace : Workplace
        The cluster.
    out : pathlib.Path
        Folder of the run.
    place : str or None
        Where nodes restore the data from; None for prepared data that they share.
    models : ModelOffer, optional
        Language models that agents may ask.
    """

    def __init__(
        self,
        workplace: Workplace,
        out: Path,
        place: str | None,
        models: ModelOffer | None = None,
    ) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self.name = f"{workplace.runtime} on Ray"
        self.isolates = workplace.isolates
        self._workplace = workplace
        self._out = out
        self._place = place
        self._models = models
        self._lock = threading.Lock()
        self._run: str | None = None
        self._agent_files: dict[Path, tuple[Any, ...]] = {}
        self._forgetting: list[Any] = []
        here = ray.get_runtime_context().get_node_id()
        self._board = (
            ray.remote(StopBoard)
            .options(
                num_cpus=0,
                max_concurrency=_MANY,
                scheduling_strategy=NodeAffinitySchedulingStrategy(here, soft=True),
            )
            .remote()
        )
        self._serve = ray.remote(tasks.serve)
        self._forget = ray.remote(tasks.forget)

    def describe(self) -> dict[str, Any]:
        """Return what the machines said; see `Executor.describe`."""
        return dict(self._workplace.description)

    def places(self, settings: Settings) -> int:
        """Return how many attempts the machines carry; see `Executor.places`."""
        return places(machines(), Request.of(settings))

    def execute(self, work: Work, *, cancelled: Cancelled, started: Started) -> Execution:
        """Have a machine with room run an agent; see `Executor.execute`."""
        order = self._order(work, f"{self._run_name()}-{secrets.token_hex(4)}")
        options = {**Request.of(work.settings).options(), "scheduling_strategy": "SPREAD"}
        execution = self._follow(order, options, cancelled, started)
        assert execution is not None, "only what is taken over can be gone"
        return execution

    def adopt(
        self, token: str, gpus: Collection[str], work: Work, *, cancelled: Cancelled
    ) -> Execution | None:
        """Have the machine that runs an agent go on with it; see `Executor.adopt`."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        match = _TOKEN.fullmatch(token)
        if match is None or match[1] not in {node.id for node in machines()}:
            return None
        order = self._order(work, match[2], adopts=True, gpus=tuple(gpus))
        options = {
            **Request.of(work.settings).options(),
            "scheduling_strategy": NodeAffinitySchedulingStrategy(match[1], soft=False),
        }
        return self._follow(order, options, cancelled, lambda *_: None)

    def remove_leftovers(self, keep: Collection[str] = (), drop: Collection[str] = ()) -> list[str]:
        """Tidy up all machines; see `Runtime.remove_leftovers`."""
        import ray

        tidy = ray.remote(tasks.tidy)
        references = {}
        for node in machines():
            kept, dropped = (
                [match[2] for match in map(_TOKEN.fullmatch, tokens) if match is not None]
                for tokens in (keep, drop)
            )
            references[node.name, node.id] = tidy.options(**pinned(node.id)).remote(
                self._run_name(), self._workplace.runtime, kept, dropped
            )
        lines: list[str] = []
        for (name, _), reference in references.items():
            try:
                found: Any = ray.get(reference, timeout=_TIDY_SECONDS)
                lines += found
            except ray.exceptions.RayError as error:
                # One that is lost now has nothing left; what is in the way later fails later.
                logger.warning("%s was not tidied up: %s", name, error)
        return lines

    def close(self) -> None:
        """Wait until machines have removed what has arrived here."""
        import ray

        with self._lock:
            waiting, self._forgetting = self._forgetting, []
        if waiting:
            ray.wait(waiting, num_returns=len(waiting), timeout=30)

    def _order(
        self, work: Work, scratch: str, *, adopts: bool = False, gpus: tuple[str, ...] = ()
    ) -> Order:
        return Order(
            scratch,
            self._run_name(),
            # Nodes do not know what this process was started in.
            dataclasses.replace(work, public=work.public.resolve()),
            b"" if adopts else (work.attempt.folder / "instructions.txt").read_bytes(),
            self._workplace.runtime,
            self._place,
            () if adopts else self._files_of(work.attempt.agent),
            adopts,
            gpus,
            self._models,
        )

    def _run_name(self) -> str:
        """Return the name under which machines know this run, also when it is continued."""
        with self._lock:
            if self._run is None:
                path = self._out / RUN_NAME
                if not path.is_file():
                    stem = re.sub(r"[^A-Za-z0-9]+", "-", self._out.resolve().name)[:12].strip("-")
                    write_at_once(path, f"{stem}-{secrets.token_hex(3)}".strip("-"), durable=True)
                self._run = path.read_text(encoding="utf-8").strip()
            return self._run

    def _files_of(self, agent: Agent) -> tuple[Any, ...]:
        """Return references to an agent's packed folder, which is stored once for all."""
        import ray

        with self._lock:
            known = self._agent_files.get(agent.folder)
            if known is None:
                left_out: list[str] = []
                chunks = pack(agent.folder, left_out, max_bytes=_UNPACKED_BYTES, opens=False)
                known = tuple(ray.put(chunk) for chunk in chunks)
                if left_out:
                    raise LastingFailure(
                        f"The files of the agent {agent.name} cannot be sent to the machines of "
                        f"the cluster: {'; '.join(left_out[:3])}. Put large ones into its image."
                    )
                self._agent_files[agent.folder] = known
            return known

    def _follow(
        self, order: Order, options: dict[str, Any], cancelled: Cancelled, started: Started
    ) -> Execution | None:
        generator = self._serve.options(
            **options,
            num_returns="streaming",
            max_retries=0,
            # What is sent waits at the node until there is room for it here.
            _generator_backpressure_num_objects=4,
        ).remote(order, self._board)
        follower = Follower(
            generator,
            self._board,
            Request.of(order.work.settings),
            order.work.settings.limits.grace_seconds,
            cancelled,
            adopts=order.adopts,
        )
        receiver = Receiver(order.work.attempt.folder, cancelled)
        try:
            return follower.see_to_the_end(
                receiver,
                lambda node_id, node, gpus: started(f"ray:{node_id}:{order.scratch}", gpus, node),
            )
        except IntegrityError as error:
            raise OutOfReach(f"What {follower.node} sent is not right: {error}") from error
        finally:
            follower.close()
            if follower.concluded and follower.node_id is not None:
                self._forget_on(follower.node_id, order.scratch)

    def _forget_on(self, node_id: str, scratch: str) -> None:
        reference = self._forget.options(**pinned(node_id)).remote(scratch)
        with self._lock:
            self._forgetting.append(reference)


@contextlib.contextmanager
def ray_executor(
    address: str,
    *,
    runtime: str | None,
    out: Path,
    place: str | None,
    models: Callable[[bool], ModelOffer | None] = lambda isolates: None,
) -> Iterator[tuple[RayExecutor, str | None]]:
    """Connect to a cluster for the length of a block.

    Parameters
    ----------
    address : str
        As `connection.connected` takes it.
    runtime : str or None
        Runtime on its machines.
    out : pathlib.Path
        Folder of the run.
    place : str or None
        Where machines restore the data from; None for prepared data that they share.
    models : callable
        Told whether agents are isolated, returns the language models that they may ask.

    Yields
    ------
    executor : RayExecutor
        Runs agents there.
    warning : str or None
        What a person should know.

    Raises
    ------
    MlebenchError
        If there is no such cluster, or its machines are not fit.
    """
    # Ray would tell its makers about the use of this process.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with connected(address):
        workplace = survey(runtime)
        executor = RayExecutor(workplace, out, place, models(workplace.isolates))
        try:
            yield executor, workplace.warning
        finally:
            executor.close()
