"""What attempts ask of a cluster, and what its machines offer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.attempt import Settings
from mlebench_data.harness.commands.output import size


@dataclass(frozen=True)
class Request:
    """What Ray reserves for one attempt.

    Attributes
    ----------
    cpus : float
        Processors.
    memory_bytes : int
        Memory.
    gpus : float
        GPUs; a fraction where attempts share one.
    """

    cpus: float
    memory_bytes: int
    gpus: float

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what attempts with these settings need.

        Raises
        ------
        MlebenchError
            If Ray has no way to reserve it.
        """
        if settings.gpus_per_run > 1 and settings.runs_per_gpu > 1:
            raise MlebenchError(
                "--ray: a share of several GPUs cannot be reserved. Give either --gpus-per-run or "
                "--runs-per-gpu a value above 1, not both."
            )
        # Where processors are left open, an attempt counts as one, or a machine would get them all.
        cpus = settings.limits.cpus or 1.0
        return cls(
            # Ray takes fractions below one only.
            cpus if cpus < 1 else math.ceil(cpus),
            settings.limits.memory_bytes or 0,
            settings.gpus_per_run / settings.runs_per_gpu,
        )

    def options(self) -> dict[str, Any]:
        """Return it as options of a Ray task."""
        return {"num_cpus": self.cpus, "memory": self.memory_bytes, "num_gpus": self.gpus}

    def __str__(self) -> str:
        parts = [f"{self.cpus:g} CPU{'s' * (self.cpus > 1)}"]
        if self.memory_bytes:
            parts.append(size(self.memory_bytes))
        if self.gpus:
            parts.append(f"{self.gpus:g} GPU{'s' * (self.gpus > 1)}")
        return ", ".join(parts)


@dataclass(frozen=True)
class Node:
    """A machine of a cluster.

    Attributes
    ----------
    id : str
        Ray's identifier.
    name : str
        Host name.
    cpus, memory_bytes, gpus : float
        What it offers altogether.
    """

    id: str
    name: str
    cpus: float
    memory_bytes: float
    gpus: float

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """Read an entry of `ray.nodes()`."""
        resources = entry["Resources"]
        return cls(
            entry["NodeID"],
            entry["NodeManagerHostname"],
            resources.get("CPU", 0.0),
            resources.get("memory", 0.0),
            resources.get("GPU", 0.0),
        )

    def places(self, request: Request) -> int:
        """Return how many such attempts it carries at a time."""
        found = [int(self.cpus / request.cpus + 1e-9)]
        if request.memory_bytes:
            found.append(int(self.memory_bytes // request.memory_bytes))
        if request.gpus:
            # A share is always one of a single GPU.
            whole = int(self.gpus)
            share = int(1 / request.gpus + 1e-9) if request.gpus < 1 else 0
            found.append(whole * share if share else int(whole // request.gpus))
        return min(found)

    def __str__(self) -> str:
        return f"{self.name}: {self.cpus:g} CPUs, {size(self.memory_bytes)}, {self.gpus:g} GPUs"


def working(entries: Sequence[Mapping[str, Any]]) -> list[Node]:
    """Return the machines of `ray.nodes()` that are there and take work.

    A head node that is not meant to work offers no processors.
    """
    nodes = [Node.of(entry) for entry in entries if entry["Alive"]]
    return sorted((node for node in nodes if node.cpus > 0), key=lambda node: (node.name, node.id))


def machines() -> list[Node]:
    """Return the machines of the cluster that this process is connected to, as `working` does."""
    import ray

    # Ray gives no types here.
    entries: Any = ray.nodes
    return working(entries())


def places(nodes: Sequence[Node], request: Request) -> int:
    """Return how many attempts a cluster carries at a time.

    Raises
    ------
    MlebenchError
        If no machine carries even one: it would wait for ever.
    """
    count = sum(node.places(request) for node in nodes)
    if not count:
        raise MlebenchError(
            f"--ray: no machine of the cluster carries an attempt ({request}). There is "
            f"{'; '.join(map(str, nodes)) or 'none that takes work'}. Ask for less with --cpus, "
            "--memory or --gpus-per-run, or start Ray there with more."
        )
    return count
