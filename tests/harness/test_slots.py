"""How many attempts fit on a machine, and how GPUs are given out."""

from __future__ import annotations

import multiprocessing
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.runtimes.sandbox import Gpu, Limits
from mlebench_data.harness.slots import GpuPool, places

GPUS = tuple(Gpu(number, f"GPU-{number}", "model", 1 << 30) for number in range(4))
MACHINE = {"cpus": 36, "memory_bytes": 440 << 30, "gpus": 4}


@pytest.mark.parametrize(
    ("limits", "gpus_per_run", "runs_per_gpu", "expected"),
    [
        ({}, 0, 1, 1_000_000),
        ({"cpus": 36}, 0, 1, 1),
        ({"cpus": 0.5}, 0, 1, 72),
        ({"cpus": 100}, 0, 1, 1),
        ({"memory_bytes": 100 << 30}, 0, 1, 4),
        ({"cpus": 9, "memory_bytes": 200 << 30}, 0, 1, 2),
        ({}, 1, 1, 4),
        ({}, 1, 3, 12),
        ({}, 3, 1, 1),
        ({"cpus": 18}, 1, 1, 2),
    ],
)
def test_places(limits: dict[str, float], gpus_per_run: int, runs_per_gpu: int, expected: int):
    found = places(
        Limits(60, **limits), gpus_per_run=gpus_per_run, runs_per_gpu=runs_per_gpu, **MACHINE
    )
    assert found == expected


@pytest.mark.parametrize("there", [0, 1])
def test_missing_gpus_are_an_error(there: int):
    with pytest.raises(MlebenchError, match=f"2 GPUs, and this machine has {there or 'none'}"):
        places(Limits(60), cpus=1, memory_bytes=1, gpus=there, gpus_per_run=2, runs_per_gpu=1)


@settings(max_examples=20, deadline=None)
@given(
    demands=some.lists(some.integers(0, 4), min_size=1, max_size=12),
    share=some.integers(1, 3),
)
def test_no_gpu_serves_more_than_it_may(demands: list[int], share: int):
    in_use = dict.fromkeys((gpu.uuid for gpu in GPUS), 0)
    guard = threading.Lock()
    most = []

    def serve(pool: GpuPool, count: int) -> None:
        with pool.take(count, threading.Event()) as gpus:
            assert len({gpu.uuid for gpu in gpus}) == count
            with guard:
                for gpu in gpus:
                    in_use[gpu.uuid] += 1
                most.append(max(in_use.values()))
            with guard:
                for gpu in gpus:
                    in_use[gpu.uuid] -= 1

    with tempfile.TemporaryDirectory() as folder:
        # Two pools stand for two harnesses.
        pools = [GpuPool(GPUS, share, Path(folder)) for _ in range(2)]
        threads = [
            threading.Thread(target=serve, args=(pools[number % 2], count))
            for number, count in enumerate(demands)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=20)
    assert len(most) == len(demands)
    assert max(most) <= share


def test_sharing_begins_when_all_are_in_use(tmp_path: Path):
    pool = GpuPool(GPUS[:2], 2, tmp_path)
    never = threading.Event()
    with pool.take(1, never) as (first,), pool.take(1, never) as (second,):
        assert first != second
        with pool.take(1, never), pool.take(1, never):
            never.set()
            with pool.take(1, never) as more:
                assert more == ()


def test_adopted_sandbox_keeps_its_gpu(tmp_path: Path):
    with GpuPool(GPUS, 1, tmp_path).take(1, threading.Event(), wanted=["GPU-2"]) as gpus:
        assert gpus == (GPUS[2],)


def _hold(folder: Path, held: threading.Event, let_go: threading.Event) -> None:
    with GpuPool(GPUS[:1], 1, folder).take(1, threading.Event()):
        held.set()
        let_go.wait(20)


def test_other_processes_are_waited_for(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    held, let_go = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(tmp_path, held, let_go))
    process.start()
    try:
        assert held.wait(20)
        pool = GpuPool(GPUS[:1], 1, tmp_path)
        never = threading.Event()
        never.set()
        with pool.take(1, never) as gpus:
            assert gpus == ()
        # However it ends.
        process.kill()
        process.join()
        with pool.take(1, threading.Event()) as gpus:
            assert gpus == GPUS[:1]
    finally:
        process.kill()
        process.join()
