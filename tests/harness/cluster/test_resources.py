"""What attempts ask of a cluster, and how many of them it carries."""

from __future__ import annotations

from typing import Any

import pytest

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.attempt import Settings
from mlebench_data.harness.cluster.resources import Node, Request, places, working
from mlebench_data.harness.runtimes.sandbox import Limits

GIB = 1024**3


def request(cpus: float | None = None, memory: int | None = None, gpus: int = 0, share: int = 1):
    limits = Limits(time_seconds=1, cpus=cpus, memory_bytes=memory)
    return Request.of(Settings(limits, gpus_per_run=gpus, runs_per_gpu=share))


@pytest.mark.parametrize(
    ("asked", "options"),
    [
        (request(), (1, 0, 0)),
        (request(cpus=0.5), (0.5, 0, 0)),
        (request(cpus=2.5), (3, 0, 0)),
        (request(cpus=36, memory=440 * GIB, gpus=1), (36, 440 * GIB, 1)),
        (request(gpus=4), (1, 0, 4)),
        (request(gpus=1, share=4), (1, 0, 0.25)),
    ],
)
def test_options_of_a_task(asked: Request, options: tuple[float, float, float]):
    found = asked.options()
    assert (found["num_cpus"], found["memory"], found["num_gpus"]) == options


def test_shares_of_several_gpus_cannot_be_reserved():
    with pytest.raises(MlebenchError, match="not both"):
        request(gpus=2, share=2)


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        (request(), 8 + 64),
        (request(cpus=36), 1),
        (request(cpus=0.5), 16 + 128),
        (request(memory=100 * GIB), 4),
        (request(gpus=1), 4),
        (request(gpus=3), 1),
        (request(gpus=1, share=3), 12),
        (request(cpus=10, memory=200 * GIB, gpus=1, share=4), 2),
    ],
    ids=str,
)
def test_places(asked: Request, count: int):
    nodes = [Node("a", "small", 8, 16 * GIB, 0), Node("b", "large", 64, 440 * GIB, 4)]
    assert places(nodes, asked) == count


def test_attempt_that_no_machine_carries_though_all_together_would():
    nodes = [Node(name, name, 8, 16 * GIB, 1) for name in "abc"]
    with pytest.raises(MlebenchError, match=r"no machine.*2 GPUs.*a: 8 CPUs, 17.2 GB, 1 GPUs"):
        places(nodes, request(gpus=2))
    with pytest.raises(MlebenchError, match="none that takes work"):
        places([], request())


def entry(name: str, alive: bool = True, **resources: Any) -> dict[str, Any]:
    return {
        "NodeID": name,
        "NodeManagerHostname": name,
        "Alive": alive,
        "Resources": resources,
    }


def test_machines_that_take_work():
    nodes = working(
        [
            entry("two", CPU=4.0, memory=5.0, GPU=1.0),
            entry("head"),
            entry("gone", alive=False, CPU=4.0),
            entry("one", CPU=2.0),
        ]
    )
    assert nodes == [Node("one", "one", 2, 0, 0), Node("two", "two", 4, 5, 1)]
