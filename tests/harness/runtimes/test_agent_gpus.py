"""GPUs of agents: what the runtimes show, and what an engine that has none says."""

from __future__ import annotations

import threading

import pytest

from mlebench_data.harness.gpus import container_gpu_problem
from mlebench_data.harness.runtimes.failures import LastingFailure
from mlebench_data.harness.runtimes.sandbox import Gpu

GPUS = tuple(Gpu(index, f"GPU-{index}{index}", "Name", 10**10) for index in (1, 3))
PRINTER = "import os; print(repr(os.environ.get('CUDA_VISIBLE_DEVICES')))"


@pytest.mark.parametrize(("gpus", "shown"), [(GPUS, "GPU-11,GPU-33"), ((), "")])
def test_local_agents_see_the_given_ones_only(local_runtime, make_case, gpus, shown):
    case = make_case(PRINTER, gpus=gpus, environment={"CUDA_VISIBLE_DEVICES": "0,1,2,3"})
    assert case.run(local_runtime).exit_code == 0
    assert case.log == f"{shown!r}\n"
    local_runtime.check_gpus()


@pytest.fixture
def engine_without_gpus(docker_runtime):
    try:
        docker_runtime.check_gpus()
    except LastingFailure:
        return docker_runtime
    pytest.skip("the engine can give GPUs")


@pytest.mark.docker
def test_engine_is_asked_before_anything_starts(engine_without_gpus):
    with pytest.raises(LastingFailure, match="Install the NVIDIA container toolkit"):
        engine_without_gpus.check_gpus()
    assert container_gpu_problem() == "The Docker engine cannot give GPUs to containers"


@pytest.mark.docker
def test_engine_gets_the_request_and_refuses_it(engine_without_gpus, make_case):
    import docker

    requests = []

    def look(token: str) -> None:
        client = docker.from_env()
        requests.extend(client.containers.get(token).attrs["HostConfig"]["DeviceRequests"])
        client.close()

    case = make_case(gpus=GPUS)
    with pytest.raises(LastingFailure, match="install the NVIDIA container toolkit"):
        engine_without_gpus.run(case.sandbox, cancelled=threading.Event(), started=look)
    (request,) = requests
    assert request["DeviceIDs"] == ["GPU-11", "GPU-33"]
    assert request["Capabilities"] == [["gpu"]]
    assert request["Count"] == 0
