"""The way to a Ray cluster, and what its machines say of themselves."""

from __future__ import annotations

import logging
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mlebench_data.errors import MlebenchError
from mlebench_data.extras import import_extra
from mlebench_data.harness.cluster.resources import Node, machines

_LOOK_SECONDS = 300.0
_CONNECT_SECONDS = 20.0


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Be a driver of a cluster for the length of a block.

    Parameters
    ----------
    address : str
        `auto` for the cluster that this machine belongs to, or `HOST:PORT` of its head.

    Raises
    ------
    MissingExtraError
        If Ray is not installed.
    MlebenchError
        If there is no such cluster, or it has another version of Ray or Python.
    """
    ray = import_extra("ray", extra="ray", why="--ray runs attempts on a Ray cluster")
    if address.startswith("ray://"):
        raise MlebenchError(
            f"--ray {address}: Ray Client is not supported. Run the command on a machine of the "
            "cluster, with --ray auto."
        )
    _check_reachable(address)
    is_main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM) if is_main else None
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level=logging.ERROR,
            # Only what its nodes have can be used there.
            runtime_env=None,
        )
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise MlebenchError(_no_way(address, error)) from error
    finally:
        if is_main:
            # Ray takes it over, and the harness would not stop agents as with Ctrl-C.
            signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Make sure that somebody listens: Ray itself would try for minutes."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise MlebenchError(_no_way(address, error)) from error


def _no_way(address: str, error: Exception) -> str:
    return (
        f"--ray {address}: there is no way to that cluster: {error}. `ray start --head` starts "
        "one, `ray start --address HOST:6379` adds a machine to it, and this command is run on any "
        "machine of it."
    )


@dataclass(frozen=True)
class Workplace:
    """A cluster whose machines can all do the same.

    Attributes
    ----------
    nodes : tuple of Node
        Its machines.
    runtime : str
        Name of the runtime on all of them.
    isolates : bool
        Whether it isolates.
    description : dict
        All that a record says of it.
    warning : str or None
        What a person should know.
    """

    nodes: tuple[Node, ...]
    runtime: str
    isolates: bool
    description: dict[str, Any]
    warning: str | None


def survey(runtime_name: str | None) -> Workplace:
    """Look at all machines of the cluster.

    Parameters
    ----------
    runtime_name : str or None
        The runtime that was asked for; Docker by default, where all machines have it.

    Raises
    ------
    MlebenchError
        If one of them is not fit: not the same versions, or not the runtime.
    """
    import ray

    from mlebench_data.harness.cluster import node as tasks

    nodes = machines()
    if not nodes:
        raise MlebenchError("--ray: no machine of the cluster offers processors.")
    look = ray.remote(tasks.look)
    references = [look.options(**pinned(node.id)).remote(runtime_name) for node in nodes]
    looks: list[tasks.Look] = []
    problems = []
    for node, reference in zip(nodes, references, strict=True):
        try:
            looks.append(ray.get(reference, timeout=_LOOK_SECONDS))
        except (ray.exceptions.RayError, ImportError) as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            problems.append(
                f"{node.name} cannot run attempts ({lines[-1]}). Is mlebench-data installed in the "
                "Python that Ray was started with there?"
            )
    problems += _problems(looks)
    if problems:
        raise MlebenchError("--ray: " + "\n".join(dict.fromkeys(problems)))
    first = looks[0]
    assert first.runtime is not None
    description = {
        "runtime": first.runtime,
        "isolation": first.isolates,
        "cluster": "ray",
        "ray_version": ray.__version__,
        "nodes": [
            {"node": node.name, "gpus": node.gpus, **found.description}
            for node, found in zip(nodes, looks, strict=True)
        ],
    }
    return Workplace(tuple(nodes), first.runtime, first.isolates, description, first.warning)


def _problems(looks: Sequence[Any]) -> list[str]:
    from mlebench_data.harness.cluster.node import versions

    problems = [f"{item.node}: {item.problem}" for item in looks if item.problem]
    here = versions()
    for item in looks:
        different = [name for name, value in here.items() if item.versions.get(name) != value]
        problems += [
            f"{item.node} has {name} {item.versions.get(name)}, and this machine {here[name]}. "
            "Install the same everywhere."
            for name in different
        ]
    by_runtime: dict[str, list[str]] = {}
    for item in looks:
        if item.runtime is not None:
            by_runtime.setdefault(item.runtime, []).append(item.node)
    if len(by_runtime) > 1:
        found = "; ".join(f"{name} on {', '.join(nodes)}" for name, nodes in by_runtime.items())
        problems.append(
            f"the machines would not all run agents in the same way: {found}. Start the engine "
            "where it is missing, or choose one with --runtime."
        )
    return problems


def pinned(node_id: str) -> dict[str, Any]:
    """Return the options of a small task that is to run on one machine, however busy it is."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return {
        "num_cpus": 0,
        "max_retries": 0,
        "scheduling_strategy": NodeAffinitySchedulingStrategy(node_id, soft=False),
    }
